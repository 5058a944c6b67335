#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace bester::json {

enum class json_kind : std::uint8_t { null, boolean, number, string, array, object };

struct json_member;

/// A JSON value that owns its content and knows its position: bytes [begin, end) of the parsed text. Numbers keep their
/// text, so that numbers of any size stay unchanged. A plain value: any thread that owns it.
struct json_value {
    json_kind kind = json_kind::null;
    bool truth = false;  ///< boolean
    std::size_t begin = 0;
    std::size_t end = 0;
    std::string text;                  ///< string: without its escapes; number: as written
    std::vector<json_value> elements;  ///< array
    std::vector<json_member> members;  ///< object, in the order of the text; only the first of duplicates

    bool is(json_kind which) const noexcept { return kind == which; }

    /// Returns the member of that name, or nullptr.
    const json_member* find(std::string_view name) const noexcept;

    /// Returns the value of the member of that name, or nullptr.
    const json_value* value_of(std::string_view name) const noexcept;

    /// Returns the number as a double, which is finite; 0 for every other kind.
    double number() const noexcept;
};

struct json_member {
    std::string name;
    std::size_t begin = 0;  ///< of the name
    json_value value;
};

/// Returns the value at the end of a dotted path of member names, or nullptr. A name that contains dots itself
/// ("https://a.b/roles") has priority over a path.
const json_value* find_path(const json_value& from, std::string_view path) noexcept;

/// Appends the value as JSON text without any space.
void append_compact(std::string& out, const json_value& value);

}  // namespace bester::json
