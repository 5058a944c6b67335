#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

#include "web/http_request.hpp"

namespace bester::clients {

/// Returns the value of a query's first field of this name, not decoded; empty if there is none.
std::string_view query_value(std::string_view query, std::string_view name) noexcept;

/// Returns the query without the fields of these names.
std::string query_without(std::string_view query, std::initializer_list<std::string_view> names);

/// Returns the token of a request: from `Authorization: Bearer …`, or from `?access_token=…`, which browsers use
/// because they cannot send the header.
std::string token_of(const web::http_request& request);

}  // namespace bester::clients
