#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace bester::wire {

/// Returns the number of base64 digits for `size` bytes, including padding.
constexpr std::size_t base64_size(std::size_t size) noexcept { return (size + 2) / 3 * 4; }

/// Appends `bytes` as base64 (RFC 4648, section 4) with its padding.
void append_base64(std::string& out, std::string_view bytes);

/// Decodes base64 with padding, strictly: no blanks, and only the one canonical text for the bytes. Returns false, with
/// `bytes` empty, if the text is invalid. The memory of `bytes` is used again.
bool decode_base64(std::string_view text, std::string& bytes);

/// Decodes base64url (RFC 4648, section 5) without padding, as RFC 7515 requires; equally strict.
std::optional<std::string> decode_base64url(std::string_view text);

}  // namespace bester::wire
