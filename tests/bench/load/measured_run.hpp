#pragma once

#include <cstdint>

#include "load/measurement.hpp"
#include "measure/process_meter.hpp"

namespace bester::bench {

/// How long a workload's end may take: what is answered later counts as lost.
inline constexpr std::int64_t drain_limit_ms = 15'000;

/// The course of every workload: warm up, measure, wait for what is still open. `work` has start(),
/// turn(), measure(bool) and drain(); its answers are in `result` afterwards.
template <typename Workload>
void run_measured(Workload& work, const load_options& options, measurement& result) {
    const auto turn_for = [&](std::int64_t span_ms) {
        for (const std::int64_t until = monotonic_ns() + span_ms * 1'000'000; monotonic_ns() < until;) work.turn();
    };
    work.start();
    turn_for(options.warmup_ms);
    result.begin();
    work.measure(true);
    turn_for(options.measure_ms);
    work.measure(false);
    result.end();
    work.drain();
}

}  // namespace bester::bench
