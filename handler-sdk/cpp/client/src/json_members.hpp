#pragma once

#include <optional>
#include <string_view>

namespace bester::client_detail {

/// The text of a member's value in the text of a JSON object: a view into `object`, without the
/// white space around it. The object must be valid JSON (anything else gives nothing or a wrong
/// view into it, never worse). Of equal keys the first counts. Pure.
std::optional<std::string_view> find_member(std::string_view object, std::string_view key);

}  // namespace bester::client_detail
