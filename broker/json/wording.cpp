#include "json/wording.hpp"

#include <algorithm>

#include "wire/json_text.hpp"

namespace bester::json {

namespace {

bool is_plain(std::string_view name) {
    return !name.empty() && name.size() <= longest_excerpt && std::all_of(name.begin(), name.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
               c == '$';
    });
}

}  // namespace

std::string json_quoted(std::string_view text) {
    std::string out;
    wire::append_quoted(out, text);
    return out;
}

std::string excerpt(std::string_view text) {
    if (text.size() <= longest_excerpt) {
        return json_quoted(text);
    }
    std::size_t end = longest_excerpt;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) {
        --end;  // never cut a UTF-8 character in two
    }
    return json_quoted(text.substr(0, end)) + "…";
}

std::string path_to(std::string_view path, std::string_view name) {
    if (!is_plain(name)) {
        return std::string{path} + '[' + excerpt(name) + ']';
    }
    return path.empty() ? std::string{name} : std::string{path} + '.' + std::string{name};
}

std::string path_to(std::string_view path, std::size_t index) {
    return std::string{path} + '[' + std::to_string(index) + ']';
}

}  // namespace bester::json
