#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace bester::web {

/// Takes a request target apart ("/texto/a%20b?nogreet=1"). False: it is none that we serve. Only the
/// form with a path is taken, since no proxy speaks to us as if we were one; refused are escapes that
/// are none, and paths that, decoded, hold control characters, '\', a segment "..", or are not UTF-8.
bool split_target(std::string_view target, std::string& path, std::string& query);

/// The value of the first `name=value` of a query, decoded; '+' is not a blank. Nothing if it is not there, or
/// its escapes are wrong.
std::optional<std::string> query_value(std::string_view query, std::string_view name);

/// The path as it can stand in a Location header.
std::string percent_encode_path(std::string_view path);

}  // namespace bester::web
