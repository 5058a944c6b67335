#pragma once

#include <chrono>
#include <functional>
#include <string_view>

#include <bester/client.hpp>

namespace bester::cli {

/// Why a conversation ended.
enum class conversation_end {
    input_ended,      ///< standard input is at its end
    left,             ///< a callback ended it
    connection_lost,  ///< the event was passed to the callback
    interrupted,      ///< SIGINT, SIGTERM or SIGHUP
    timeout,
};

/// The callbacks of a conversation.
struct conversation_callbacks {
    std::function<bool(std::string_view bytes)> on_input;  ///< false: leave
    std::function<void(const client_event&)> on_event;
};

/// Makes SIGINT, SIGTERM and SIGHUP pollable, so that a terminal's state can be restored. Only one at a time; the
/// destructor restores the ordinary signals.
class stop_signals {
public:
    stop_signals();
    ~stop_signals();
    stop_signals(const stop_signals&) = delete;
    stop_signals& operator=(const stop_signals&) = delete;
    int descriptor() const noexcept { return fd_; }

private:
    int fd_ = -1;
};

/// Processes standard input and the broker's events until one of the ends above.
conversation_end converse(client& self, const stop_signals& signals, const conversation_callbacks& callbacks);

/// Processes events until each message with an id has its status, for at most `timeout` (`input_ended`: all are there).
conversation_end wait_for_statuses(client& self, const stop_signals& signals, const conversation_callbacks& callbacks,
                                   std::chrono::milliseconds timeout);

/// Processes events for this time (`timeout`: it is over).
conversation_end linger(client& self, const stop_signals& signals, const conversation_callbacks& callbacks,
                        std::chrono::milliseconds duration);

}  // namespace bester::cli
