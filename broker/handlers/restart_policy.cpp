#include "handlers/restart_policy.hpp"

#include <algorithm>

namespace bester::handlers {
namespace {

/// Returns how many failures make an instance degraded; more need not be remembered.
std::size_t most_kept(const restart_settings& settings) { return std::max(settings.degraded_after, 1U); }

}  // namespace

restart_decision restart_policy::ended(const finished_run& run, time_point now, double random) {
    restart_decision decision;
    decision.failed_start = !run.was_ready || now - run.started < settings_.failed_start;
    if (!decision.failed_start) {
        const auto lived = std::chrono::duration_cast<std::chrono::milliseconds>(now - run.started);
        if (run.end == run_end::failed) return crashed(lived, now, random);
        reset();
        return decision;
    }
    decision.delay = next_delay(random);
    failures_.push_back(now);
    while (!failures_.empty() && now - failures_.front() > settings_.degraded_window) failures_.pop_front();
    while (failures_.size() > most_kept(settings_)) failures_.pop_front();
    if (!degraded_ && failures_.size() >= most_kept(settings_)) {
        degraded_ = true;
        decision.newly_degraded = !is_crashing(now);
    }
    return decision;
}

restart_decision restart_policy::crashed(std::chrono::milliseconds lived, time_point now, double random) {
    const bool was_crashing = is_crashing(now);
    degraded_ = false;
    failures_.clear();
    if (crashes_.empty() || now - crashes_.back() > settings_.degraded_window) crash_doublings_ = 0;
    crashes_.push_back(now);
    while (crashes_.size() > most_kept(settings_)) crashes_.pop_front();
    restart_decision decision;
    doublings_ = crash_doublings_;
    decision.delay = std::min(next_delay(random), std::max(lived, settings_.initial_delay));
    crash_doublings_ = doublings_;
    decision.newly_degraded = !was_crashing && is_crashing(now);
    return decision;
}

bool restart_policy::is_crashing(time_point now) const {
    const std::size_t many = most_kept(settings_);
    return crashes_.size() >= many && now - crashes_[crashes_.size() - many] <= settings_.degraded_window;
}

void restart_policy::reset() {
    degraded_ = false;
    doublings_ = crash_doublings_ = 0;
    failures_.clear();
    crashes_.clear();
}

std::chrono::milliseconds restart_policy::next_delay(double random) {
    auto nominal = std::min(settings_.initial_delay, settings_.longest_delay);
    for (unsigned i = 0; i < doublings_ && nominal < settings_.longest_delay; ++i)
        nominal = std::min(nominal * 2, settings_.longest_delay);
    if (nominal < settings_.longest_delay) ++doublings_;
    const double share = 0.75 + 0.25 * std::clamp(random, 0.0, 1.0);
    return std::chrono::milliseconds(static_cast<long long>(static_cast<double>(nominal.count()) * share));
}

}  // namespace bester::handlers
