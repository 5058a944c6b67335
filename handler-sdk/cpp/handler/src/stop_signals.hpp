#pragma once

#include <csignal>

#include "file_descriptor.hpp"

namespace bester::detail {

/// An eventfd that counts the wishes to stop, from any thread or signal handler.
class stop_event {
public:
    stop_event();
    void raise() const noexcept;
    /// How many wishes since the last call.
    unsigned take() noexcept;
    int fd() const noexcept { return event_.get(); }

private:
    file_descriptor event_;
};

/// While it lives, SIGTERM and SIGINT raise a stop_event and SIGPIPE is ignored; then all is as
/// before. Not a signalfd: that needs the signals blocked in every thread, also in those that the
/// author started before. One at a time is served in a process, the latest.
class stop_signals {
public:
    explicit stop_signals(const stop_event& event);
    ~stop_signals();
    stop_signals(const stop_signals&) = delete;
    stop_signals& operator=(const stop_signals&) = delete;

private:
    int previous_fd_;
    struct sigaction terminate_ {};
    struct sigaction interrupt_ {};
    struct sigaction pipe_ {};
};

}  // namespace bester::detail
