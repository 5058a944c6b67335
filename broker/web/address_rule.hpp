#pragma once

#include <span>
#include <string>
#include <string_view>

namespace bester::web {

/// Is this an IP address or a network: "192.0.2.1", "10.0.0.0/8", "2001:db8::/32"?
bool is_address_rule(std::string_view rule);

/// Is the address (with or without a port) one of these, or in one of these networks? IPv4 addresses in
/// IPv6 are IPv4 addresses. What is no address is not.
bool is_among(std::string_view address, std::span<const std::string> rules);

}  // namespace bester::web
