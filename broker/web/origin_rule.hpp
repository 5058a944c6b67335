#pragma once

#include <span>
#include <string>
#include <string_view>

namespace bester::web {

/// Returns whether this is a rule for origins: "*" (any), "self" (the page came from this listener, by its Host), or an
/// origin ("https://chat.example.org", "null") in which '*' stands for one or more letters, digits, '-' and '.':
/// "https://*.example.org", "http://localhost:*".
bool is_origin_rule(std::string_view rule) noexcept;

/// Returns whether a page of `origin` may open a WebSocket. `host` is the request's Host header. Case does not matter.
bool is_origin_allowed(std::string_view origin, std::string_view host, std::span<const std::string> rules) noexcept;

}  // namespace bester::web
