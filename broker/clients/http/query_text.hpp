#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

namespace bester::clients {

/// Returns the value of a query's first field of this name, not decoded; nothing if there is none.
std::optional<std::string_view> query_field(std::string_view query, std::string_view name) noexcept;
/// The same; empty if there is none.
inline std::string_view query_value(std::string_view query, std::string_view name) noexcept {
    return query_field(query, name).value_or(std::string_view{});
}

/// Returns the query without the fields of these names.
std::string query_without(std::string_view query, std::initializer_list<std::string_view> names);

}  // namespace bester::clients
