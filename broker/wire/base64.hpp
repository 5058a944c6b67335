#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace bester::wire {

/// How many digits of base64, padding included, stand for `size` bytes.
constexpr std::size_t base64_size(std::size_t size) noexcept { return (size + 2) / 3 * 4; }

/// Appends `bytes` as base64 (RFC 4648, section 4) with its padding.
void append_base64(std::string& out, std::string_view bytes);

/// Undoes base64 with its padding, and nothing else: no blanks, no text that another one for the same bytes exists for.
/// False, and `bytes` empty: that is none. The memory of `bytes` is used again.
bool decode_base64(std::string_view text, std::string& bytes);

/// Undoes base64url (RFC 4648, section 5) as RFC 7515 has it: without padding; as strict.
std::optional<std::string> decode_base64url(std::string_view text);

}  // namespace bester::wire
