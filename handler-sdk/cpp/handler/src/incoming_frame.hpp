#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>

#include <bester/message.hpp>

namespace bester::wire {
class json_reader;
}

namespace bester::detail {

enum class incoming_kind : std::uint8_t {
    message,
    event,
    snapshot,
    report,
    refused,
    result,
    drain,
    ping,
    welcome,
    error,
    unknown,    ///< JSON, but of a kind that this version does not know: to be ignored
    malformed,  ///< not a frame of the protocol
};

/// A frame from the broker, seen in place. Messages are read in full; of the others, which are
/// rare, only the kind.
struct incoming_frame {
    incoming_kind kind = incoming_kind::malformed;
    message_fields message;         ///< views into the body or the reader; `deadline` is not set
    std::uint64_t deadline_ms = 0;  ///< left to answer; 0: none was given
};

/// Reads a frame's body (wire::json_padding readable bytes after it). Pure.
incoming_frame decode_incoming(wire::json_reader& reader, std::string_view body);

}  // namespace bester::detail
