#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace bester::access {

/// Undoes base64url as RFC 7515 has it: no padding, no spaces, and no second text for the same bytes.
std::optional<std::string> decode_base64url(std::string_view text);

std::string encode_base64url(std::string_view bytes);

}  // namespace bester::access
