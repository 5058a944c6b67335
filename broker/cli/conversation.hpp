#pragma once

#include <chrono>
#include <functional>
#include <string_view>

#include <bester/client.hpp>

namespace bester::cli {

/// Why a conversation ended.
enum class conversation_end {
    input_ended,      ///< standard input is at its end
    left,             ///< a callback said so
    connection_lost,  ///< the event was given to the callback
    interrupted,      ///< SIGINT, SIGTERM or SIGHUP
    timeout,
};

/// What happens with what comes.
struct conversation_callbacks {
    std::function<bool(std::string_view bytes)> on_input;  ///< false: leave
    std::function<void(const client_event&)> on_event;
};

/// SIGINT, SIGTERM and SIGHUP as something to poll, so that a terminal's state can be put back.
/// Only one at a time; they are ordinary signals again when it is gone.
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

/// Takes standard input and the broker's events as they come, until one of the ends above.
conversation_end converse(client& self, const stop_signals& signals, const conversation_callbacks& callbacks);

/// Takes events until each message with an id has its status, for at most `timeout`
/// (`input_ended`: all are there).
conversation_end wait_for_statuses(client& self, const stop_signals& signals, const conversation_callbacks& callbacks,
                                   std::chrono::milliseconds timeout);

/// Takes events for so long (`timeout`: it is over).
conversation_end linger(client& self, const stop_signals& signals, const conversation_callbacks& callbacks,
                        std::chrono::milliseconds duration);

}  // namespace bester::cli
