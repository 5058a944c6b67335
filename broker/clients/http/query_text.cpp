#include "clients/http/query_text.hpp"

#include <algorithm>

namespace bester::clients {

namespace {

/// Gives each field to `each(name, value, whole)` until that returns false.
template <class Each>
void for_each_field(std::string_view query, Each&& each) {
    while (!query.empty()) {
        const std::string_view field = query.substr(0, query.find('&'));
        const std::string_view name = field.substr(0, field.find('='));
        if (!each(name, field.substr(std::min(name.size() + 1, field.size())), field)) return;
        query.remove_prefix(std::min(field.size() + 1, query.size()));
    }
}

}  // namespace

std::optional<std::string_view> query_field(std::string_view query, std::string_view name) noexcept {
    std::optional<std::string_view> found;
    for_each_field(query, [&](std::string_view each, std::string_view value, std::string_view) {
        if (each != name) return true;
        found = value;
        return false;
    });
    return found;
}

std::string query_without(std::string_view query, std::initializer_list<std::string_view> names) {
    std::string kept;
    for_each_field(query, [&](std::string_view name, std::string_view, std::string_view whole) {
        if (std::find(names.begin(), names.end(), name) != names.end()) return true;
        if (!kept.empty()) kept += '&';
        kept += whole;
        return true;
    });
    return kept;
}

}  // namespace bester::clients
