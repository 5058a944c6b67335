#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace bester::json {

/// An excerpt for a message has at most this many bytes.
inline constexpr std::size_t longest_excerpt = 64;

/// Returns the text as a JSON string, with quotes.
std::string json_quoted(std::string_view text);

/// Returns the text quoted for a message: as JSON, but cut after `longest_excerpt` bytes, so that a message stays one
/// line.
std::string excerpt(std::string_view text);

/// Returns the path of a member: `path.name`, or `path["name"]` where the name would be ambiguous.
std::string path_to(std::string_view path, std::string_view name);

/// Returns the path of an element: `path[index]`.
std::string path_to(std::string_view path, std::size_t index);

}  // namespace bester::json
