#include "exchange/log_limit.hpp"

#include <catch2/catch.hpp>

using bester::exchange::log_limit;
using namespace std::chrono_literals;

TEST_CASE("log limit: so many lines a second, and the next one tells of those left out", "[exchange]") {
    log_limit limit{2};
    const log_limit::time_point start{1h};
    CHECK(limit.admit(start) == 0u);
    CHECK(limit.admit(start + 999ms) == 0u);
    CHECK_FALSE(limit.admit(start + 999ms));
    CHECK_FALSE(limit.admit(start + 999ms));
    CHECK(limit.admit(start + 1s) == 2u);
    CHECK(limit.admit(start + 1s) == 0u);
    CHECK_FALSE(limit.admit(start + 1s));
    CHECK(limit.admit(start + 1h) == 1u);
}
