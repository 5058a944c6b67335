#include <catch2/catch.hpp>

#include "handlers/liveness.hpp"
#include "handlers/overdue_messages.hpp"
#include "handlers/running_time.hpp"

using bester::handlers::liveness;
using bester::handlers::liveness_limits;
using bester::handlers::overdue_messages;
using verdict = bester::handlers::liveness::verdict;

namespace {

constexpr liveness_limits limits{5'000, 30'000, 60'000};

/// A liveness that is looked at every 50 ms, as a shard does.
struct watched {
    explicit watched(bool answers_pings) : state{answers_pings} {}

    /// Looks until `until_ms`, or until something is to be done.
    verdict look_until(std::uint64_t until_ms, bool is_owed) {
        while (now_ms < until_ms) {
            now_ms += 50;
            if (const verdict said = state.look(now_ms, is_owed, false, limits); said != verdict::alive) return said;
        }
        return verdict::alive;
    }

    liveness state;
    std::uint64_t now_ms = 1'000'000;
};

}  // namespace

TEST_CASE("liveness: a silent instance is asked after the interval and hangs after the time-out", "[handlers]") {
    watched it{true};
    const auto begin = it.now_ms;
    REQUIRE(it.look_until(begin + 100'000, true) == verdict::ask);
    CHECK(it.now_ms - begin >= 5'000);
    CHECK(it.now_ms - begin <= 5'100);
    CHECK(it.state.is_waiting_for_pong());
    const auto asked = it.now_ms;
    // Nothing is owed any more, as the deadlines have passed: the question stands all the same.
    REQUIRE(it.look_until(begin + 100'000, false) == verdict::hanging);
    CHECK(it.now_ms - asked >= 30'000);
    CHECK(it.now_ms - asked <= 30'100);
}

TEST_CASE("liveness: a missed deadline asks at once", "[handlers]") {
    watched it{true};
    CHECK(it.look_until(it.now_ms + 300, true) == verdict::alive);
    it.now_ms += 50;
    CHECK(it.state.look(it.now_ms, true, true, limits) == verdict::ask);
    it.now_ms += 50;
    CHECK(it.state.look(it.now_ms, true, true, limits) == verdict::alive);
}

TEST_CASE("liveness: what is heard begins everything anew", "[handlers]") {
    const bool answers_pings = GENERATE(true, false);
    watched it{answers_pings};
    for (int i = 0; i < 100; ++i) {
        const auto begin = it.now_ms;
        REQUIRE(it.look_until(begin + 4'900, true) == verdict::alive);
        CHECK_FALSE(it.state.heard());
    }
    if (!answers_pings) return;
    REQUIRE(it.look_until(it.now_ms + 10'000, true) == verdict::ask);
    REQUIRE(it.look_until(it.now_ms + 29'900, true) == verdict::alive);
    CHECK_FALSE(it.state.heard());
    CHECK_FALSE(it.state.is_waiting_for_pong());
    const auto begin = it.now_ms;
    REQUIRE(it.look_until(begin + 100'000, true) == verdict::ask);
    CHECK(it.now_ms - begin >= 5'000);
}

TEST_CASE("liveness: only time counts in which something is owed", "[handlers]") {
    const bool answers_pings = GENERATE(true, false);
    watched it{answers_pings};
    REQUIRE(it.look_until(it.now_ms + 4'000, true) == verdict::alive);
    REQUIRE(it.look_until(it.now_ms + 1'000'000, false) == verdict::alive);
    // No sweep ran for an hour, as nobody had anything to look at.
    it.now_ms += 3'600'000;
    CHECK(it.look_until(it.now_ms + 900, true) == verdict::alive);
    CHECK_FALSE(it.state.is_waiting_for_pong());
}

TEST_CASE("liveness: only time counts for which the broker was awake", "[handlers]") {
    watched it{true};
    REQUIRE(it.look_until(it.now_ms + 100'000, true) == verdict::ask);
    // Stopped for a day: two looks, not a day's silence.
    it.now_ms += 86'400'000;
    CHECK(it.state.look(it.now_ms, true, false, limits) == verdict::alive);
    CHECK(it.look_until(it.now_ms + 29'700, true) == verdict::alive);
    CHECK(it.look_until(it.now_ms + 200, true) == verdict::hanging);
}

TEST_CASE("liveness: who does not answer pings is never asked, and hangs after the silence", "[handlers]") {
    watched it{false};
    const auto begin = it.now_ms;
    REQUIRE(it.look_until(begin + 200'000, true) == verdict::hanging);
    CHECK(it.now_ms - begin >= 60'000);
    CHECK(it.now_ms - begin <= 60'200);
}

TEST_CASE("liveness: who is left alone is not judged until it is heard", "[handlers]") {
    watched it{true};
    REQUIRE(it.look_until(it.now_ms + 100'000, true) == verdict::ask);
    REQUIRE(it.look_until(it.now_ms + 100'000, true) == verdict::hanging);
    it.state.leave_alone();
    CHECK_FALSE(it.state.is_waiting_for_pong());
    CHECK(it.look_until(it.now_ms + 1'000'000, true) == verdict::alive);
    CHECK(it.state.heard());
    CHECK_FALSE(it.state.heard());
    REQUIRE(it.look_until(it.now_ms + 100'000, true) == verdict::ask);
    CHECK(it.look_until(it.now_ms + 100'000, true) == verdict::hanging);
}

TEST_CASE("overdue messages: those are kept that came due first since the instance was heard", "[handlers]") {
    overdue_messages kept;
    for (std::uint64_t i = 1; i <= 8; ++i) kept.add({i, "forgotten", i, i}, 0);
    kept.answered(3);
    CHECK(kept.all().size() == 7);
    // It was heard at 100, and hangs since: its first messages push out those of before, not one another.
    for (std::uint64_t i = 0; i < 1'000; ++i) kept.add({1'000 + i, "later", 200 + i, 300 + i}, 100);
    REQUIRE(kept.all().size() == overdue_messages::most);
    for (std::uint64_t i = 0; i < overdue_messages::most; ++i) CHECK(kept.all()[i].id == 1'000 + i);
}

TEST_CASE("running time: a standstill counts as one step, however long it lasts", "[handlers]") {
    using bester::handlers::running_time;
    running_time span;
    CHECK(span.look(1'000) == 0);
    span.begin(1'000);
    CHECK(span.look(1'050) == 50);
    CHECK(span.look(61'050) == 50 + running_time::longest_step_ms);
    span.begin(61'060);  // it runs already
    CHECK(span.look(61'150) == 150 + running_time::longest_step_ms);
    span.end();
    CHECK_FALSE(span.is_running());
    CHECK(span.look(70'000) == 0);
    span.begin(80'000);
    CHECK(span.look(80'100) == 100);
}
