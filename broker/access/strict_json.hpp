#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bester::access {

enum class json_kind : std::uint8_t { null, boolean, number, string, array, object };

/// A small JSON value that owns what it holds. Numbers keep their text, so that those of any size
/// pass through as they are. A plain value: any thread that owns it.
struct json_value {
    json_kind kind = json_kind::null;
    std::string name;  ///< as a member of an object
    std::string text;  ///< string: without its escapes; number: as it stood
    double number = 0;
    bool truth = false;
    std::vector<json_value> items;  ///< array: its elements; object: its members, each with its name

    bool is(json_kind which) const noexcept { return kind == which; }
    /// The member of this name; null if there is none, or this is no object.
    const json_value* member(std::string_view wanted) const noexcept;
    /// The member at the end of a dotted path. A name that has dots itself ("https://a.b/roles") goes before a path.
    const json_value* find(std::string_view path) const noexcept;
};

inline constexpr std::size_t deepest_json = 16;

/// Reads a document whose top is an object (RFC 8259), and refuses what two readers could understand
/// differently: members twice, a byte order mark, bytes after the end, text that is not UTF-8; and what nests
/// deeper than `deepest_json`.
std::optional<json_value> parse_object(std::string_view text);

/// Appends the value without any space. The name of the value itself is left out.
void append_compact(std::string& out, const json_value& value);

}  // namespace bester::access
