#include "socketio/packet.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>

namespace bester::socketio {

namespace {

constexpr std::size_t most_id_digits = 19;  // all numbers with this many digits fit

constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

std::size_t digits_at_begin(std::string_view text) noexcept {
    const auto end = std::ranges::find_if_not(text, is_digit);
    return static_cast<std::size_t>(end - text.begin());
}

/// Reads a number without a sign and without leading zeros.
bool read_number(std::string_view digits, std::uint64_t& value) noexcept {
    if (digits.empty() || digits.size() > most_id_digits || (digits[0] == '0' && digits.size() > 1)) return false;
    return std::from_chars(digits.data(), digits.data() + digits.size(), value).ec == std::errc{};
}

bool has_control(std::string_view text) noexcept {
    return std::ranges::any_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

/// Reads "51-": the count and its terminator.
tl::expected<std::uint32_t, packet_error> take_attachments(std::string_view& rest) noexcept {
    const std::size_t size = digits_at_begin(rest);
    std::uint64_t value = 0;
    if (size == rest.size() || rest[size] != '-' || !read_number(rest.substr(0, size), value) || value == 0)
        return tl::unexpected{packet_error::bad_attachments};
    if (value > most_attachments) return tl::unexpected{packet_error::too_many_attachments};
    rest.remove_prefix(size + 1);
    return static_cast<std::uint32_t>(value);
}

/// Reads "/admin?a=b,": the name and its terminator, a comma or the end of the packet.
bool take_namespace(std::string_view& rest, std::string_view& name) noexcept {
    const std::size_t comma = std::min(rest.find(','), rest.size());
    name = rest.substr(0, comma);
    name = name.substr(0, name.find('?'));
    rest.remove_prefix(std::min(comma + 1, rest.size()));
    return name.size() <= longest_namespace && !has_control(name);
}

bool may_have_id(packet_type type) noexcept {
    return type == packet_type::event || type == packet_type::ack || type == packet_type::binary_event ||
           type == packet_type::binary_ack;
}

bool must_have_id(packet_type type) noexcept { return type == packet_type::ack || type == packet_type::binary_ack; }

/// Returns whether the data begins as the type requires.
bool is_fitting(packet_type type, std::string_view data) noexcept {
    const char first = data.empty() ? '\0' : data[0];
    switch (type) {
        case packet_type::connect: return data.empty() || first == '{';
        case packet_type::disconnect: return data.empty();
        case packet_type::connect_error: return first == '{' || first == '"';
        case packet_type::event:
        case packet_type::ack:
        case packet_type::binary_event:
        case packet_type::binary_ack: break;
    }
    return first == '[';
}

char* write_number(char* at, std::uint64_t number) noexcept { return std::to_chars(at, at + 20, number).ptr; }

}  // namespace

std::string_view to_string(packet_error error) noexcept {
    switch (error) {
        case packet_error::bad_type: return "unknown packet type";
        case packet_error::bad_attachments: return "no number of attachments";
        case packet_error::too_many_attachments: return "too many attachments";
        case packet_error::bad_namespace: return "no namespace";
        case packet_error::bad_id: return "no id of an acknowledgement";
        case packet_error::bad_data: return "data that the type has not";
    }
    return "unknown";
}

tl::expected<packet_view, packet_error> decode_packet(std::string_view text) noexcept {
    if (text.empty() || text[0] < '0' || text[0] > '6') return tl::unexpected{packet_error::bad_type};
    packet_view packet;
    packet.type = static_cast<packet_type>(text[0] - '0');
    std::string_view rest = text.substr(1);
    if (packet.is_binary()) {
        const auto count = take_attachments(rest);
        if (!count) return tl::unexpected{count.error()};
        packet.attachments = *count;
    }
    if (rest.starts_with('/') && !take_namespace(rest, packet.name_space))
        return tl::unexpected{packet_error::bad_namespace};
    if (const std::size_t digits = digits_at_begin(rest); digits != 0) {
        std::uint64_t id = 0;
        if (!may_have_id(packet.type) || !read_number(rest.substr(0, digits), id))
            return tl::unexpected{packet_error::bad_id};
        packet.id = id;
        rest.remove_prefix(digits);
    } else if (must_have_id(packet.type)) {
        return tl::unexpected{packet_error::bad_id};
    }
    if (!is_fitting(packet.type, rest)) return tl::unexpected{packet_error::bad_data};
    packet.data = rest;
    return packet;
}

bool is_namespace(std::string_view name) noexcept {
    return name.starts_with('/') && name.size() <= longest_namespace &&
           name.find_first_of(",?") == std::string_view::npos && !has_control(name);
}

std::size_t write_prefix(const packet_view& packet, char* room) noexcept {
    char* at = room;
    *at++ = '4';
    *at++ = static_cast<char>('0' + static_cast<int>(packet.type));
    if (packet.is_binary()) {
        at = write_number(at, packet.attachments);
        *at++ = '-';
    }
    if (packet.name_space != "/") {
        std::memcpy(at, packet.name_space.data(), packet.name_space.size());
        at += packet.name_space.size();
        *at++ = ',';
    }
    if (packet.id) at = write_number(at, *packet.id);
    return static_cast<std::size_t>(at - room);
}

}  // namespace bester::socketio
