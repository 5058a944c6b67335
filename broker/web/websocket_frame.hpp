#pragma once

#include <cstddef>
#include <cstdint>

namespace bester::web {

/// RFC 6455, section 5.2.
enum class opcode : std::uint8_t { continuation = 0, text = 1, binary = 2, close = 8, ping = 9, pong = 10 };

/// The form of a message's bytes: plain, or deflated (RFC 7692) with RSV1 set in its frame.
enum class payload_form : std::uint8_t { plain, deflated };

/// The longest body of a control frame.
inline constexpr std::size_t max_control_size = 125;
/// The longest header that a server sends: servers do not mask.
inline constexpr std::size_t max_frame_header_size = 10;

/// Returns how many bytes write_frame_header writes for a body of this size.
constexpr std::size_t frame_header_size(std::size_t body_size) noexcept {
    return body_size <= 125 ? 2 : body_size <= 0xffff ? 4 : 10;
}

/// Writes the header of an unmasked frame that is a whole message or a control frame; returns its end.
inline char* write_frame_header(char* out, opcode kind, std::size_t body_size,
                                payload_form form = payload_form::plain) noexcept {
    const unsigned compressed = form == payload_form::deflated ? 0x40 : 0;
    *out++ = static_cast<char>(0x80 | compressed | static_cast<unsigned>(kind));
    if (body_size <= 125) {
        *out++ = static_cast<char>(body_size);
        return out;
    }
    int shift = body_size <= 0xffff ? 16 : 64;
    *out++ = static_cast<char>(shift == 16 ? 126 : 127);
    while (shift > 0) {
        shift -= 8;
        *out++ = static_cast<char>((static_cast<std::uint64_t>(body_size) >> shift) & 0xff);
    }
    return out;
}

}  // namespace bester::web
