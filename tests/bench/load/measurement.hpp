#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "measure/histogram.hpp"
#include "measure/process_meter.hpp"

namespace bester::bench {

/// What one run is to do; from the command line.
struct load_options {
    std::string target;    ///< protocol: see make_protocol
    std::string workload;  ///< see main.cpp
    std::uint16_t port = 0;
    std::uint16_t receiver_port = 0;  ///< of receivers of pairs; 0: the same
    std::size_t connections = 0;      ///< 0: the workload's own number
    std::size_t outstanding = 0;      ///< 0: the workload's own number
    std::int64_t warmup_ms = 1'000;
    std::int64_t measure_ms = 3'000;
    pid_t target_pid = 0;
    std::vector<pid_t> also_pids;   ///< processes that are part of the target: added to its CPU and memory
    pid_t second_pid = 0;           ///< another server that belongs to the target; 0: none
    pid_t handler_pid = 0;          ///< 0: none
    std::string alloc_file;         ///< counters of the target's bench_alloc_counter; empty: none
    std::string second_alloc_file;  ///< of the second
    bool counts_syscalls = false;   ///< slows every process of the machine down a little
};

/// Reads the meters of the processes at both ends of the measured window.
class measurement {
public:
    explicit measurement(const load_options& options);
    void begin();
    void end();

    histogram latency;
    std::uint64_t messages = 0;  ///< completed within the window

    /// One JSON object, in one line; the fields of the object `extra`, if any, are added to it.
    std::string to_json(const load_options& options, std::size_t connections, std::size_t outstanding,
                        const std::string& extra) const;

private:
    struct sample {
        std::int64_t time = 0;
        std::int64_t target_cpu = 0;
        std::int64_t second_cpu = 0;
        std::int64_t handler_cpu = 0;
        std::int64_t own_cpu = 0;
        std::uint64_t syscalls = 0;
        allocation_counts allocations;
    };
    sample take() const;

    const load_options& options_;
    std::optional<syscall_meter> syscalls_;
    std::optional<syscall_meter> second_syscalls_;
    sample begin_;
    sample end_;
};

/// Run a workload to its end and return its line of results.
std::string run_requests(const load_options& options);
std::string run_fanout(const load_options& options);
std::string run_idle(const load_options& options);
std::string run_pairs(const load_options& options);

}  // namespace bester::bench
