#pragma once

#include <string>
#include <string_view>

namespace bester::wire {

/// Are these the bytes between the quotes of a JSON string (RFC 8259, section 7)? UTF-8 and control
/// characters must have been checked before; this looks at the escapes.
bool is_escaped_text(std::string_view text) noexcept;

/// Undoes the escapes of text for which is_escaped_text holds; appends to `out`.
void append_unescaped(std::string& out, std::string_view text);

/// Appends `text` as a JSON string with its quotes. Bytes that are not UTF-8 become U+FFFD.
void append_quoted(std::string& out, std::string_view text);

/// Is this a JSON number (RFC 8259, section 6), of any size?
bool is_number_text(std::string_view text) noexcept;

}  // namespace bester::wire
