#include "web/origin_rule.hpp"

#include <algorithm>

#include "web/tokens.hpp"

namespace bester::web {

namespace {

bool is_wild(char c) noexcept {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
}

/// Backtracking to the last '*' is enough: it can match everything that an earlier one could.
bool matches(std::string_view text, std::string_view rule) noexcept {
    std::size_t t = 0;
    std::size_t r = 0;
    std::size_t star = std::string_view::npos;
    std::size_t star_end = 0;  // where the text of the last star ends
    while (t < text.size()) {
        if (r < rule.size() && rule[r] == '*') {
            if (!is_wild(text[t])) {
                if (star == std::string_view::npos || !is_wild(text[star_end])) return false;
                r = star + 1;
                t = ++star_end;
                continue;
            }
            star = r++;
            star_end = ++t;
        } else if (r < rule.size() && is_same_word(text.substr(t, 1), rule.substr(r, 1))) {
            ++t;
            ++r;
        } else {
            if (star == std::string_view::npos || star_end >= text.size() || !is_wild(text[star_end])) return false;
            r = star + 1;
            t = ++star_end;
        }
    }
    return r == rule.size();
}

bool is_own(std::string_view origin, own_place asked) noexcept {
    if (asked.host.empty()) return false;
    for (const std::string_view scheme : {"https://", "http://"}) {
        if (asked.is_tls && scheme == "http://") break;
        if (origin.size() > scheme.size() && is_same_word(origin.substr(0, scheme.size()), scheme))
            return is_same_word(origin.substr(scheme.size()), asked.host);
    }
    return false;
}

}  // namespace

bool is_origin_rule(std::string_view rule) noexcept {
    if (rule == "*" || rule == "self" || rule == "null") return true;
    const std::size_t scheme = rule.find("://");
    if (scheme == std::string_view::npos || scheme == 0 || !is_token(rule.substr(0, scheme))) return false;
    const std::string_view host = rule.substr(scheme + 3);
    return !host.empty() && rule.find('*') >= scheme && std::ranges::all_of(host, [](char c) {
        return is_wild(c) || std::string_view{"*:[]_"}.find(c) != std::string_view::npos;
    });
}

bool is_origin_allowed(std::string_view origin, own_place asked, std::span<const std::string> rules) noexcept {
    return std::ranges::any_of(rules, [&](const std::string& rule) {
        if (rule == "*") return true;
        if (rule == "self") return is_own(origin, asked);
        return matches(origin, rule);
    });
}

}  // namespace bester::web
