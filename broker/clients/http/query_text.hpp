#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

#include "web/http_request.hpp"

namespace bester::clients {

/// The value of a query's first field of this name, as it stands; empty if there is none.
std::string_view query_value(std::string_view query, std::string_view name) noexcept;

/// The query without the fields of these names.
std::string query_without(std::string_view query, std::initializer_list<std::string_view> names);

/// The token of a request: of programs `Authorization: Bearer …`, of browsers, which can send no header,
/// `?access_token=…`.
std::string token_of(const web::http_request& request);

}  // namespace bester::clients
