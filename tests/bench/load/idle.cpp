// The idle workload: what a logged-in session that says nothing costs in memory.

#include <nlohmann/json.hpp>

#include "load/connection_pool.hpp"
#include "load/measurement.hpp"

namespace bester::bench {
namespace {

constexpr std::int64_t settle_ms = 1'000;
constexpr std::int64_t ping_limit_ms = 30'000;

/// Turns for a while: a session that the target closes ends the run.
void settle(connection_pool& pool, workload& who) {
    for (const std::int64_t until = monotonic_ns() + settle_ms * 1'000'000; monotonic_ns() < until;) pool.turn(50, who);
}

/// Of the target with all that is part of it.
memory_use memory_of_target(const load_options& options) {
    memory_use sum = memory_of(options.target_pid);
    for (const pid_t each : options.also_pids) {
        const memory_use more = memory_of(each);
        sum.resident += more.resident;
        sum.anonymous += more.anonymous;
    }
    return sum;
}

}  // namespace

std::string run_idle(const load_options& options) {
    const auto speaks = make_protocol(options.target);
    connection_pool pool{*speaks, options.port};
    workload who;
    // The first session makes the target touch the code and the tables that all share.
    pool.connect(1, role::requester, who);
    settle(pool, who);
    const memory_use before = memory_of_target(options);
    const std::int64_t started = monotonic_ns();
    pool.connect(options.connections, role::requester, who, 64);
    const double login_seconds = static_cast<double>(monotonic_ns() - started) / 1e9;
    settle(pool, who);
    const memory_use idle = memory_of_target(options);
    const std::int64_t cpu_before = cpu_ns(options.target_pid);
    settle(pool, who);
    const std::int64_t idle_cpu = cpu_ns(options.target_pid) - cpu_before;

    // Every one of them must still be there; and what it costs after it was busy is told apart.
    for (connection& each : pool.connections()) {
        speaks->ping(each.out);
        pool.flush(each);
    }
    pool.run_until(
        [&] {
            for (const connection& each : pool.connections()) {
                if (each.ready < 2) return false;
            }
            return true;
        },
        ping_limit_ms, "an answer of every session to a ping", who);
    settle(pool, who);
    const memory_use after_ping = memory_of_target(options);

    const auto per_session = [&](std::int64_t bytes) {
        return static_cast<double>(bytes) / static_cast<double>(options.connections);
    };
    return nlohmann::ordered_json{
        {"target", options.target},
        {"workload", options.workload},
        {"connections", options.connections},
        {"login_seconds", login_seconds},
        {"rss_per_session", per_session(idle.resident - before.resident)},
        {"anonymous_per_session", per_session(idle.anonymous - before.anonymous)},
        {"rss_per_session_after_ping", per_session(after_ping.resident - before.resident)},
        {"rss_before", before.resident},
        {"rss_idle", idle.resident},
        {"idle_cpu_us_per_second", static_cast<double>(idle_cpu) / 1e3 / (settle_ms / 1e3)},
    }
        .dump();
}

}  // namespace bester::bench
