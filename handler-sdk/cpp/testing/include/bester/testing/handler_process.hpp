#pragma once

#include <sys/types.h>

#include <chrono>
#include <string>
#include <utility>
#include <vector>

namespace bester::testing {

/// A real handler process, started as the broker starts it: with a minimal environment, its output
/// collected. Owns the process: the destructor kills what still runs. One thread. The constructor
/// throws std::system_error if it cannot be started.
class handler_process {
public:
    handler_process(const std::vector<std::string>& command,
                    const std::vector<std::pair<std::string, std::string>>& environment);
    ~handler_process();
    handler_process(const handler_process&) = delete;
    handler_process& operator=(const handler_process&) = delete;

    /// Readable when the process has ended.
    int pidfd() const noexcept { return pidfd_; }
    pid_t pid() const noexcept { return pid_; }
    /// Waits for its end. False if it still runs after `limit`.
    bool await_end(std::chrono::milliseconds limit);
    void terminate() noexcept;
    /// "exit code 1", "killed by signal 11 (Segmentation fault)"; "running".
    std::string end() const;
    bool ended_well() const noexcept;
    /// All that it wrote to stdout and stderr so far.
    std::string output() const;

private:
    pid_t pid_ = -1;
    int pidfd_ = -1;
    int output_ = -1;
    bool has_ended_ = false;
    int status_ = 0;
};

}  // namespace bester::testing
