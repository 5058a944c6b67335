#pragma once

#include <string_view>

namespace bester::web {

/// Returns whether this is UTF-8 (RFC 3629), checked by simdjson; an empty text is.
bool is_utf8(std::string_view text) noexcept;

/// Returns the longest beginning of at most `size` bytes that does not end within a character.
std::string_view cut_utf8(std::string_view text, std::size_t size) noexcept;

}  // namespace bester::web
