#pragma once

#include <string_view>

#include "wire/json_reader.hpp"

namespace bester::socketio {

/// Names that Socket.IO keeps for itself ("connect", "disconnect", …). A client that receives an event of
/// such a name takes it for a broken stream and ends the connection.
bool is_reserved_event(std::string_view name) noexcept;

/// Reads the data of an event that a client sent, all of it: is it JSON, an array that begins with the event's
/// name (a string, or a number as it stands), not a reserved one? `name` is that, without escapes, valid until
/// the reader starts anew. `data` is followed by wire::json_padding bytes.
bool read_event(wire::json_reader& reader, std::string_view data, std::string_view& name);

/// Is this JSON, known to be good, an array that begins with a string which is no reserved name: what can be
/// sent as an event as it stands? Looks at the beginning only.
bool is_event_data(std::string_view good_json);

}  // namespace bester::socketio
