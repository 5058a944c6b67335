#include "exchange/event_loop.hpp"

#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace bester::exchange {

event_loop::event_loop() : fd_{::epoll_create1(EPOLL_CLOEXEC)} {
    if (fd_ < 0) throw std::system_error{errno, std::generic_category(), "epoll_create1"};
}

event_loop::~event_loop() { ::close(fd_); }

void event_loop::add(int fd, std::uint32_t events, pollable& who) {
    epoll_event event{};
    event.events = events;
    event.data.ptr = &who;
    if (::epoll_ctl(fd_, EPOLL_CTL_ADD, fd, &event) != 0)
        throw std::system_error{errno, std::generic_category(), "epoll_ctl"};
    ++watched_;
}

void event_loop::change(int fd, std::uint32_t events, pollable& who) noexcept {
    epoll_event event{};
    event.events = events;
    event.data.ptr = &who;
    ::epoll_ctl(fd_, EPOLL_CTL_MOD, fd, &event);
}

void event_loop::remove(int fd) noexcept {
    epoll_event event{};
    if (::epoll_ctl(fd_, EPOLL_CTL_DEL, fd, &event) == 0) --watched_;
}

void event_loop::wait(std::chrono::milliseconds timeout) {
    int limit = timeout.count() < 0 ? -1 : static_cast<int>(timeout.count());
    int count = ::epoll_wait(fd_, events_.data(), static_cast<int>(events_.size()), limit);
    // A process that was stopped and continues gets EINTR here: look again for what has arrived meanwhile.
    while (count < 0 && errno == EINTR) {
        limit = 0;
        count = ::epoll_wait(fd_, events_.data(), static_cast<int>(events_.size()), limit);
    }
    if (count < 0) throw std::system_error{errno, std::generic_category(), "epoll_wait"};
    ready_ = static_cast<std::size_t>(count);
}

}  // namespace bester::exchange
