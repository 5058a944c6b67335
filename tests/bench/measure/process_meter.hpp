#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "measure/sockets.hpp"

namespace bester::bench {

std::int64_t monotonic_ns() noexcept;
/// User and system time of all threads of a process, in nanoseconds. Throws if it is gone.
std::int64_t cpu_ns(pid_t pid);

/// From /proc/PID/status, in bytes.
struct memory_use {
    std::int64_t resident = 0;   ///< VmRSS
    std::int64_t anonymous = 0;  ///< RssAnon: without the pages of the executable and its libraries
};
memory_use memory_of(pid_t pid);

/// What the preloaded bench_alloc_counter of another process has counted so far.
struct allocation_counts {
    std::uint64_t allocations = 0;
    std::uint64_t releases = 0;
    std::uint64_t bytes = 0;

    allocation_counts& operator+=(const allocation_counts& more) noexcept {
        allocations += more.allocations;
        releases += more.releases;
        bytes += more.bytes;
        return *this;
    }
};
allocation_counts read_allocations(const std::string& path);

/// Counts the system calls of another process by the kernel's own tracepoint: nothing is stopped
/// and no call is delayed, unlike under strace. Threads started later are counted too.
class syscall_meter {
public:
    /// Nothing if the kernel does not let us (no tracefs, no permission).
    static std::optional<syscall_meter> attach(pid_t pid);
    std::uint64_t count() const;

private:
    std::vector<unique_fd> counters_;
};

}  // namespace bester::bench
