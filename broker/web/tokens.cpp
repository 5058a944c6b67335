#include "web/tokens.hpp"

#include <algorithm>

namespace bester::web {

namespace {

constexpr char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
constexpr bool is_blank(char c) noexcept { return c == ' ' || c == '\t'; }

constexpr bool is_token_char(char c) noexcept {
    return (lower(c) >= 'a' && lower(c) <= 'z') || (c >= '0' && c <= '9') ||
           std::string_view{"!#$%&'*+-.^_`|~"}.find(c) != std::string_view::npos;
}

}  // namespace

bool is_same_word(std::string_view left, std::string_view right) noexcept {
    return std::ranges::equal(left, right, {}, lower, lower);
}

bool is_token(std::string_view text) noexcept { return !text.empty() && std::ranges::all_of(text, is_token_char); }

std::string_view trim(std::string_view text) noexcept {
    while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
    while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
    return text;
}

std::string_view take_element(std::string_view& rest, char separator) noexcept {
    bool is_quoted = false;
    std::size_t end = 0;
    for (; end < rest.size(); ++end) {
        if (rest[end] == '"') is_quoted = !is_quoted;
        if (is_quoted && rest[end] == '\\') ++end;
        else if (!is_quoted && rest[end] == separator) break;
    }
    end = std::min(end, rest.size());
    const std::string_view element = trim(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    return element;
}

bool has_element(std::string_view list, std::string_view word) noexcept {
    bool is_there = false;
    for_each_element(list, [&](std::string_view element) { is_there |= is_same_word(element, word); });
    return is_there;
}

}  // namespace bester::web
