#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "json/wording.hpp"

namespace bester::config {

using json::excerpt;
using json::json_quoted;
using json::path_to;

/// Returns the candidate that was probably meant: few edits away (insert, delete, replace, swap).
std::optional<std::string_view> nearest(std::string_view text, std::span<const std::string_view> candidates);

/// Returns `; did you mean "x"?`, or else a list of all candidates.
std::string suggestion(std::string_view text, std::span<const std::string_view> candidates);

/// `"a", "b", "c"`
std::string listed(std::span<const std::string_view> texts);

}  // namespace bester::config
