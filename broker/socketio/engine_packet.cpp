#include "socketio/engine_packet.hpp"

#include <array>

#include "wire/base64.hpp"
#include "wire/json_text.hpp"

namespace bester::socketio {

namespace {

constexpr char digit_of(engine_type type) noexcept { return static_cast<char>('0' + static_cast<int>(type)); }

void separate(std::string& payload) {
    if (!payload.empty()) payload += payload_separator;
}

}  // namespace

bool decode_engine_packet(std::string_view text, engine_packet& packet) noexcept {
    if (text.empty()) return false;
    const char first = text.front();
    packet.data = text.substr(1);
    packet.is_base64 = first == 'b';
    packet.type = engine_type::message;
    if (packet.is_base64) return true;
    if (first < digit_of(engine_type::open) || first > digit_of(engine_type::noop)) return false;
    packet.type = static_cast<engine_type>(first - '0');
    return true;
}

payload_status payload_reader::next(engine_packet& packet) noexcept {
    if (state_ == state::done) return payload_status::end;
    if (state_ == state::bad) return payload_status::bad;
    const std::size_t end = rest_.find(payload_separator);
    const std::string_view part = rest_.substr(0, end);
    if (!decode_engine_packet(part, packet)) {
        state_ = state::bad;
        return payload_status::bad;
    }
    // A separator promises another packet: one at the end leaves an empty one, which is bad.
    if (end == std::string_view::npos) state_ = state::done;
    else rest_.remove_prefix(end + 1);
    return payload_status::packet;
}

void append_packet(std::string& payload, engine_type type, std::string_view data) {
    separate(payload);
    payload += digit_of(type);
    payload += data;
}

void append_message(std::string& payload, std::string_view prefix, std::string_view data) {
    separate(payload);
    payload += prefix;
    payload += data;
}

void append_binary(std::string& payload, std::string_view bytes) {
    separate(payload);
    payload += 'b';
    wire::append_base64(payload, bytes);
}

std::string open_packet(const open_values& values) {
    std::string text{digit_of(engine_type::open)};
    text += R"({"sid":)";
    wire::append_quoted(text, values.sid);
    text += values.can_upgrade ? R"(,"upgrades":["websocket"])" : R"(,"upgrades":[])";
    text += R"(,"pingInterval":)" + std::to_string(values.ping_interval_ms);
    text += R"(,"pingTimeout":)" + std::to_string(values.ping_timeout_ms);
    text += R"(,"maxPayload":)" + std::to_string(values.max_payload) + '}';
    return text;
}

std::string_view error_body(engine_error error) noexcept {
    // Clients' logs show these texts, which are those of the protocol's own server.
    static constexpr std::array<std::string_view, 6> bodies{
        R"({"code":0,"message":"Transport unknown"})",
        R"({"code":1,"message":"Session ID unknown"})",
        R"({"code":2,"message":"Bad handshake method"})",
        R"({"code":3,"message":"Bad request"})",
        R"({"code":4,"message":"Forbidden"})",
        R"({"code":5,"message":"Unsupported protocol version"})",
    };
    return bodies[static_cast<std::size_t>(error)];
}

}  // namespace bester::socketio
