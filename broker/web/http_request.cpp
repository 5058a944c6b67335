#include "web/http_request.hpp"

#include <algorithm>

#include "web/tokens.hpp"

namespace bester::web {

std::string_view http_request::header(std::string_view name) const noexcept {
    for (const http_header& each : headers)
        if (is_same_word(each.name, name)) return each.value;
    return {};
}

std::size_t http_request::count(std::string_view name) const noexcept {
    return static_cast<std::size_t>(
        std::ranges::count_if(headers, [&](const http_header& each) { return is_same_word(each.name, name); }));
}

std::size_t http_request::memory() const noexcept {
    std::size_t bytes = path.size() + query.size() + headers.size() * sizeof(http_header);
    for (const http_header& each : headers) bytes += each.name.size() + each.value.size();
    return bytes;
}

std::string http_request::joined(std::string_view name) const {
    std::string list;
    for (const http_header& each : headers) {
        if (!is_same_word(each.name, name)) continue;
        if (!list.empty()) list += ", ";
        list += each.value;
    }
    return list;
}

}  // namespace bester::web
