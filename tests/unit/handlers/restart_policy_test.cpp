#include "handlers/restart_policy.hpp"

#include <catch2/catch.hpp>

#include <ostream>

using namespace std::chrono_literals;
using bester::handlers::finished_run;
using bester::handlers::restart_decision;
using bester::handlers::restart_policy;
using bester::handlers::restart_settings;
using bester::handlers::run_end;

namespace bester::handlers {

std::ostream& operator<<(std::ostream& out, const restart_decision& decision) {
    return out << "{delay " << decision.delay.count() << " ms, failed start " << decision.failed_start
               << ", newly degraded " << decision.newly_degraded << "}";
}

}  // namespace bester::handlers

namespace {

constexpr double no_jitter = 1.0;  // the clamped top of the range: nominal delays
const restart_policy::time_point origin{};

finished_run run(restart_policy::time_point started, bool was_ready, run_end end) { return {started, was_ready, end}; }

restart_decision fail_start(restart_policy& policy, restart_policy::time_point at) {
    return policy.ended(run(at - 10ms, false, run_end::failed), at, no_jitter);
}

}  // namespace

TEST_CASE("restart policy: one run's end decides about the next start", "[handlers]") {
    struct row {
        const char* what;
        std::chrono::milliseconds lived;
        bool was_ready;
        run_end end;
        restart_decision expected;
    };
    const row rows[] = {
        {"a crash after a good run waits the initial delay", 10s, true, run_end::failed, {500ms, false, false}},
        {"leaving by itself after a good run is followed at once", 10s, true, run_end::clean, {0ms, false, false}},
        {"an exit before the hello is a failed start", 10s, false, run_end::failed, {500ms, true, false}},
        {"a clean exit before the hello is one too", 10s, false, run_end::clean, {500ms, true, false}},
        {"a crash soon after the hello is a failed start", 999ms, true, run_end::failed, {500ms, true, false}},
        {"a clean exit soon after the hello is one too", 999ms, true, run_end::clean, {500ms, true, false}},
        {"a second is long enough", 1000ms, true, run_end::failed, {500ms, false, false}},
    };
    for (const row& each : rows) {
        CAPTURE(each.what);
        restart_policy policy{restart_settings{}};
        CHECK(policy.ended(run(origin, each.was_ready, each.end), origin + each.lived, no_jitter) == each.expected);
    }
}

TEST_CASE("restart policy: failed starts in a row double the delay up to the longest", "[handlers]") {
    restart_policy policy{restart_settings{}};
    auto now = origin;
    for (const auto expected : {500ms, 1000ms, 2000ms, 4000ms, 8000ms, 16000ms, 30000ms, 30000ms, 30000ms}) {
        const auto decision = fail_start(policy, now);
        CHECK(decision.delay == expected);
        now += decision.delay + 10ms;
    }
}

TEST_CASE("restart policy: the jitter takes away a quarter at most", "[handlers]") {
    const double random = GENERATE(0.0, 0.25, 0.5, 0.999);
    restart_policy policy{restart_settings{}};
    const auto decision = policy.ended(run(origin, false, run_end::failed), origin, random);
    CAPTURE(random, decision.delay.count());
    CHECK(decision.delay >= 375ms);
    CHECK(decision.delay <= 500ms);
    CHECK(decision.delay == std::chrono::milliseconds(static_cast<int>(500 * (0.75 + 0.25 * random))));
}

TEST_CASE("restart policy: so many failures within the window degrade, once", "[handlers]") {
    restart_policy policy{restart_settings{}};
    for (int i = 0; i < 4; ++i) {
        CHECK_FALSE(fail_start(policy, origin + i * 1s).newly_degraded);
        CHECK_FALSE(policy.is_degraded(origin + i * 1s));
    }
    CHECK(fail_start(policy, origin + 4s).newly_degraded);
    CHECK(policy.is_degraded(origin + 61s));
    CHECK_FALSE(fail_start(policy, origin + 5s).newly_degraded);
    SECTION("it stays so when failures become rare") {
        fail_start(policy, origin + 500s);
        CHECK(policy.is_degraded(origin + 500s));
    }
    SECTION("until it becomes ready") {
        policy.became_ready();
        CHECK_FALSE(policy.is_degraded(origin + 61s));
        SECTION("but a crash right after the hello degrades it again") {
            CHECK(policy.ended(run(origin + 6s, true, run_end::failed), origin + 6100ms, no_jitter).newly_degraded);
        }
        SECTION("and a good run wipes the slate") {
            const auto decision = policy.ended(run(origin + 6s, true, run_end::failed), origin + 60s, no_jitter);
            CHECK(decision == restart_decision{500ms, false, false});
            CHECK(fail_start(policy, origin + 61s).delay == 1000ms);
            CHECK_FALSE(policy.is_degraded(origin + 61s));
        }
    }
    SECTION("or somebody asks for another try") {
        policy.reset();
        CHECK_FALSE(policy.is_degraded(origin + 61s));
        CHECK(fail_start(policy, origin + 6s).delay == 500ms);
    }
}

TEST_CASE("restart policy: failures outside the window do not degrade", "[handlers]") {
    restart_policy policy{restart_settings{}};
    for (int i = 0; i < 20; ++i) CHECK_FALSE(fail_start(policy, origin + i * 16s).newly_degraded);
    CHECK_FALSE(policy.is_degraded(origin + 61s));
}

TEST_CASE("restart policy: runs that serve and crash again and again back off and are degraded", "[handlers]") {
    restart_policy policy{restart_settings{}};
    auto now = origin;
    const auto crash_after = [&](std::chrono::milliseconds lived) {
        const auto started = now;
        policy.became_ready();
        now += lived;
        const auto decision = policy.ended(run(started, true, run_end::failed), now, no_jitter);
        now += decision.delay;
        return decision;
    };
    SECTION("with growing pauses, but never longer than the run before") {
        CHECK(crash_after(1400ms) == restart_decision{500ms, false, false});
        CHECK(crash_after(1400ms) == restart_decision{1000ms, false, false});
        CHECK(crash_after(1400ms) == restart_decision{1400ms, false, false});
        CHECK(crash_after(10s) == restart_decision{4000ms, false, false});
        CHECK_FALSE(policy.is_degraded(now));
        CHECK(crash_after(1400ms) == restart_decision{1400ms, false, true});
        policy.became_ready();
        CHECK(policy.is_degraded(now));
        CHECK_FALSE(crash_after(1400ms).newly_degraded);
        SECTION("until it has been well for the window") {
            CHECK_FALSE(policy.is_degraded(now + 61s));
            CHECK(crash_after(120s) == restart_decision{500ms, false, false});
        }
        SECTION("or ends by itself, or somebody asks for another try") {
            if (GENERATE(true, false)) policy.ended(run(now, true, run_end::clean), now + 2s, no_jitter);
            else policy.reset();
            CHECK_FALSE(policy.is_degraded(now));
            CHECK(crash_after(2s) == restart_decision{500ms, false, false});
        }
    }
    SECTION("rare crashes stay cheap") {
        for (int i = 0; i < 20; ++i) CHECK(crash_after(90s) == restart_decision{500ms, false, false});
        CHECK_FALSE(policy.is_degraded(now));
    }
}

TEST_CASE("restart policy: settings with an initial delay above the longest are bounded by it", "[handlers]") {
    restart_settings settings;
    settings.initial_delay = 10s;
    settings.longest_delay = 1s;
    restart_policy policy{settings};
    CHECK(fail_start(policy, origin).delay == 1000ms);
    CHECK(fail_start(policy, origin + 1s).delay == 1000ms);
}
