#include "handlers/process.hpp"

#include "handlers/guard.hpp"
#include "handlers/process_launch.hpp"

#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <system_error>
#include <utility>

namespace bester::handlers {

std::string describe(const exit_status& status) {
    if (status.signal == 0) return "exited with status " + std::to_string(status.status);
    std::string text = "killed by signal " + std::to_string(status.signal);
    if (const char* name = ::sigabbrev_np(status.signal)) text.append(" (SIG").append(name).append(")");
    if (status.dumped_core) text += ", core dumped";
    return text;
}

tl::expected<std::shared_ptr<process>, std::string> process::start(asio::io_context& io,
                                                                   const process_settings& settings, guard* watcher) {
    const auto launched = launch(settings, watcher);
    if (!launched) return tl::unexpected(launched.error());
    // Not pidfd_open(): glibc 2.36 declares it without C linkage.
    const int pidfd = static_cast<int>(::syscall(SYS_pidfd_open, launched->pid, 0));
    if (pidfd < 0) {
        const int error = errno;
        ::kill(-launched->pid, SIGKILL);
        while (::waitpid(launched->pid, nullptr, 0) < 0 && errno == EINTR) {}
        if (watcher) watcher->forget(launched->pid);
        ::close(launched->output);
        ::close(launched->errors);
        return tl::unexpected("cannot watch it: pidfd_open: " + std::generic_category().message(error));
    }
    auto started = std::make_shared<process>(private_tag{}, io, launched->pid, pidfd, watcher);
    started->output_ = launched->output;
    started->errors_ = launched->errors;
    return started;
}

process::process(private_tag, asio::io_context& io, pid_t pid, int pidfd, guard* watcher)
    : pid_(pid), pidfd_(io, pidfd), guard_(watcher) {}

process::~process() {
    exit_handler_ = nullptr;
    if (!ended_) {
        signal_group(SIGKILL);
        reap();
    }
    for (const int fd : {output_, errors_})
        if (fd >= 0) ::close(fd);
}

void process::on_exit(exit_handler handler) {
    exit_handler_ = std::move(handler);
    pidfd_.async_wait(asio::posix::stream_descriptor::wait_read,
                      [weak = weak_from_this()](const asio::error_code& error) {
                          const auto self = weak.lock();
                          if (self && !error) self->reap();
                      });
}

void process::signal_group(int number) noexcept {
    if (!ended_) ::kill(-pid_, number);
}

int process::take_output() noexcept { return std::exchange(output_, -1); }

int process::take_errors() noexcept { return std::exchange(errors_, -1); }

void process::reap() {
    // The rest of its process group is killed first: until the leader is reaped, the group's number cannot belong to
    // another one.
    signal_group(SIGKILL);
    siginfo_t about{};
    while (::waitid(P_PID, static_cast<id_t>(pid_), &about, WEXITED) < 0 && errno == EINTR) {}
    ended_ = true;
    if (guard_) guard_->forget(pid_);
    asio::error_code ignored;
    pidfd_.close(ignored);

    exit_status status;
    if (about.si_code == CLD_EXITED) {
        status.status = about.si_status;
    } else {
        status.signal = about.si_status;
        status.dumped_core = about.si_code == CLD_DUMPED;
    }
    if (const auto handler = std::exchange(exit_handler_, nullptr)) handler(status);
}

}  // namespace bester::handlers
