#include "peering/link/handshake_pace.hpp"

#include <algorithm>
#include <catch2/catch.hpp>

namespace bester::peering {
namespace {

using namespace std::chrono_literals;
using time_point = handshake_pace::time_point;

}  // namespace

TEST_CASE("handshake pace: strangers without end get half of the thread's time", "[peering]") {
    handshake_pace pace;
    const time_point begin{1h};
    time_point now = begin;
    auto worked = 0us;
    // Many are waiting at any time, so that a step begins as soon as one may.
    for (int i = 0; i < 10'000; ++i) {
        now = std::max(now, pace.next());
        const auto step = std::chrono::microseconds{50 + i * 37 % 3'000};
        pace.took(now, now + step);
        now += step;
        worked += step;
        REQUIRE(2 * worked == pace.next() - begin);
    }
}

TEST_CASE("handshake pace: whoever comes alone does not wait, and an idle time saves nothing up", "[peering]") {
    handshake_pace pace;
    const time_point now{1h};
    CHECK(pace.next() <= now);
    pace.took(now, now + 3ms);
    CHECK(pace.next() == now + 6ms);
    const time_point later = now + 10min;
    CHECK(pace.next() <= later);
    pace.took(later, later + 1ms);
    CHECK(pace.next() == later + 2ms);
}

}  // namespace bester::peering
