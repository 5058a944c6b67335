#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace bester::config {

/// The text as a JSON string, with quotes.
std::string json_quoted(std::string_view text);

/// The text quoted for a message: as JSON, but cut after 64 bytes, so that a message stays a line.
std::string excerpt(std::string_view text);

/// `path.name`, or `path["name"]` where the name would be ambiguous.
std::string path_to(std::string_view path, std::string_view name);
std::string path_to(std::string_view path, std::size_t index);

/// The candidate that was probably meant: few edits away (insert, delete, replace, swap).
std::optional<std::string_view> nearest(std::string_view text, std::span<const std::string_view> candidates);

/// `; did you mean "x"?`, or else a list of all candidates.
std::string suggestion(std::string_view text, std::span<const std::string_view> candidates);

/// `"a", "b", "c"`
std::string listed(std::span<const std::string_view> texts);

}  // namespace bester::config
