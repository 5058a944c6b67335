#include "stop_signals.hpp"

#include <sys/eventfd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <system_error>

namespace bester::detail {

namespace {

// A signal handler can reach nothing else.
std::atomic<int> signal_fd{-1};
static_assert(std::atomic<int>::is_always_lock_free);

void add_one(int fd) noexcept {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(fd, &one, sizeof one);
}

extern "C" void on_stop_signal(int) {
    const int saved = errno;
    add_one(signal_fd.load());
    errno = saved;
}

}  // namespace

stop_event::stop_event() : event_{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)} {
    if (!event_) throw std::system_error{errno, std::generic_category(), "eventfd"};
}

void stop_event::raise() const noexcept { add_one(event_.get()); }

unsigned stop_event::take() noexcept {
    std::uint64_t count = 0;
    return ::read(event_.get(), &count, sizeof count) == sizeof count ? static_cast<unsigned>(count) : 0;
}

stop_signals::stop_signals(const stop_event& event) : previous_fd_{signal_fd.exchange(event.fd())} {
    struct sigaction stop {};
    stop.sa_handler = on_stop_signal;
    stop.sa_flags = SA_RESTART;
    ::sigaction(SIGTERM, &stop, &terminate_);
    ::sigaction(SIGINT, &stop, &interrupt_);
    struct sigaction ignore {};
    ignore.sa_handler = SIG_IGN;
    ::sigaction(SIGPIPE, &ignore, &pipe_);
}

stop_signals::~stop_signals() {
    ::sigaction(SIGTERM, &terminate_, nullptr);
    ::sigaction(SIGINT, &interrupt_, nullptr);
    ::sigaction(SIGPIPE, &pipe_, nullptr);
    signal_fd.store(previous_fd_);
}

}  // namespace bester::detail
