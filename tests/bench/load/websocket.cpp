#include "load/websocket.hpp"

#include <cstring>

#include "load/protocol.hpp"
#include "measure/frame.hpp"

namespace bester::bench {
namespace {

// The example of RFC 6455, section 1.3: a key and the answer that proves that it was understood.
constexpr std::string_view handshake_key = "dGhlIHNhbXBsZSBub25jZQ==";
constexpr std::string_view handshake_accept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
constexpr std::string_view head_end = "\r\n\r\n";
constexpr std::size_t longest_head = 16'384;

constexpr std::uint8_t continuation = 0x0;
constexpr std::uint8_t text = 0x1;
constexpr std::uint8_t binary = 0x2;
constexpr std::uint8_t close = 0x8;
constexpr std::uint8_t ping = 0x9;
constexpr std::uint8_t pong = 0xa;
constexpr std::uint8_t final_bit = 0x80;
constexpr std::uint8_t masked_bit = 0x80;
constexpr std::size_t longest_short = 125;
constexpr std::uint8_t two_byte_length = 126;
constexpr std::uint8_t eight_byte_length = 127;

std::uint64_t load_big_endian(const char* from, std::size_t size) noexcept {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < size; ++i) value = value << 8 | static_cast<std::uint8_t>(from[i]);
    return value;
}

void store_big_endian(std::uint64_t value, char* into, std::size_t size) noexcept {
    for (std::size_t i = size; i-- > 0; value >>= 8) into[i] = static_cast<char>(value & 0xff);
}

/// Eight bytes at a time; the key repeats every four.
void copy_masked(std::string_view from, std::uint32_t key, char* into) noexcept {
    const std::uint64_t twice = std::uint64_t{key} << 32 | key;
    std::size_t i = 0;
    for (; i + sizeof(twice) <= from.size(); i += sizeof(twice)) {
        std::uint64_t part;
        std::memcpy(&part, from.data() + i, sizeof(part));
        part ^= twice;
        std::memcpy(into + i, &part, sizeof(part));
    }
    char bytes[sizeof(key)];
    std::memcpy(bytes, &key, sizeof(key));
    for (; i < from.size(); ++i) into[i] = static_cast<char>(from[i] ^ bytes[i % sizeof(key)]);
}

}  // namespace

struct websocket_layer::frame_head {
    bool is_final = false;
    std::uint8_t opcode = 0;
    std::size_t size = 0;  ///< of the head itself; 0 if it is not complete
    std::size_t body = 0;

    static frame_head read(std::string_view bytes) {
        if (bytes.size() < 2) return {};
        const auto first = static_cast<std::uint8_t>(bytes[0]);
        const auto second = static_cast<std::uint8_t>(bytes[1]);
        if ((first & 0x70) != 0) throw wrong_answer("reserved bits in a frame", "");
        if ((second & masked_bit) != 0) throw wrong_answer("a server must not mask", "");
        const std::size_t more = second == two_byte_length ? 2 : second == eight_byte_length ? 8 : 0;
        if (bytes.size() < 2 + more) return {};
        const std::uint64_t body = more == 0 ? second : load_big_endian(bytes.data() + 2, more);
        if (body > longest_frame) throw wrong_answer("frame length out of bounds", "");
        if (more == 2 && body <= longest_short) throw wrong_answer("a length in more bytes than it needs", "");
        return {(first & final_bit) != 0, static_cast<std::uint8_t>(first & 0xf), 2 + more,
                static_cast<std::size_t>(body)};
    }
};

void websocket_layer::open(std::string_view path, byte_queue& wire) const {
    wire.append("GET ");
    wire.append(path);
    wire.append(" HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: ");
    wire.append(handshake_key);
    wire.append("\r\nSec-WebSocket-Version: 13\r\n\r\n");
}

void websocket_layer::wrap(byte_queue& plain, byte_queue& wire) {
    if (!is_open_ || plain.empty()) return;
    if (how_ == carriage::websocket_bytes) {
        append_frame(binary, plain.view(), wire);
        plain.consume(plain.size());
        return;
    }
    plain.consume(for_each_frame(plain.view(), [&](std::string_view body) { append_frame(text, body, wire); }));
}

std::size_t websocket_layer::unwrap(std::string_view bytes, byte_queue& plain, byte_queue& wire) {
    std::size_t done = is_open_ ? 0 : take_response(bytes);
    while (is_open_) {
        const std::string_view rest = bytes.substr(done);
        const frame_head head = frame_head::read(rest);
        if (head.size == 0 || rest.size() - head.size < head.body) break;
        take_frame(head, rest.substr(head.size, head.body), plain, wire);
        done += head.size + head.body;
    }
    return done;
}

/// The size of the server's agreement; 0 if it is not complete.
std::size_t websocket_layer::take_response(std::string_view bytes) {
    const std::size_t end = bytes.find(head_end);
    if (end == std::string_view::npos) {
        if (bytes.size() > longest_head) throw wrong_answer("an endless answer to the upgrade", bytes);
        return 0;
    }
    const std::string_view head = bytes.substr(0, end);
    if (!head.starts_with("HTTP/1.1 101 ") || head.find(handshake_accept) == std::string_view::npos) {
        throw wrong_answer("no upgrade to WebSocket", head);
    }
    is_open_ = true;
    return end + head_end.size();
}

void websocket_layer::take_frame(const frame_head& head, std::string_view body, byte_queue& plain, byte_queue& wire) {
    switch (head.opcode) {
        case ping: return append_frame(pong, body, wire);
        case pong: return;
        case close:
            throw wrong_answer("the server closes the WebSocket", body.substr(body.size() < 2 ? body.size() : 2));
        case text:
        case binary:
        case continuation: break;
        default: throw wrong_answer("an opcode that does not exist", "");
    }
    if ((head.opcode == continuation) != is_within_message_) throw wrong_answer("fragments in disorder", body);
    if (head.opcode != continuation && (head.opcode == text) != (how_ == carriage::websocket_messages)) {
        throw wrong_answer("text and binary confused", body);
    }
    const bool is_whole = head.is_final && !is_within_message_;
    is_within_message_ = !head.is_final;
    if (how_ == carriage::websocket_bytes) return plain.append(body);
    if (!is_whole) {
        pieces_ += body;
        if (!head.is_final) return;
        body = pieces_;
    }
    store_u32(plain.grow(frame_prefix), static_cast<std::uint32_t>(body.size()));
    plain.append(body);
    if (!is_whole) pieces_.clear();
}

void websocket_layer::append_frame(std::uint8_t opcode, std::string_view body, byte_queue& wire) {
    const std::size_t more = body.size() <= longest_short ? 0 : body.size() <= 0xffff ? 2 : 8;
    char* place = wire.grow(2 + more + sizeof(mask_) + body.size());
    *place++ = static_cast<char>(final_bit | opcode);
    const std::size_t short_length = more == 0 ? body.size() : more == 2 ? two_byte_length : eight_byte_length;
    *place++ = static_cast<char>(masked_bit | short_length);
    store_big_endian(body.size(), place, more);
    place += more;
    mask_ ^= mask_ << 13;
    mask_ ^= mask_ >> 17;
    mask_ ^= mask_ << 5;
    std::memcpy(place, &mask_, sizeof(mask_));
    copy_masked(body, mask_, place + sizeof(mask_));
}

}  // namespace bester::bench
