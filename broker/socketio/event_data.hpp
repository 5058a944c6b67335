#pragma once

#include <string_view>

#include "wire/json_reader.hpp"

namespace bester::socketio {

/// Returns whether Socket.IO reserves this name ("connect", "disconnect", …). A client that receives an event with a
/// reserved name treats the stream as broken and ends the connection.
bool is_reserved_event(std::string_view name) noexcept;

/// Reads all data of a client's event, which must be a JSON array that begins with the event's name (a string or a
/// number), not a reserved one. `name` is the name without escapes, valid until the reader's next start(). `data` is
/// followed by wire::json_padding bytes.
bool read_event(wire::json_reader& reader, std::string_view data, std::string_view& name);

/// Returns whether this valid JSON is an array that begins with a string that is not a reserved name, so that it can be
/// sent as an event. Checks the beginning only.
bool is_event_data(std::string_view good_json);

}  // namespace bester::socketio
