#include "web/proxy_header.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <algorithm>
#include <charconv>
#include <cstring>

#include "web/tokens.hpp"

namespace bester::web {

namespace {

constexpr std::string_view signature{"\r\n\r\n\0\r\nQUIT\n", 12};
constexpr std::string_view word = "PROXY ";
constexpr std::size_t longest_line = 107;  // of version 1, with its CR LF
constexpr std::size_t fixed_size = 16;     // of version 2

std::string text_of(int family, const void* address) {
    char text[INET6_ADDRSTRLEN];
    return inet_ntop(family, address, text, sizeof text) != nullptr ? text : "";
}

std::string ipv6_text(const in6_addr& address) {
    return IN6_IS_ADDR_V4MAPPED(&address) ? text_of(AF_INET, &address.s6_addr[12]) : text_of(AF_INET6, &address);
}

std::optional<std::string> parse_address(int family, std::string_view text) {
    in6_addr six{};
    in_addr four{};
    void* const out = family == AF_INET ? static_cast<void*>(&four) : static_cast<void*>(&six);
    if (inet_pton(family, std::string{text}.c_str(), out) != 1) return std::nullopt;
    return family == AF_INET ? text_of(AF_INET, &four) : ipv6_text(six);
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
    std::uint16_t port = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    const bool has_zero_before = text.size() > 1 && text.front() == '0';
    if (error != std::errc{} || end != text.data() + text.size() || has_zero_before) return std::nullopt;
    return port;
}

/// Reads "TCP4 192.0.2.1 192.0.2.2 5000 443", the text between "PROXY " and CR LF; returns false if it is wrong.
bool parse_line(std::string_view line, proxy_source& source) {
    if (line == "UNKNOWN" || line.starts_with("UNKNOWN ")) return true;
    const int family = line.starts_with("TCP4 ") ? AF_INET : line.starts_with("TCP6 ") ? AF_INET6 : AF_UNSPEC;
    if (family == AF_UNSPEC) return false;
    line.remove_prefix(5);
    std::array<std::string_view, 4> fields;
    for (std::size_t i = 0; i < fields.size(); ++i) {
        const std::size_t end = line.find(' ');
        if ((end == std::string_view::npos) != (i + 1 == fields.size())) return false;
        fields[i] = line.substr(0, end);
        line.remove_prefix(std::min(fields[i].size() + 1, line.size()));
    }
    auto address = parse_address(family, fields[0]);
    const auto port = parse_port(fields[2]);
    if (!address || !port || !parse_address(family, fields[1]) || !parse_port(fields[3])) return false;
    source = {std::move(*address), *port};
    return true;
}

/// Reads a whole header of version 2; returns false if it is wrong.
bool parse_binary(std::string_view header, proxy_source& source) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned>(static_cast<unsigned char>(header[i])); };
    const unsigned command = byte(12);
    const unsigned family = byte(13);
    if (command == 0x20) return true;  // LOCAL: the rest has no meaning
    if (command != 0x21) return false;
    const std::string_view addresses = header.substr(fixed_size);
    constexpr unsigned tcp4 = 0x11;
    constexpr unsigned tcp6 = 0x21;
    constexpr unsigned unix_stream = 0x31;
    if (family == tcp4) {
        if (addresses.size() < 12) return false;
        in_addr four{};
        std::memcpy(&four, addresses.data(), sizeof four);
        source = {text_of(AF_INET, &four), static_cast<std::uint16_t>(byte(24) << 8 | byte(25))};
        return true;
    }
    if (family == tcp6) {
        if (addresses.size() < 36) return false;
        in6_addr six{};
        std::memcpy(&six, addresses.data(), sizeof six);
        source = {ipv6_text(six), static_cast<std::uint16_t>(byte(48) << 8 | byte(49))};
        return true;
    }
    if (family == unix_stream) return addresses.size() >= 216;
    return family == 0;
}

bool begins_alike(std::string_view bytes, std::string_view expected) noexcept {
    const std::size_t size = std::min(bytes.size(), expected.size());
    return bytes.substr(0, size) == expected.substr(0, size);
}

}  // namespace

proxy_found proxy_header_decoder::decode(std::string_view bytes, proxy_source& source) {
    if (failure_.status == proxy_status::failed) return failure_;
    const auto fail = [&](std::string_view reason) { return failure_ = {proxy_status::failed, 0, reason}; };
    for (std::size_t i = 0; i < bytes.size();) {
        header_[size_++] = bytes[i++];
        const std::string_view header{header_.data(), size_};
        if (begins_alike(header, word)) {
            if (!header.ends_with("\r\n")) {
                if (size_ >= longest_line) return fail("the PROXY line is too long");
                continue;
            }
            source = {};
            if (!parse_line(header.substr(word.size(), size_ - word.size() - 2), source))
                return fail("the PROXY line is not as it must be");
        } else if (begins_alike(header, signature)) {
            if (size_ < fixed_size) continue;
            const std::size_t rest = static_cast<std::size_t>(static_cast<unsigned char>(header_[14])) << 8 |
                                     static_cast<unsigned char>(header_[15]);
            if (fixed_size + rest > longest) return fail("the PROXY header is too long");
            if (size_ < fixed_size + rest) continue;
            source = {};
            if (!parse_binary(header, source)) return fail("the PROXY header is not as it must be");
        } else {
            return fail("there is no PROXY header");
        }
        size_ = 0;
        return {proxy_status::complete, i, {}};
    }
    return {proxy_status::need_more, bytes.size(), {}};
}

std::optional<std::string> normal_address(std::string_view text) {
    text = trim(text);
    if (text.size() >= 2 && text.front() == '"' && text.back() == '"') text = text.substr(1, text.size() - 2);
    const auto has_port_or_nothing = [](std::string_view rest) {
        return rest.empty() || (rest.front() == ':' && parse_port(rest.substr(1)));
    };
    if (text.starts_with('[')) {
        const std::size_t end = text.find(']');
        if (end == std::string_view::npos || !has_port_or_nothing(text.substr(end + 1))) return std::nullopt;
        return parse_address(AF_INET6, text.substr(1, end - 1));
    }
    if (auto six = parse_address(AF_INET6, text)) return six;
    const std::size_t colon = std::min(text.find(':'), text.size());
    if (!has_port_or_nothing(text.substr(colon))) return std::nullopt;
    return parse_address(AF_INET, text.substr(0, colon));
}

std::optional<std::string> forwarded_for(std::string_view list,
                                         const std::function<bool(std::string_view address)>& is_trusted) {
    std::optional<std::string> found;
    while (!list.empty()) {
        const std::size_t comma = list.rfind(',');
        const std::size_t begin = comma == std::string_view::npos ? 0 : comma + 1;
        const auto address = normal_address(list.substr(begin));
        // Entries before one that is not an address do not come from a trusted proxy.
        if (!address) return std::nullopt;
        found = address;
        if (!is_trusted(*address)) break;
        list = list.substr(0, comma == std::string_view::npos ? 0 : comma);
    }
    return found;
}

}  // namespace bester::web
