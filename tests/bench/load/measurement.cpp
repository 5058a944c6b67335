#include "load/measurement.hpp"

#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace bester::bench {

measurement::measurement(const load_options& options) : options_(options) {
    if (!options.counts_syscalls) return;
    syscalls_ = syscall_meter::attach(options.target_pid);
    if (options.second_pid != 0) second_syscalls_ = syscall_meter::attach(options.second_pid);
    if (!syscalls_ || (options.second_pid != 0 && !second_syscalls_))
        throw std::runtime_error("cannot count system calls: tracefs is not readable or perf events are forbidden");
}

void measurement::begin() { begin_ = take(); }
void measurement::end() { end_ = take(); }

measurement::sample measurement::take() const {
    sample now;
    now.target_cpu = cpu_ns(options_.target_pid);
    for (const pid_t each : options_.also_pids) now.target_cpu += cpu_ns(each);
    if (options_.second_pid != 0) now.second_cpu = cpu_ns(options_.second_pid);
    now.time = monotonic_ns();
    if (options_.handler_pid != 0) now.handler_cpu = cpu_ns(options_.handler_pid);
    now.own_cpu = cpu_ns(::getpid());
    if (syscalls_) now.syscalls = syscalls_->count();
    if (second_syscalls_) now.syscalls += second_syscalls_->count();
    if (!options_.alloc_file.empty()) now.allocations = read_allocations(options_.alloc_file);
    if (!options_.second_alloc_file.empty()) now.allocations += read_allocations(options_.second_alloc_file);
    return now;
}

std::string measurement::to_json(const load_options& options, std::size_t connections, std::size_t outstanding,
                                 const std::string& extra) const {
    if (messages == 0) throw std::runtime_error("no message was completed within the measured window");
    const auto count = static_cast<double>(messages);
    const auto per_message = [&](auto from, auto to) { return static_cast<double>(to - from) / count; };
    const auto us_per_message = [&](std::int64_t from, std::int64_t to) { return per_message(from, to) / 1e3; };
    const double seconds = static_cast<double>(end_.time - begin_.time) / 1e9;

    nlohmann::ordered_json line{
        {"target", options.target},
        {"workload", options.workload},
        {"connections", connections},
        {"outstanding", outstanding},
        {"seconds", seconds},
        {"messages", messages},
        {"throughput", count / seconds},
        {"cpu_us", us_per_message(begin_.target_cpu + begin_.second_cpu, end_.target_cpu + end_.second_cpu)},
        {"handler_cpu_us", us_per_message(begin_.handler_cpu, end_.handler_cpu)},
        {"load_cpu_us", us_per_message(begin_.own_cpu, end_.own_cpu)},
        {"p50_ns", latency.percentile(0.5)},
        {"p99_ns", latency.percentile(0.99)},
        {"max_ns", latency.largest()},
    };
    if (options.second_pid != 0) {
        const double first = us_per_message(begin_.target_cpu, end_.target_cpu);
        const double second = us_per_message(begin_.second_cpu, end_.second_cpu);
        line["first_cpu_us"] = first;
        line["second_cpu_us"] = second;
        line["busier_cpu_us"] = std::max(first, second);
    }
    if (syscalls_) line["syscalls"] = per_message(begin_.syscalls, end_.syscalls);
    if (!options.alloc_file.empty()) {
        line["allocations"] = per_message(begin_.allocations.allocations, end_.allocations.allocations);
        line["releases"] = per_message(begin_.allocations.releases, end_.allocations.releases);
        line["allocated_bytes"] = per_message(begin_.allocations.bytes, end_.allocations.bytes);
    }
    if (!extra.empty()) line.update(nlohmann::ordered_json::parse(extra));
    return line.dump();
}

}  // namespace bester::bench
