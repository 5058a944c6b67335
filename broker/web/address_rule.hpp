#pragma once

#include <span>
#include <string>
#include <string_view>

namespace bester::web {

/// Returns whether this is an IP address or a network: "192.0.2.1", "10.0.0.0/8", "2001:db8::/32".
bool is_address_rule(std::string_view rule);

/// Returns whether the address (with or without a port) is one of these, or in one of these networks. IPv4 addresses in
/// IPv6 count as IPv4 addresses. A text that is not an address never matches.
bool is_among(std::string_view address, std::span<const std::string> rules);

}  // namespace bester::web
