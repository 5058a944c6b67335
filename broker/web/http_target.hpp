#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace bester::web {

/// Splits a request target ("/texto/a%20b?nogreet=1"); returns false if it is not served. Only the form with a path is
/// accepted, since the broker is not a proxy. Invalid escapes are refused, and paths that, decoded, contain control
/// characters, '\', a segment "..", or are not UTF-8.
bool split_target(std::string_view target, std::string& path, std::string& query);

/// Returns the value of the first `name=value` of a query, decoded; '+' is not a blank. None if it is missing, or its
/// escapes are wrong.
std::optional<std::string> query_value(std::string_view query, std::string_view name);

/// Returns the path encoded for a Location header.
std::string percent_encode_path(std::string_view path);

}  // namespace bester::web
