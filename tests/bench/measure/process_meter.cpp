#include "measure/process_meter.hpp"

#include <linux/perf_event.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <ctime>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "measure/alloc_counts.hpp"

namespace bester::bench {
namespace {

std::int64_t read_clock(clockid_t clock) {
    timespec now{};
    if (::clock_gettime(clock, &now) != 0) fail_errno("clock_gettime");
    return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

std::optional<std::uint64_t> tracepoint_id() {
    for (const char* root : {"/sys/kernel/tracing", "/sys/kernel/debug/tracing"}) {
        std::ifstream file(std::string(root) + "/events/raw_syscalls/sys_enter/id");
        std::uint64_t id = 0;
        if (file >> id) return id;
    }
    return std::nullopt;
}

}  // namespace

std::int64_t monotonic_ns() noexcept {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

std::int64_t cpu_ns(pid_t pid) {
    clockid_t clock{};
    if (::clock_getcpuclockid(pid, &clock) != 0) {
        throw std::runtime_error("process " + std::to_string(pid) + " is gone: see its log");
    }
    return read_clock(clock);
}

memory_use memory_of(pid_t pid) {
    memory_use use;
    std::ifstream file("/proc/" + std::to_string(pid) + "/status");
    for (std::string word; file >> word;) {
        if (word == "VmRSS:" && file >> use.resident) use.resident *= 1024;
        if (word == "RssAnon:" && file >> use.anonymous) use.anonymous *= 1024;
    }
    if (use.resident == 0) throw std::runtime_error("no memory figures of process " + std::to_string(pid));
    return use;
}

allocation_counts read_allocations(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    shared_alloc_counts raw;
    if (!file.read(reinterpret_cast<char*>(&raw), sizeof(raw))) {
        throw std::runtime_error("cannot read the allocation counters in " + path);
    }
    return {raw.allocations, raw.releases, raw.bytes};
}

std::optional<syscall_meter> syscall_meter::attach(pid_t pid) {
    const auto id = tracepoint_id();
    if (!id) return std::nullopt;
    perf_event_attr attributes{};
    attributes.type = PERF_TYPE_TRACEPOINT;
    attributes.size = sizeof(attributes);
    attributes.config = *id;
    attributes.inherit = 1;
    syscall_meter meter;
    for (const auto& task : std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/task")) {
        const auto thread = static_cast<pid_t>(std::stol(task.path().filename().string()));
        unique_fd counter{
            static_cast<int>(::syscall(SYS_perf_event_open, &attributes, thread, -1, -1, PERF_FLAG_FD_CLOEXEC))};
        if (!counter) return std::nullopt;
        meter.counters_.push_back(std::move(counter));
    }
    return meter;
}

std::uint64_t syscall_meter::count() const {
    std::uint64_t sum = 0;
    for (const unique_fd& counter : counters_) {
        std::uint64_t value = 0;
        if (::read(counter.get(), &value, sizeof(value)) != sizeof(value)) fail_errno("read perf counter");
        sum += value;
    }
    return sum;
}

}  // namespace bester::bench
