#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace bester::socketio {

/// Types of Engine.IO packets, version 4; the values are the digits on the wire.
enum class engine_type : std::uint8_t { open, close, ping, pong, message, upgrade, noop };

/// One Engine.IO packet. A value; `data` points into what it was decoded from.
struct engine_packet {
    engine_type type = engine_type::noop;
    bool is_base64 = false;      ///< a binary message, with base64 in `data` (wire::decode_base64)
    std::string_view data = {};  ///< the text after the type; mostly empty except for messages and "probe"

    bool operator==(const engine_packet&) const = default;
};

/// Reads one packet: a text frame of a WebSocket, or one part of a polling payload. A binary frame needs no decoding:
/// it is the body of a message. Returns false if the packet is empty or of an unknown type.
bool decode_engine_packet(std::string_view text, engine_packet& packet) noexcept;

/// Separates the packets of a polling payload.
inline constexpr char payload_separator = '\x1e';

enum class payload_status : std::uint8_t {
    packet,  ///< `packet` is the next one
    end,     ///< there was at least one packet, and all have been read
    bad,     ///< an empty payload, an empty packet or an unknown type; this status is final
};

/// Reads the packets of a polling payload (the body of a POST) one by one, in place; packets point into the payload,
/// which must outlive them. The caller must bound its size, and check that it is UTF-8.
class payload_reader {
public:
    explicit payload_reader(std::string_view payload) noexcept : rest_{payload} {}

    payload_status next(engine_packet& packet) noexcept;

private:
    enum class state : std::uint8_t { more, done, bad };

    std::string_view rest_;
    state state_ = state::more;
};

/// Appends a packet to a polling payload, after a separator unless it is the first. `data` must hold no
/// payload_separator: JSON has none.
void append_packet(std::string& payload, engine_type type, std::string_view data = {});
/// The same for a message in two pieces, with the type's digit in the first one (as write_prefix returns it).
void append_message(std::string& payload, std::string_view prefix, std::string_view data);
/// Appends a binary message as base64.
void append_binary(std::string& payload, std::string_view bytes);

/// The content of the open packet.
struct open_values {
    std::string_view sid;      ///< of the connection, not of a namespace
    bool can_upgrade = false;  ///< to a WebSocket
    std::uint64_t ping_interval_ms = 0;
    std::uint64_t ping_timeout_ms = 0;
    std::uint64_t max_payload = 0;  ///< bytes of a POST
};

/// Returns the open packet, with its type's digit first.
std::string open_packet(const open_values& values);

/// The errors of HTTP requests of Engine.IO; the values are the codes on the wire. Answered with 400, `forbidden` with
/// 403.
enum class engine_error : std::uint8_t {
    unknown_transport,
    unknown_session,
    bad_handshake_method,
    bad_request,
    forbidden,
    unsupported_version,
};

/// Returns the body of such an answer, {"code":…,"message":…}, a static text.
std::string_view error_body(engine_error error) noexcept;

}  // namespace bester::socketio
