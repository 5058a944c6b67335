#include "peering/routing/advert_text.hpp"

#include "json/parse.hpp"
#include "wire/names.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

namespace bester::peering {

namespace {

using bester::json::json_kind;
using bester::json::json_value;
using reason = tl::unexpected<std::string>;

constexpr std::size_t longest_host = 253;
constexpr std::uint64_t most_age_ms = 366ULL * 24 * 3600 * 1000;

bool is_host_byte(char c) noexcept {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
           c == '_';
}

bool is_hex_digit(char c) noexcept { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }

bool is_v6_byte(char c) noexcept {
    return is_hex_digit(c) || (c >= 'A' && c <= 'F') || c == ':' || c == '.' || c == '%';
}

/// The number of a value that is an integer, not negative, and written without an exponent.
std::optional<std::uint64_t> number_within(const json_value* value, std::uint64_t least, std::uint64_t most) {
    if (!value || !value->is(json_kind::number)) {
        return std::nullopt;
    }
    std::uint64_t number = 0;
    const char* const end = value->text.data() + value->text.size();
    const auto read = std::from_chars(value->text.data(), end, number);
    const bool is_whole = read.ec == std::errc{} && read.ptr == end;
    return is_whole && number >= least && number <= most ? std::optional{number} : std::nullopt;
}

/// The text of a string that passes `check`, or null.
template <class Check>
const std::string* text_that(const json_value* value, Check check) {
    return value && value->is(json_kind::string) && check(value->text) ? &value->text : nullptr;
}

tl::expected<std::vector<advert_link>, std::string> read_links(const json_value* value, std::string_view server) {
    if (!value || !value->is(json_kind::array) || value->elements.size() > most_advert_links) {
        return reason("\"links\" of an advert must be an array of at most 1024");
    }
    std::vector<advert_link> links;
    links.reserve(value->elements.size());
    for (const json_value& entry : value->elements) {
        if (!entry.is(json_kind::object)) {
            return reason("a link of an advert must be an object");
        }
        const auto* peer = text_that(entry.value_of("peer"), wire::is_name);
        if (!peer || *peer == server) {
            return reason("\"peer\" of an advert's link must be the name of another server");
        }
        const auto cost = number_within(entry.value_of("cost_us"), least_link_cost.count(), most_link_cost.count());
        if (!cost) {
            return reason("\"cost_us\" of an advert's link must be an integer from 1 to 60000000");
        }
        links.push_back({*peer, std::chrono::microseconds(*cost)});
    }
    std::sort(links.begin(), links.end(), [](const auto& a, const auto& b) { return a.peer < b.peer; });
    const auto is_same_peer = [](const auto& a, const auto& b) { return a.peer == b.peer; };
    if (std::adjacent_find(links.begin(), links.end(), is_same_peer) != links.end()) {
        return reason("an advert names a peer twice");
    }
    return links;
}

tl::expected<std::vector<std::string>, std::string> read_addresses(const json_value* value) {
    std::vector<std::string> addresses;
    if (!value) {
        return addresses;
    }
    if (!value->is(json_kind::array) || value->elements.size() > most_advert_addresses) {
        return reason("\"addresses\" of an advert must be an array of at most 8");
    }
    for (const json_value& entry : value->elements) {
        const auto* address = text_that(&entry, is_dial_address);
        if (!address) {
            return reason("an address of an advert must be \"host:port\"");
        }
        addresses.push_back(*address);
    }
    return addresses;
}

tl::expected<link_state_message, std::string> read_advert(const json_value& object) {
    advert result;
    const auto* server = text_that(object.value_of("server"), wire::is_name);
    const auto* incarnation = text_that(object.value_of("incarnation"), is_incarnation);
    const auto version = number_within(object.value_of("version"), 1, most_advert_version);
    if (!server) {
        return reason("\"server\" of an advert must be a server's name");
    }
    if (!incarnation) {
        return reason("\"incarnation\" of an advert must be 16 hex digits");
    }
    if (!version) {
        return reason("\"version\" of an advert must be an integer from 1 to 2^53 - 1");
    }
    auto links = read_links(object.value_of("links"), *server);
    if (!links) {
        return reason(std::move(links.error()));
    }
    auto addresses = read_addresses(object.value_of("addresses"));
    if (!addresses) {
        return reason(std::move(addresses.error()));
    }
    if (const json_value* transit = object.value_of("transit")) {
        if (!transit->is(json_kind::boolean)) {
            return reason("\"transit\" of an advert must be true or false");
        }
        result.is_transit = transit->truth;
    }
    if (const json_value* age = object.value_of("age_ms")) {
        const auto number = number_within(age, 0, most_age_ms);
        if (!number) {
            return reason("\"age_ms\" of an advert must be an integer, at most a year");
        }
        result.age = std::chrono::milliseconds(*number);
    }
    result.server = *server;
    result.mark = {*version, *incarnation};
    result.links = std::move(*links);
    result.addresses = std::move(*addresses);
    return result;
}

tl::expected<link_state_message, std::string> read_summary(const json_value& known) {
    if (!known.is(json_kind::array) || known.elements.size() > most_summary_servers) {
        return reason("\"known\" must be an array of at most 4096");
    }
    database_summary result;
    result.known.reserve(known.elements.size());
    for (const json_value& entry : known.elements) {
        if (!entry.is(json_kind::array) || entry.elements.size() != 3) {
            return reason("an entry of \"known\" must be [server, incarnation, version]");
        }
        const auto* server = text_that(&entry.elements[0], wire::is_name);
        const auto* incarnation = text_that(&entry.elements[1], is_incarnation);
        const auto version = number_within(&entry.elements[2], 1, most_advert_version);
        if (!server || !incarnation || !version) {
            return reason("an entry of \"known\" must be [server, incarnation, version]");
        }
        result.known.push_back({*server, {*version, *incarnation}});
    }
    return result;
}

}  // namespace

bool is_dial_address(std::string_view text) noexcept {
    const auto colon = text.rfind(':');
    if (colon == std::string_view::npos) {
        return false;
    }
    auto host = text.substr(0, colon);
    const auto port = text.substr(colon + 1);
    unsigned number = 0;
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
    if (error != std::errc{} || end != port.data() + port.size() || number == 0 || number > 65535) {
        return false;
    }
    if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
        host = host.substr(1, host.size() - 2);
        return host.size() <= longest_host && host.find(':') != std::string_view::npos &&
               std::all_of(host.begin(), host.end(), is_v6_byte);
    }
    return !host.empty() && host.size() <= longest_host && std::all_of(host.begin(), host.end(), is_host_byte);
}

