#include "handlers/restart_policy.hpp"

#include <algorithm>

namespace bester::handlers {

restart_decision restart_policy::ended(const finished_run& run, time_point now, double random) {
    restart_decision decision;
    decision.failed_start = !run.was_ready || now - run.started < settings_.failed_start;
    if (!decision.failed_start) {
        reset();
        if (run.end == run_end::failed) decision.delay = next_delay(random);
        return decision;
    }
    decision.delay = next_delay(random);
    failures_.push_back(now);
    while (!failures_.empty() && now - failures_.front() > settings_.degraded_window) failures_.pop_front();
    while (failures_.size() > std::max(settings_.degraded_after, 1u)) failures_.pop_front();
    if (!degraded_ && failures_.size() >= std::max(settings_.degraded_after, 1u))
        degraded_ = decision.newly_degraded = true;
    return decision;
}

void restart_policy::reset() {
    degraded_ = false;
    doublings_ = 0;
    failures_.clear();
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
