#pragma once

#include <span>
#include <string>
#include <string_view>

namespace bester::web {

/// Returns whether this is a rule for origins: "*" (any), "self" (the page came from this listener, see own_place), or
/// an origin ("https://chat.example.org", "null") in which '*' stands for one or more letters, digits, '-' and '.':
/// "https://*.example.org", "http://localhost:*".
bool is_origin_rule(std::string_view rule) noexcept;

/// Whose pages are a listener's own: those of the host and port that the request asked for. Where the listener speaks
/// TLS they came over https; where it does not, a proxy before it may, so either scheme will do.
struct own_place {
    std::string_view host;  ///< the request's Host header
    bool is_tls = false;
};

/// Returns whether a page of `origin` may open a WebSocket. Case does not matter.
bool is_origin_allowed(std::string_view origin, own_place asked, std::span<const std::string> rules) noexcept;

}  // namespace bester::web
