#pragma once

#include <sys/types.h>
#include <string>
#include <tl/expected.hpp>

namespace bester::handlers {

class guard;
struct process_settings;

/// A child that runs its executable. The caller owns the descriptors and must reap `pid`.
struct launched_process {
    pid_t pid = -1;
    int output = -1;  ///< read end of its stdout, non-blocking
    int errors = -1;  ///< read end of its stderr, non-blocking
};

/// Forks and executes, and waits until exec has succeeded or failed; the error says which step
/// failed and why. `watcher` may be null. On the guard's thread; everything that allocates is done
/// before the fork.
tl::expected<launched_process, std::string> launch(const process_settings& settings, guard* watcher);

}  // namespace bester::handlers
