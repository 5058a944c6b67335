#pragma once

#include <asio/io_context.hpp>
#include <asio/posix/stream_descriptor.hpp>

#include <sys/types.h>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <tl/expected.hpp>
#include <vector>

namespace bester::handlers {

class guard;

/// How a process ended.
struct exit_status {
    int status = 0;  ///< of exit(), if `signal` is 0
    int signal = 0;  ///< that killed it
    bool dumped_core = false;

    bool is_success() const noexcept { return status == 0 && signal == 0; }
    bool operator==(const exit_status&) const = default;
};

/// "exited with status 3", "killed by signal 11 (SIGSEGV), core dumped".
std::string describe(const exit_status& status);

/// The program to run, and the user to run it as.
struct process_settings {
    std::vector<std::string> command;                ///< looked up in PATH if without '/'
    std::map<std::string, std::string> environment;  ///< beside PATH, HOME, LANG and TZ of the broker
    std::string directory;                           ///< empty: the broker's
    std::string user;                                ///< empty: the broker's
};

/// One child process: in a process group of its own, with stdin from /dev/null, its output in two
/// pipes, no other descriptor of the broker, default signals, and the guard told about it.
///
/// Lives on the thread that runs its io_context. The exit handler is called once, there, after the rest of its process
/// group has been killed. The destructor kills and reaps what still runs. Held by a shared_ptr only so that a pending
/// wait can find out that it is gone.
class process : public std::enable_shared_from_this<process> {
    struct private_tag {};

public:
    using exit_handler = std::function<void(exit_status)>;

    /// Returns when the executable runs, or the reason in words why it does not. `watcher` may be null.
    static tl::expected<std::shared_ptr<process>, std::string> start(asio::io_context& io,
                                                                     const process_settings& settings, guard* watcher);

    process(private_tag, asio::io_context& io, pid_t pid, int pidfd, guard* watcher);
    ~process();
    process(const process&) = delete;
    process& operator=(const process&) = delete;

    void on_exit(exit_handler handler);
    /// Sends a signal to the whole process group; does nothing once it has ended.
    void signal_group(int number) noexcept;

    pid_t pid() const noexcept { return pid_; }
    bool has_ended() const noexcept { return ended_; }
    /// Read ends of its output, non-blocking; the caller owns them. Each can be taken once.
    int take_output() noexcept;
    int take_errors() noexcept;

private:
    void reap();

    pid_t pid_;
    asio::posix::stream_descriptor pidfd_;
    guard* guard_;
    int output_ = -1;
    int errors_ = -1;
    bool ended_ = false;
    exit_handler exit_handler_;
};

}  // namespace bester::handlers
