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
    bool is_base64 = false;      ///< a message whose bytes stand in `data` as base64, see wire::decode_base64
    std::string_view data = {};  ///< behind the type; mostly empty but for messages and "probe"

    bool operator==(const engine_packet&) const = default;
};

/// Reads one packet: a text frame of a WebSocket, or one part of a polling payload. A binary frame needs no
/// reading: it is the body of a message as it stands. False: it is empty, or of no type that there is.
bool decode_engine_packet(std::string_view text, engine_packet& packet) noexcept;

/// Stands between the packets of a polling payload.
inline constexpr char payload_separator = '\x1e';

enum class payload_status : std::uint8_t {
    packet,  ///< `packet` is the next one
    end,     ///< there was one at least, and all have been read
    bad,     ///< and stays so: an empty payload, an empty packet, an unknown type
};

/// Reads the packets of a polling payload (the body of a POST) one by one, in place; packets point into the
/// payload, which must outlive them. Whoever calls has bounded its size, and checks that it is UTF-8.
class payload_reader {
public:
    explicit payload_reader(std::string_view payload) noexcept : rest_{payload} {}

    payload_status next(engine_packet& packet) noexcept;

private:
    enum class state : std::uint8_t { more, done, bad };

    std::string_view rest_;
    state state_ = state::more;
};

/// Append a packet to a polling payload, a separator before it unless it is the first. `data` must hold no
/// payload_separator: JSON has none.
void append_packet(std::string& payload, engine_type type, std::string_view data = {});
/// The same for a message that is put together of two pieces, the type's digit within the first (as
/// write_prefix gives them).
void append_message(std::string& payload, std::string_view prefix, std::string_view data);
/// A message of bytes, as base64.
void append_binary(std::string& payload, std::string_view bytes);

/// What the open packet tells the client.
struct open_values {
    std::string_view sid;      ///< of the connection, not of a namespace
    bool can_upgrade = false;  ///< to a WebSocket
    std::uint64_t ping_interval_ms = 0;
    std::uint64_t ping_timeout_ms = 0;
    std::uint64_t max_payload = 0;  ///< bytes of a POST
};

/// The open packet, its type's digit first.
std::string open_packet(const open_values& values);

/// What an HTTP request of Engine.IO may have done wrong; the values are the codes on the wire. Answered
/// with 400, `forbidden` with 403.
enum class engine_error : std::uint8_t {
    unknown_transport,
    unknown_session,
    bad_handshake_method,
    bad_request,
    forbidden,
    unsupported_version,
};

/// The body of such an answer, {"code":…,"message":…}; lives for ever.
std::string_view error_body(engine_error error) noexcept;

}  // namespace bester::socketio