bool is_incarnation(std::string_view text) noexcept {
    return text.size() == 16 && std::all_of(text.begin(), text.end(), is_hex_digit);
}

// Names, incarnations and addresses have no byte that JSON would escape.

std::string encode(const advert& message) {
    std::string text = "{\"server\":\"" + message.server + "\",\"incarnation\":\"" + message.mark.incarnation +
                       "\",\"version\":" + std::to_string(message.mark.version) + ",\"links\":[";
    for (const advert_link& link : message.links) {
        text += text.back() == '[' ? "{\"peer\":\"" : ",{\"peer\":\"";
        text += link.peer + "\",\"cost_us\":" + std::to_string(link.cost.count()) + "}";
    }
    text += "],\"addresses\":[";
    for (const std::string& address : message.addresses) {
        text += text.back() == '[' ? "\"" : ",\"";
        text += address + "\"";
    }
    text += message.is_transit ? "],\"transit\":true" : "],\"transit\":false";
    text += ",\"age_ms\":" + std::to_string(message.age.count()) + "}";
    return text;
}

std::string encode(const database_summary& message) {
    std::string text = "{\"known\":[";
    for (const summary_entry& entry : message.known) {
        text += text.back() == '[' ? "[\"" : ",[\"";
        text += entry.server + "\",\"" + entry.mark.incarnation + "\"," + std::to_string(entry.mark.version) + "]";
    }
    return text + "]}";
}

tl::expected<link_state_message, std::string> decode_link_state(std::string_view text) {
    if (text.size() > longest_summary_text) {
        return reason("an advert frame is longer than 512 KiB");
    }
    const auto parsed = bester::json::parse_object(text);
    if (!parsed) {
        return reason("an advert frame must be a JSON object");
    }
    if (const json_value* known = parsed->value_of("known")) {
        return read_summary(*known);
    }
    if (text.size() > longest_advert_text) {
        return reason("an advert is longer than 256 KiB");
    }
    return read_advert(*parsed);
}

}  // namespace bester::peering
