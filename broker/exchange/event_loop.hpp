#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include <sys/epoll.h>

namespace bester::exchange {

/// Something with a file descriptor in an event_loop. Called on the loop's thread.
class pollable {
public:
    virtual void on_ready(std::uint32_t events) = 0;
    /// An exception left on_ready: ends what it is for, so that it is not called for the same again.
    virtual void fail() noexcept = 0;

protected:
    ~pollable() = default;
};

/// One shard's epoll set: level-triggered, one registration for the life of a descriptor, all
/// descriptors that are ready handed out in one batch.
///
/// It stands where an asio::io_context would: Asio 1.22 re-arms a readiness wait with an epoll_ctl
/// of its own each time, and hands events out one by one, so that a turn has no end at which to
/// write what it gathered. Everything off the message path is Asio.
///
/// Not thread-safe: one thread owns it. Descriptors are not owned.
class event_loop {
public:
    event_loop();
    ~event_loop();
    event_loop(const event_loop&) = delete;
    event_loop& operator=(const event_loop&) = delete;

    /// Watches `fd`; throws std::system_error if the kernel refuses.
    void add(int fd, std::uint32_t events, pollable& who);
    void change(int fd, std::uint32_t events, pollable& who) noexcept;
    void remove(int fd) noexcept;

    /// Waits at most `timeout` (negative: without end) until somebody is ready. Nobody is called yet: a clock that was
    /// read before this call is old after it, so its owner reads it anew before dispatch().
    void wait(std::chrono::milliseconds timeout);
    /// Calls `handle(pollable&, events)` for each that was ready when wait() returned. An object may be told of
    /// events after it was removed within the same batch: keep it until the turn is over.
    template <class Handle>
    void dispatch(Handle&& handle) {
        for (std::size_t i = 0; i < ready_; ++i)
            handle(*static_cast<pollable*>(events_[i].data.ptr), events_[i].events);
    }

    /// How many are ready, as the last wait() told.
    std::size_t ready() const noexcept { return ready_; }
    /// Whether the last wait() may not have told of everybody who was ready.
    bool is_batch_full() const noexcept { return ready_ == batch; }
    /// How many calls of wait() it takes at most to be told of everybody who is ready.
    std::size_t rounds() const noexcept { return watched_ / batch + 1; }

private:
    static constexpr std::size_t batch = 256;
    int fd_;
    std::size_t watched_ = 0;
    std::size_t ready_ = 0;
    std::array<epoll_event, batch> events_;
};

}  // namespace bester::exchange
