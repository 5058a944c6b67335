#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "json/value.hpp"

namespace bester::json {

/// The largest nesting of arrays and objects: in files of people, and in documents of programs.
inline constexpr std::size_t deepest_commented = 64;
inline constexpr std::size_t deepest_strict = 16;

struct json_problem {
    std::size_t offset = 0;
    std::string path;  ///< of the value, e.g. `handlers.chat.types[0]`
    std::string message;
    std::optional<std::size_t> earlier;  ///< a duplicate name: the offset of the first one
};

struct json_document {
    std::optional<json_value> root;      ///< none: the text is not understood, the last problem says why
    std::vector<json_problem> problems;  ///< duplicate names (at most 1,000 are told), and what ended the parse
};

/// Parses a file that a person wrote: JSON with comments and trailing commas. Offsets are those of `text`. Pure,
/// never throws for what is in the text, linear in its size.
json_document parse_commented(std::string_view text);

/// Parses a document whose top is an object (RFC 8259), and refuses what two readers could understand differently:
/// duplicate members, a byte order mark, bytes after the end, text that is not UTF-8. Pure.
std::optional<json_value> parse_object(std::string_view text);

}  // namespace bester::json
