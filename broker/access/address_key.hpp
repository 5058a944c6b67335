#pragma once

#include <cstdint>
#include <string_view>

namespace bester::access {

/// A client as addresses identify it: one IPv4 address, or the /64 of an IPv6 address, all of whose addresses belong to
/// one client.
struct address_key {
    enum class family : std::uint8_t { none, v4, v6 };  ///< none: a UNIX socket, or a text that is not an address
    family kind = family::none;
    std::uint64_t bits = 0;

    bool is_none() const noexcept { return kind == family::none; }
    /// Returns a hash of the address.
    std::uint64_t number() const noexcept { return bits ^ static_cast<std::uint64_t>(kind) << 62; }
    bool operator==(const address_key&) const = default;
};

/// Reads "192.0.2.1", "192.0.2.1:5555", "2001:db8::1", "[2001:db8::1]:5555" or "[2001:db8::1%eth0]:5555".
/// IPv4 addresses in IPv6 (::ffff:192.0.2.1) are IPv4 addresses.
address_key key_of_address(std::string_view address) noexcept;

}  // namespace bester::access
