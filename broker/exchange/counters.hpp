#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace bester::exchange {

/// What is counted. The names are stable: status and metrics show them.
enum class counter : std::uint8_t {
    sessions_opened,
    sessions_closed,
    authentications_failed,
    logins_throttled,     ///< refused unseen, as too many had failed
    connections_refused,  ///< too many from one address
    sessions_expired,     ///< with their token
    messages,             ///< from clients, well-formed
    messages_bad,         ///< from clients, refused before any handler saw them
    messages_forbidden,   ///< by `permissions`
    messages_limited,     ///< by a rate of `permissions`
    answers,              ///< from handlers, to an open message
    answers_unknown,      ///< from handlers, late or to nothing
    pushes,
    commands,
    commands_refused,
    queries,
    deliveries,  ///< handed to a session
    statuses_good,
    statuses_bad,
    handler_timeouts,
    handler_failures,  ///< messages that an instance took with it
    handler_hangs,     ///< instances that did not answer a ping, by channel
    handler_retries,   ///< messages given to another instance
    busy,
    slow_consumers,
    peer_deliveries_refused,  ///< another server's, as half of the session's queue was full
    write_timeouts,
    protocol_errors,  ///< of handlers
    input_evictions,  ///< sessions ended because of limits.held_input
    frame_timeouts,   ///< of clients
    files_served,     ///< over HTTP
    internal_errors,
    end,
};

inline constexpr std::size_t counter_count = static_cast<std::size_t>(counter::end);

inline constexpr std::array<std::string_view, counter_count> counter_names{
    "sessions_opened",
    "sessions_closed",
    "authentications_failed",
    "logins_throttled",
    "connections_refused",
    "sessions_expired",
    "messages",
    "messages_bad",
    "messages_forbidden",
    "messages_limited",
    "answers",
    "answers_unknown",
    "pushes",
    "commands",
    "commands_refused",
    "queries",
    "deliveries",
    "statuses_good",
    "statuses_bad",
    "handler_timeouts",
    "handler_failures",
    "handler_hangs",
    "handler_retries",
    "busy",
    "slow_consumers",
    "peer_deliveries_refused",
    "write_timeouts",
    "protocol_errors",
    "input_evictions",
    "frame_timeouts",
    "files_served",
    "internal_errors",
};
static_assert(!counter_names.back().empty());

/// The counters of one shard. Written by its thread alone; read through its mailbox.
class counters {
public:
    std::uint64_t& operator[](counter which) noexcept { return values_[static_cast<std::size_t>(which)]; }
    std::uint64_t operator[](counter which) const noexcept { return values_[static_cast<std::size_t>(which)]; }
    counters& operator+=(const counters& other) noexcept {
        for (std::size_t i = 0; i < counter_count; ++i) values_[i] += other.values_[i];
        return *this;
    }

private:
    std::array<std::uint64_t, counter_count> values_{};
};

}  // namespace bester::exchange
