#pragma once

#include <cstdint>
#include <string_view>

namespace bester::access {

/// Whoever is at the other end of an address, as far as addresses tell: one IPv4 address, or the /64 that
/// an IPv6 address is in, as whoever has one has them all.
struct address_key {
    enum class family : std::uint8_t { none, v4, v6 };  ///< none: a UNIX socket, or nothing that we can read
    family kind = family::none;
    std::uint64_t bits = 0;

    bool is_none() const noexcept { return kind == family::none; }
    /// Returns a number that hardly any other address has.
    std::uint64_t number() const noexcept { return bits ^ static_cast<std::uint64_t>(kind) << 62; }
    bool operator==(const address_key&) const = default;
};

/// Reads "192.0.2.1", "192.0.2.1:5555", "2001:db8::1", "[2001:db8::1]:5555" or "[2001:db8::1%eth0]:5555".
/// IPv4 addresses in IPv6 (::ffff:192.0.2.1) are IPv4 addresses.
address_key key_of_address(std::string_view address) noexcept;

}  // namespace bester::access
