#pragma once

#include <optional>
#include <string>

namespace bester::json {

/// Turns JSON as people write it into JSON in place: comments (`//` and `/* */`), trailing commas and a byte order
/// mark become spaces, so that every offset stays true. Returns where a comment begins that never ends. Pure, linear.
std::optional<std::size_t> blank_comments(std::string& text);

}  // namespace bester::json
