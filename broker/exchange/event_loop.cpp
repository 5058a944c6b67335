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
}

void event_loop::change(int fd, std::uint32_t events, pollable& who) noexcept {
    epoll_event event{};
    event.events = events;
    event.data.ptr = &who;
    ::epoll_ctl(fd_, EPOLL_CTL_MOD, fd, &event);
}

void event_loop::remove(int fd) noexcept {
    epoll_event event{};
    ::epoll_ctl(fd_, EPOLL_CTL_DEL, fd, &event);
}

void event_loop::run_once(std::chrono::milliseconds timeout) {
    const int limit = timeout.count() < 0 ? -1 : static_cast<int>(timeout.count());
    const int count = ::epoll_wait(fd_, events_.data(), static_cast<int>(events_.size()), limit);
    if (count < 0 && errno != EINTR) throw std::system_error{errno, std::generic_category(), "epoll_wait"};
    for (int i = 0; i < count; ++i) static_cast<pollable*>(events_[i].data.ptr)->on_ready(events_[i].events);
}

}  // namespace bester::exchange
