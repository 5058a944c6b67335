#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace bester::wire {

/// A frame is a 4-byte little-endian length and so many bytes of JSON. proto-docs/client.md, "Frames".
inline constexpr std::size_t frame_header_size = 4;
/// The shortest JSON object, "{}".
inline constexpr std::size_t smallest_frame = 2;

enum class frame_status : std::uint8_t {
    need_more,  ///< not complete yet; `missing` says how many bytes there must be at least
    complete,   ///< `body` is the JSON, `consumed` what it took with its length
    too_short,  ///< a length below `smallest_frame`: framing is lost
    too_large,  ///< a length above the limit: framing is lost, nothing of the body was looked at
};

/// What decode_frame found at the start of some bytes. `body` points into them.
struct frame_result {
    frame_status status = frame_status::need_more;
    std::size_t consumed = 0;
    std::size_t missing = 0;
    std::string_view body;
};

/// Looks at the first frame of `bytes`; `limit` is the largest body. Pure, takes no memory.
inline frame_result decode_frame(std::string_view bytes, std::size_t limit) noexcept {
    if (bytes.size() < frame_header_size) return {frame_status::need_more, 0, frame_header_size - bytes.size(), {}};
    const auto byte = [&](std::size_t i) { return static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[i])); };
    const std::size_t length = byte(0) | byte(1) << 8 | byte(2) << 16 | byte(3) << 24;
    if (length < smallest_frame) return {frame_status::too_short, 0, 0, {}};
    if (length > limit) return {frame_status::too_large, 0, 0, {}};
    const std::size_t whole = frame_header_size + length;
    if (bytes.size() < whole) return {frame_status::need_more, 0, whole - bytes.size(), {}};
    return {frame_status::complete, whole, 0, bytes.substr(frame_header_size, length)};
}

/// Writes the length of a body to the 4 bytes at `out`; returns what follows them.
inline char* write_frame_length(char* out, std::size_t length) noexcept {
    for (int shift = 0; shift < 32; shift += 8) *out++ = static_cast<char>((length >> shift) & 0xff);
    return out;
}

}  // namespace bester::wire
