#pragma once

#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string_view>

namespace bester::bench {

inline constexpr std::size_t frame_prefix = 4;
inline constexpr std::uint32_t longest_frame = 16u << 20;

inline std::uint32_t load_u32(const char* from) noexcept {
    std::uint32_t value = 0;
    std::memcpy(&value, from, sizeof(value));
    return value;
}
inline void store_u32(char* into, std::uint32_t value) noexcept { std::memcpy(into, &value, sizeof(value)); }

/// Calls `on_frame(body)` for each complete frame (4-byte little-endian length, body) of `bytes`
/// and returns how many bytes these were. Throws on a length that makes no sense.
template <typename OnFrame>
std::size_t for_each_frame(std::string_view bytes, OnFrame&& on_frame) {
    std::size_t done = 0;
    while (bytes.size() - done >= frame_prefix) {
        const std::uint32_t length = load_u32(bytes.data() + done);
        if (length > longest_frame) throw std::runtime_error("frame length out of bounds: framing is lost");
        if (bytes.size() - done - frame_prefix < length) break;
        on_frame(bytes.substr(done + frame_prefix, length));
        done += frame_prefix + length;
    }
    return done;
}

}  // namespace bester::bench
