#pragma once

#include "handlers/handler_settings.hpp"

#include <chrono>
#include <deque>

namespace bester::handlers {

/// How a run of an instance ended, as the restart policy distinguishes it.
enum class run_end {
    clean,   ///< it exited by itself with status 0
    failed,  ///< anything else: crash, kill, lost channel, no hello, could not be started
};

/// A run that is over: the input of restart_policy::ended.
struct finished_run {
    std::chrono::steady_clock::time_point started;
    bool was_ready = false;  ///< its hello and all its channels had been accepted
    run_end end = run_end::failed;
};

/// Output of restart_policy::ended.
struct restart_decision {
    std::chrono::milliseconds delay{0};  ///< 0: start now
    bool failed_start = false;           ///< this run counts as one
    bool newly_degraded = false;         ///< true once, when `degraded_after` is reached

    bool operator==(const restart_decision&) const = default;
};

/// Decides when an instance that ended is started again. Pure: clock and random come in.
///
/// A run that never became ready, or that ended within `failed_start` of its start, is a failed start; each one in a
/// row doubles the delay. `degraded_after` of them within the window make the instance degraded: it is still retried,
/// and shown as degraded until it becomes ready. A run that became ready and outlived `failed_start` clears that
/// history. (A hello alone does not: otherwise a handler that crashes right after it would be restarted twice a second
/// for ever.)
///
/// When such a run ends by itself there is no delay. When it crashes, the delay is the initial one, and doubles for
/// each further crash with less than the window between them, but is never longer than the run was: what serves between
/// its crashes is away for half of the time at most. `degraded_after` crashes within the window are degraded as well,
/// for as long as they are.
class restart_policy {
public:
    using time_point = std::chrono::steady_clock::time_point;

    explicit restart_policy(const restart_settings& settings) : settings_(settings) {}

    /// A run's hello and all its channels were accepted.
    void became_ready() noexcept { degraded_ = false; }
    /// `random` is in [0, 1); the delay lies between three quarters and all of its nominal value.
    restart_decision ended(const finished_run& run, time_point now, double random);
    /// Forgets all failures, after a change of the config or a request for another try.
    void reset();
    void use(const restart_settings& settings) { settings_ = settings; }

    bool is_degraded(time_point now) const { return degraded_ || is_crashing(now); }

private:
    bool is_crashing(time_point now) const;
    restart_decision crashed(std::chrono::milliseconds lived, time_point now, double random);
    std::chrono::milliseconds next_delay(double random);

    restart_settings settings_;
    bool degraded_ = false;
    unsigned doublings_ = 0;
    std::deque<time_point> failures_;  // failed starts within the window; at most degraded_after
    std::deque<time_point> crashes_;   // of runs that were no failed starts; at most degraded_after
    unsigned crash_doublings_ = 0;
};

}  // namespace bester::handlers
