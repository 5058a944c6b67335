#include "access/address_key.hpp"

#include <arpa/inet.h>
#include <algorithm>
#include <array>

namespace bester::access {

namespace {

std::uint64_t number_of(const unsigned char* bytes, std::size_t size) noexcept {
    std::uint64_t number = 0;
    for (std::size_t i = 0; i < size; ++i) number = number << 8 | bytes[i];
    return number;
}

}  // namespace

address_key key_of_address(std::string_view address) noexcept {
    if (address.starts_with('[')) {
        const auto end = address.find(']');
        if (end == address.npos) return {};
        address = address.substr(1, end - 1);
    } else if (std::count(address.begin(), address.end(), ':') == 1) {
        address = address.substr(0, address.find(':'));
    }
    address = address.substr(0, address.find('%'));
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (address.size() >= text.size() || address.find('\0') != address.npos) return {};
    std::copy(address.begin(), address.end(), text.begin());
    std::array<unsigned char, 16> bytes{};
    if (::inet_pton(AF_INET, text.data(), bytes.data()) == 1)
        return {address_key::family::v4, number_of(bytes.data(), 4)};
    if (::inet_pton(AF_INET6, text.data(), bytes.data()) != 1) return {};
    constexpr std::array<unsigned char, 12> mapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    if (std::equal(mapped.begin(), mapped.end(), bytes.begin()))
        return {address_key::family::v4, number_of(bytes.data() + 12, 4)};
    return {address_key::family::v6, number_of(bytes.data(), 8)};
}

}  // namespace bester::access
