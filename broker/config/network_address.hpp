#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace bester::config {

/// An address to listen on: `127.0.0.1:2223` or `[::1]:2223`. Pure, like all here.
struct ip_address {
    bool is_v6 = false;
    std::array<unsigned char, 16> bytes{};  ///< v4: the first four
    std::uint16_t port = 0;

    /// Returns the canonical form.
    std::string text() const;
    /// Returns whether it stands for all addresses of this machine: 0.0.0.0 or [::].
    bool is_any() const;
    /// Returns whether it is an IPv4 address written as an IPv6 one: [::ffff:192.0.2.1].
    bool is_v4_in_v6() const;
    /// Returns the IPv4 address that is in this one.
    ip_address as_v4() const;
};

std::optional<ip_address> parse_ip_address(std::string_view text);

/// Returns whether this is an address to connect to: a host name or an IP address (v6 in brackets), a colon and a port
/// that is not 0.
bool is_host_and_port(std::string_view text);

/// Returns whether only this machine can reach the address: 127.0.0.0/8, `[::1]` or `localhost`, with a port.
bool is_loopback(std::string_view address);

}  // namespace bester::config
