#include "handlers/guard.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <set>
#include <stdexcept>
#include <system_error>

#include "log/log.hpp"

namespace bester::handlers {

namespace {

struct note {
    std::int32_t group;
    std::int32_t joins;  // 1: guard it, 0: forget it
};

constexpr char ready = 'r';
constexpr int grace_step_ms = 20;
constexpr int grace_steps = 50;

bool signal_groups(const std::set<pid_t>& groups, int number) noexcept {
    bool any = false;
    for (const pid_t group : groups) any |= ::kill(-group, number) == 0;
    return any;
}

void become_quiet(int socket) {
    ::setsid();
    ::prctl(PR_SET_NAME, "bester-guard");
    for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE, SIGUSR1, SIGUSR2}) ::signal(number, SIG_IGN);
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    // Keeps no file, terminal, socket or directory of the broker alive.
    const int null = ::open("/dev/null", O_RDWR);
    for (int fd = 0; fd <= 2; ++fd) ::dup2(null, fd);
    ::dup2(socket, 3);
    ::close_range(4, ~0u, 0);
    if (::chdir("/") != 0) return;
}

[[noreturn]] void keep_watch() {
    constexpr int socket = 3;
    ::send(socket, &ready, 1, MSG_NOSIGNAL);
    std::set<pid_t> groups;
    for (;;) {
        note received{};
        const ssize_t count = ::recv(socket, &received, sizeof received, 0);
        if (count == static_cast<ssize_t>(sizeof received)) {
            // A group number of 0 or 1 would make kill() reach far too many.
            if (received.group > 1 && received.joins) groups.insert(received.group);
            else groups.erase(received.group);
        } else if (count == 0 || (count < 0 && errno != EINTR)) {
            break;
        }
    }
    bool alive = signal_groups(groups, SIGTERM);
    for (int step = 0; alive && step < grace_steps; ++step) {
        ::poll(nullptr, 0, grace_step_ms);
        alive = signal_groups(groups, 0);
    }
    signal_groups(groups, SIGKILL);
    ::_exit(0);
}

}  // namespace

guard::guard() {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
        throw std::system_error(errno, std::generic_category(), "cannot make the guard's socket");
    pid_ = ::fork();
    if (pid_ < 0) {
        const int error = errno;
        ::close(ends[0]);
        ::close(ends[1]);
        throw std::system_error(error, std::generic_category(), "cannot start the guard process");
    }
    if (pid_ == 0) {
        ::close(ends[0]);
        become_quiet(ends[1]);
        keep_watch();
    }
    ::close(ends[1]);
    socket_ = ends[0];
    // From here on the process ignores the signals that a terminal sends to the whole process group.
    char told = 0;
    while (::recv(socket_, &told, 1, 0) < 0 && errno == EINTR) {}
    if (told == ready) return;
    ::close(socket_);
    ::waitpid(pid_, nullptr, 0);
    throw std::runtime_error("the guard process ended as soon as it was started");
}

guard::~guard() {
    ::close(socket_);
    while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {}
}

void guard::enroll_self(int descriptor) noexcept {
    const note message{static_cast<std::int32_t>(::getpid()), 1};
    ::send(descriptor, &message, sizeof message, MSG_NOSIGNAL);
}

void guard::forget(pid_t group) noexcept {
    const note message{static_cast<std::int32_t>(group), 0};
    if (::send(socket_, &message, sizeof message, MSG_NOSIGNAL) >= 0 || reported_loss_) return;
    reported_loss_ = true;
    log::error(
        "guard: process {} is gone ({}); handlers would outlive a broker that is killed. "
        "Restart the broker when convenient",
        pid_, std::generic_category().message(errno));
}

}  // namespace bester::handlers
