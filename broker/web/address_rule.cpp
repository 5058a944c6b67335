#include "web/address_rule.hpp"

#include <arpa/inet.h>
#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "web/proxy_header.hpp"

namespace bester::web {

namespace {

/// An address, and the number of its bits that count.
struct network {
    std::array<unsigned char, 16> bytes{};
    unsigned size = 0;  ///< 4 or 16
    unsigned bits = 0;
};

std::optional<network> parse(std::string_view text) {
    const std::size_t slash = text.find('/');
    const auto address = normal_address(text.substr(0, slash));
    if (!address || text.starts_with(' ')) return std::nullopt;
    network found;
    found.size = inet_pton(AF_INET, address->c_str(), found.bytes.data()) == 1 ? 4 : 16;
    if (found.size == 16) inet_pton(AF_INET6, address->c_str(), found.bytes.data());
    found.bits = 8 * found.size;
    if (slash == std::string_view::npos) return found;
    const std::string_view bits = text.substr(slash + 1);
    const auto [end, error] = std::from_chars(bits.data(), bits.data() + bits.size(), found.bits);
    if (error != std::errc{} || end != bits.data() + bits.size() || found.bits > 8 * found.size) return std::nullopt;
    return found;
}

bool holds(const network& rule, const network& address) noexcept {
    if (rule.size != address.size) return false;
    const unsigned whole = rule.bits / 8;
    if (!std::equal(rule.bytes.begin(), rule.bytes.begin() + whole, address.bytes.begin())) return false;
    const unsigned rest = rule.bits % 8;
    return rest == 0 || (rule.bytes[whole] ^ address.bytes[whole]) >> (8 - rest) == 0;
}

}  // namespace

bool is_address_rule(std::string_view rule) { return parse(rule).has_value(); }

bool is_among(std::string_view address, std::span<const std::string> rules) {
    const auto who = address.find('/') == std::string_view::npos ? parse(address) : std::nullopt;
    if (!who) return false;
    return std::ranges::any_of(rules, [&](const std::string& text) {
        const auto rule = parse(text);
        return rule && holds(*rule, *who);
    });
}

}  // namespace bester::web
