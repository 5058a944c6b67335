#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "wire/command_table.hpp"
#include "wire/error_code.hpp"
#include "wire/frame.hpp"

namespace bester::wire {

class json_reader;

/// A range of handler_frame::strings.
struct string_range {
    std::uint32_t begin = 0;
    std::uint32_t count = 0;
};

/// One command. Views point into the frame's body, or into handler_frame::text.
struct command {
    command_kind kind = command_kind::unknown;
    bool is_malformed = false;    ///< a field is missing or of a wrong kind
    bool has_targets = false;     ///< its lists (`users`, `sessions`, `servers`) were given, even if empty
    std::string_view name;        ///< the given name, for the log and the refusal
    std::string_view type_token;  ///< with quotes; empty: the type of the message that is answered
    std::string_view key_token;   ///< routing key of sendHandler, with quotes; empty: none
    std::uint64_t key_hash = 0;   ///< see key_hash()
    std::string_view data;        ///< "null" if there is none
    std::string_view target;      ///< group or handler
    std::string_view reason;      ///< reason of disconnect
    std::string_view report;      ///< string or integer as JSON; empty: no report wanted
    string_range users;
    string_range sessions;
    string_range servers;
    string_range except;
};

enum class handler_frame_kind : std::uint8_t { answer, push, query, draining, pong, ready, unknown };

/// The number of the instance's frames that another shard must have executed before. handler.md, "Order".
struct after_entry {
    std::uint32_t shard = 0;
    std::uint64_t count = 0;
};

/// A frame from a handler, after the hello. Views point into the frame's body, or into `text`, so that reading other
/// frames during the execution does not change them. Kept from frame to frame, so that its memory is used again.
struct handler_frame {
    handler_frame() = default;
    handler_frame(handler_frame&&) = default;
    handler_frame& operator=(handler_frame&&) = default;

    handler_frame_kind kind = handler_frame_kind::unknown;
    std::string_view problem;  ///< why it was not understood; static text
    bool has_id = false;
    std::uint64_t id = 0;  ///< id of the answered message, or of the query
    bool has_error = false;
    std::string_view error_code;
    std::string_view error_reason;
    bool error_is_temporary = false;
    std::string_view query;
    std::string_view user;        ///< query field
    std::string_view after_user;  ///< query field `after`
    std::string_view group;       ///< query field
    std::uint64_t limit = 0;      ///< query field
    std::vector<command> commands;
    std::vector<std::string_view> strings;
    std::vector<after_entry> after;
    std::string text;  ///< all strings that had escapes, decoded

    void clear() noexcept;
};

/// Reads a frame's body (json_padding readable bytes after it). Returns false for a protocol error, see
/// describe_problem(). Malformed commands are marked only.
bool decode_handler_frame(json_reader& reader, std::string_view body, handler_frame& frame);
/// Returns for the log what is wrong with a frame, at which byte, and an excerpt. Must be called before the reader is
/// used again.
std::string describe_problem(const json_reader& reader, std::string_view body, const handler_frame& frame);

/// The sender of a message as the handler sees it. Names need no escaping.
struct message_origin {
    std::string_view user;
    std::string_view session;  ///< empty: a handler's unasked sendHandler, `user` is that handler
    std::string_view server;
    std::string_view about{};  ///< further members as JSON, each after a comma: roles, claims
};

/// A message to a handler.
struct handler_message {
    std::uint64_t id = 0;
    std::string_view type_token;
    std::string_view key_token{};  ///< empty: none
    std::string_view data;
    message_origin origin;
    bool is_request = false;
    std::uint64_t time_ms = 0;      ///< since 1970, UTC
    bool has_deadline = true;       ///< false: there is no deadline
    std::uint64_t deadline_ms = 0;  ///< left to answer
};

/// The most bytes that a message frame has beside its data, its key and its sender's roles and claims.
inline constexpr std::size_t max_handler_overhead = 1'024;

/// Returns the room that write_handler_message needs at most.
std::size_t handler_message_size(const handler_message& message) noexcept;
/// Writes the message as a whole frame at `out`; returns its end.
char* write_handler_message(char* out, const handler_message& message) noexcept;

/// Returns a `refused` frame for a command that was not executed. `id` is null for a push; `report` is that of a
/// command of which no part was executed, empty if it wants none or the report is sent as well.
std::string refused_frame(const std::uint64_t* id, std::size_t index, error_code code, std::string_view reason,
                          std::string_view report = {});

}  // namespace bester::wire
