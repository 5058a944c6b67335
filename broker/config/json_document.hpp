#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bester::config {

enum class json_kind { null, boolean, number, string, array, object };

struct json_member;

/// A JSON value that knows where it stands: bytes [begin, end) of its document's text.
struct json_value {
    json_kind kind = json_kind::null;
    std::size_t begin = 0;
    std::size_t end = 0;
    bool truth = false;                ///< boolean
    std::string text;                  ///< string: decoded; number: as written
    std::vector<json_value> elements;  ///< array
    std::vector<json_member> members;  ///< object, in the order of the file; of duplicates the first

    /// The first member of that name, or nullptr.
    const json_member* find(std::string_view name) const;
};

struct json_member {
    std::string name;
    std::size_t begin = 0;  ///< of the name
    json_value value;
};

struct json_problem {
    std::size_t offset = 0;
    std::string path;
    std::string message;
    std::optional<std::size_t> earlier;  ///< a duplicate key: where the name stood first
};

/// A parsed text. `text` has the size of the original with comments and trailing commas blanked
/// in place, so that offsets stay true and it is JSON (RFC 8259) whenever `root` is there.
struct json_document {
    std::string text;
    std::optional<json_value> root;      ///< none: the text is not understood, the last problem says why
    std::vector<json_problem> problems;  ///< duplicate keys, and what ended the parse

    /// The value's own text without white space.
    std::string compact(const json_value& value) const;
};

/// Parses JSON with `//` and `/* */` comments and trailing commas. Pure, never throws for what is
/// in the text, linear in its size; nesting is bounded (`deepest_json`).
json_document parse_json(std::string_view text);

inline constexpr std::size_t deepest_json = 64;

}  // namespace bester::config
