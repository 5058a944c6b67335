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
    /// Ends the object after an exception has left on_ready, so that it is not called for the same event again.
    virtual void fail() noexcept = 0;

protected:
    ~pollable() = default;
};

/// One shard's epoll set: level-triggered, one registration for the life of a descriptor, all
/// descriptors that are ready handed out in one batch.
///
/// Asio 1.22 is not used here because it re-arms each readiness wait with an epoll_ctl and hands events out one by one,
/// so that a turn has no end at which gathered output could be written. Everything off the message path uses Asio.
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

    /// Waits at most `timeout` (negative: without end) until a descriptor is ready, without calling anything. A clock
    /// that was read before this call is old after it, so its owner must read it again before dispatch().
    void wait(std::chrono::milliseconds timeout);
    /// Calls `handle(pollable&, events)` for each object that was ready when wait() returned, beginning with number
    /// `first` of them, then round. An object that was removed within the same batch may still be called: keep it until
    /// the turn is over.
    template <class Handle>
    void dispatch(std::size_t first, Handle&& handle) {
        for (std::size_t i = 0; i < ready_; ++i) {
            const epoll_event& event = events_[(first + i) % ready_];
            handle(*static_cast<pollable*>(event.data.ptr), event.events);
        }
    }

    /// Returns how many objects the last wait() found ready.
    std::size_t ready() const noexcept { return ready_; }
    /// Returns whether more objects may be ready than the last wait() could report.
    bool is_batch_full() const noexcept { return ready_ == batch; }
    /// Returns how many calls of wait() it takes at most to report everything that is ready.
    std::size_t rounds() const noexcept { return watched_ / batch + 1; }

private:
    static constexpr std::size_t batch = 256;
    int fd_;
    std::size_t watched_ = 0;
    std::size_t ready_ = 0;
    std::array<epoll_event, batch> events_;
};

}  // namespace bester::exchange
