#include "config/network_address.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <system_error>
#include <utility>

namespace bester::config {
namespace {

constexpr std::size_t longest_host = 253;  // RFC 1035

/// Splits at the last colon; none if there is no colon or no port after it.
std::optional<std::pair<std::string, std::uint16_t>> split(std::string_view text) {
    const std::size_t colon = text.rfind(':');
    if (colon == std::string_view::npos) {
        return std::nullopt;
    }
    const std::string_view digits = text.substr(colon + 1);
    std::uint16_t port = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
    if (error != std::errc{} || end != digits.data() + digits.size()) {
        return std::nullopt;
    }
    return std::pair{std::string{text.substr(0, colon)}, port};
}

bool is_host_name(std::string_view host) {
    const auto is_fit = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
               c == '_';
    };
    // Digits and dots alone are a mistyped IP address, since no top-level domain is a number.
    return !host.empty() && host.size() <= longest_host && host.front() != '-' && host.front() != '.' &&
           std::all_of(host.begin(), host.end(), is_fit) &&
           host.find_first_not_of("0123456789.") != std::string_view::npos;
}

}  // namespace

std::string ip_address::text() const {
    std::array<char, INET6_ADDRSTRLEN> buffer{};
    inet_ntop(is_v6 ? AF_INET6 : AF_INET, bytes.data(), buffer.data(), buffer.size());
    const std::string host{buffer.data()};
    return (is_v6 ? '[' + host + ']' : host) + ':' + std::to_string(port);
}

bool ip_address::is_any() const {
    return std::all_of(bytes.begin(), bytes.end(), [](unsigned char byte) { return byte == 0; });
}

bool ip_address::is_v4_in_v6() const {
    static constexpr std::array<unsigned char, 12> prefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    return is_v6 && std::equal(prefix.begin(), prefix.end(), bytes.begin());
}

ip_address ip_address::as_v4() const {
    ip_address v4;
    std::copy(bytes.begin() + 12, bytes.end(), v4.bytes.begin());
    v4.port = port;
    return v4;
}

std::optional<ip_address> parse_ip_address(std::string_view text) {
    auto parts = split(text);
    if (!parts) {
        return std::nullopt;
    }
    auto& [host, port] = *parts;
    ip_address address;
    address.port = port;
    address.is_v6 = host.size() > 2 && host.front() == '[' && host.back() == ']';
    if (address.is_v6) {
        host = host.substr(1, host.size() - 2);
    }
    const bool is_known = inet_pton(address.is_v6 ? AF_INET6 : AF_INET, host.c_str(), address.bytes.data()) == 1;
    return is_known ? std::optional{address} : std::nullopt;
}

bool is_host_and_port(std::string_view text) {
    const auto parts = split(text);
    return parts && parts->second != 0 && (is_host_name(parts->first) || parse_ip_address(text));
}

bool is_loopback(std::string_view address) {
    const auto parsed = parse_ip_address(address);
    if (!parsed) {
        const auto parts = split(address);
        return parts && parts->first == "localhost";
    }
    if (!parsed->is_v6) {
        return parsed->bytes[0] == 127;
    }
    std::array<unsigned char, 16> one{};
    one[15] = 1;
    return parsed->bytes == one;
}

}  // namespace bester::config
