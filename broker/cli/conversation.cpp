#include "cli/conversation.hpp"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <csignal>

#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

namespace bester::cli {
namespace {

using std::chrono::steady_clock;
using deadline = steady_clock::time_point;

sigset_t stopping_signals() {
    sigset_t signals;
    ::sigemptyset(&signals);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP}) ::sigaddset(&signals, signal);
    return signals;
}

/// Passes all received events on; returns false when the connection is closed.
bool take_events(client& self, const conversation_callbacks& callbacks) {
    while (auto event = self.receive(std::chrono::milliseconds(0))) callbacks.on_event(*event);
    return self.is_connected();
}

struct readiness {
    bool input = false;
    bool signal = false;
    bool is_over = false;  ///< whether the time is over
};

readiness wait(client& self, const stop_signals& signals, int input, deadline until) {
    // poll() ignores negative descriptors.
    pollfd waiting[] = {{input, POLLIN, 0}, {signals.descriptor(), POLLIN, 0}, {self.file_descriptor(), POLLIN, 0}};
    int ready = 0;
    do {
        int left = -1;
        if (until != deadline::max()) {
            const auto span = std::chrono::ceil<std::chrono::milliseconds>(until - steady_clock::now()).count();
            left = static_cast<int>(std::clamp<long long>(span, 0, INT_MAX));
        }
        ready = ::poll(waiting, 3, left);
    } while (ready < 0 && errno == EINTR);
    return {waiting[0].revents != 0, waiting[1].revents != 0, ready == 0};
}

template <class Done>
conversation_end take_until(client& self, const stop_signals& signals, const conversation_callbacks& callbacks,
                            deadline until, Done is_done) {
    for (;;) {
        const bool is_connected = take_events(self, callbacks);
        if (is_done()) return conversation_end::input_ended;
        if (!is_connected) return conversation_end::connection_lost;
        const auto ready = wait(self, signals, -1, until);
        if (ready.signal) return conversation_end::interrupted;
        if (ready.is_over) return conversation_end::timeout;
    }
}

}  // namespace

stop_signals::stop_signals() {
    const auto signals = stopping_signals();
    ::sigprocmask(SIG_BLOCK, &signals, nullptr);
    fd_ = ::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
}

stop_signals::~stop_signals() {
    const auto signals = stopping_signals();
    signalfd_siginfo taken;
    while (::read(fd_, &taken, sizeof taken) > 0) {}  // a handled signal must not be seen again
    ::close(fd_);
    ::sigprocmask(SIG_UNBLOCK, &signals, nullptr);
}

conversation_end converse(client& self, const stop_signals& signals, const conversation_callbacks& callbacks) {
    for (;;) {
        if (!take_events(self, callbacks)) return conversation_end::connection_lost;
        const auto ready = wait(self, signals, STDIN_FILENO, deadline::max());
        if (ready.signal) return conversation_end::interrupted;
        if (!ready.input) continue;
        char bytes[16'384];
        const auto got = ::read(STDIN_FILENO, bytes, sizeof bytes);
        if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
        if (got <= 0) return conversation_end::input_ended;
        if (!callbacks.on_input({bytes, static_cast<std::size_t>(got)})) return conversation_end::left;
    }
}

conversation_end wait_for_statuses(client& self, const stop_signals& signals, const conversation_callbacks& callbacks,
                                   std::chrono::milliseconds timeout) {
    return take_until(self, signals, callbacks, steady_clock::now() + timeout, [&] { return self.unanswered() == 0; });
}

conversation_end linger(client& self, const stop_signals& signals, const conversation_callbacks& callbacks,
                        std::chrono::milliseconds duration) {
    return take_until(self, signals, callbacks, steady_clock::now() + duration, [] { return false; });
}

}  // namespace bester::cli
