#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace bester::socketio {

/// How many digits of base64, padding included, stand for `size` bytes.
constexpr std::size_t base64_size(std::size_t size) noexcept { return (size + 2) / 3 * 4; }

/// Appends `bytes` as base64 (RFC 4648, section 4) with its padding.
void append_base64(std::string& out, std::string_view bytes);

/// Undoes it. False, and `bytes` empty: that is no base64 with its padding, or there are blanks in it.
bool decode_base64(std::string_view text, std::string& bytes);

}  // namespace bester::socketio
