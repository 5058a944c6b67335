#include "peering/link/link_hello.hpp"

#include "wire/json_reader.hpp"
#include "wire/json_text.hpp"
#include "wire/names.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

namespace bester::peering {

namespace {

constexpr std::size_t most_features = 32;
constexpr std::size_t most_logged = 256;
constexpr std::size_t incarnation_digits = 16;

link_refusal bad_hello(std::string reason) { return {std::string{bad_hello_code}, std::move(reason), false}; }
link_refusal peer_refused(std::string reason) { return {std::string{peer_refused_code}, std::move(reason), false}; }

bool parse_hex(std::string_view text, std::uint64_t& number) noexcept {
    if (text.size() != incarnation_digits) return false;
    const auto end = std::from_chars(text.data(), text.data() + text.size(), number, 16);
    return end.ec == std::errc{} && end.ptr == text.data() + text.size();
}

/// The fields as in the text, each at most once.
struct hello_fields {
    wire::json_reader& reader;
    link_hello hello{};
    std::string_view problem{};  ///< the first one
    unsigned seen = 0;

    enum field_bit : unsigned {
        protocol = 1,
        server = 2,
        incarnation = 4,
        expects = 8,
        heartbeat = 16,
        frame_limit = 32,
        features = 64,
    };

    bool once(field_bit field, std::string_view what) {
        if ((seen & field) != 0) return false;  // a duplicate field is an error
        seen |= field;
        if (problem.empty() && !what.empty()) problem = what;
        return true;
    }
    bool number(field_bit field, std::uint64_t& value, std::string_view what) {
        const bool is_number = reader.peek() >= '0' && reader.peek() <= '9';
        if (!once(field, is_number ? "" : what)) return false;
        return is_number ? reader.integer(value) : reader.skip();
    }
    bool name(field_bit field, std::string& value, std::string_view what) {
        std::string_view text;
        if (reader.peek() != '"') return once(field, what) && reader.skip();
        if (!reader.string(text)) return false;
        value = text;
        return once(field, wire::is_name(text) ? "" : what);
    }
    bool run(std::string_view what) {
        std::string_view text;
        if (reader.peek() != '"') return once(incarnation, what) && reader.skip();
        return reader.string(text) && once(incarnation, parse_hex(text, hello.incarnation) ? "" : what);
    }
    bool feature_list(std::string_view what) {
        if (reader.peek() != '[') return once(features, what) && reader.skip();
        std::size_t count = 0;
        bool are_names = true;
        const bool well_formed = reader.array([&] {
            if (++count > most_features) return false;
            std::string_view text;
            if (reader.peek() != '"') return are_names = false, reader.skip();
            if (!reader.string(text)) return false;
            hello.has_discovery |= text == "discovery";
            hello.has_routing |= text == "routing";
            return true;
        });
        return well_formed && once(features, are_names ? "" : what);
    }

    bool field(std::string_view key) {
        std::uint64_t value = 0;
        if (key == "protocol") return number(protocol, hello.protocol, "\"protocol\" must be an integer");
        if (key == "server") return name(server, hello.server, "\"server\" must be the server's name");
        if (key == "incarnation") return run("\"incarnation\" must be a string of 16 hexadecimal digits");
        if (key == "expects") return name(expects, hello.expects, "\"expects\" must be a server's name");
        if (key == "heartbeat_ms") {
            if (!number(heartbeat, value, "\"heartbeat_ms\" must be an integer")) return false;
            // A number far out of bounds is cut, so that it cannot overflow.
            const auto most = static_cast<std::uint64_t>(most_heartbeat.count());
            hello.heartbeat = std::chrono::milliseconds{std::min(value, most + 1)};
            return true;
        }
        if (key == "frame_limit") {
            if (!number(frame_limit, value, "\"frame_limit\" must be an integer")) return false;
            hello.frame_limit = static_cast<std::size_t>(value);
            return true;
        }
        if (key == "features") return feature_list("\"features\" must be an array of strings");
        return reader.skip();
    }
};

std::string for_log(std::string_view text) {
    std::string kept{text.substr(0, most_logged)};
    for (char& c : kept)
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
    return kept;
}

/// Copies a text into a buffer with the padding that the reader needs.
std::string padded(std::string_view json) {
    std::string copy;
    copy.reserve(json.size() + wire::json_padding);
    copy.assign(json);
    copy.append(wire::json_padding, ' ');
    return copy;
}

std::string joined(std::span<const std::string> names) {
    std::string text;
    for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
    return text.empty() ? "no name" : text;
}

}  // namespace

std::string incarnation_text(std::uint64_t incarnation) {
    std::string text(incarnation_digits, '0');
    for (std::size_t i = incarnation_digits; i-- > 0; incarnation >>= 4)
        text[i] = "0123456789abcdef"[incarnation & 0xf];
    return text;
}

std::string encode(const link_hello& hello) {
    std::string text = "{\"protocol\":" + std::to_string(hello.protocol) + ",\"server\":\"" + hello.server +
                       "\",\"incarnation\":\"" + incarnation_text(hello.incarnation) + '"';
    if (!hello.expects.empty()) text += ",\"expects\":\"" + hello.expects + '"';
    text += ",\"heartbeat_ms\":" + std::to_string(hello.heartbeat.count()) +
            ",\"frame_limit\":" + std::to_string(hello.frame_limit) + ",\"features\":[";
    if (hello.has_discovery) text += "\"discovery\"";
    if (hello.has_routing) text += hello.has_discovery ? ",\"routing\"" : "\"routing\"";
    return text + "]}";
}

std::string encode(const link_refusal& goodbye) {
    std::string text = "{\"code\":";
    wire::append_quoted(text, goodbye.code);
    text += ",\"reason\":";
    wire::append_quoted(text, goodbye.reason);
    text += goodbye.is_temporary ? ",\"temporary\":true}" : ",\"temporary\":false}";
    return text;
}

tl::expected<link_hello, link_refusal> decode_hello(wire::json_reader& reader, std::string_view json) {
    const auto bad = [](std::string reason) { return tl::unexpected(bad_hello(std::move(reason))); };
    if (json.size() > max_hello_size) return bad("the hello is longer than 8 KiB");
    const std::string copy = padded(json);
    hello_fields fields{reader};
    const bool well_formed = reader.start(std::string_view{copy}.substr(0, json.size())) &&
                             reader.object([&](std::string_view key) { return fields.field(key); }) && reader.at_end();
    if (!well_formed) return bad("the hello is not one well-formed JSON object with each field once");
    if ((fields.seen & hello_fields::protocol) != 0 && fields.hello.protocol != link_protocol) {
        link_hello other;
        other.protocol = fields.hello.protocol;
        return other;
    }
    if (!fields.problem.empty()) return bad(std::string{fields.problem});
    constexpr unsigned needed = hello_fields::protocol | hello_fields::server | hello_fields::incarnation |
                                hello_fields::heartbeat | hello_fields::frame_limit;
    if ((fields.seen & needed) != needed)
        return bad("the hello needs \"protocol\", \"server\", \"incarnation\", \"heartbeat_ms\" and \"frame_limit\"");
    return std::move(fields.hello);
}

link_refusal decode_goodbye(wire::json_reader& reader, std::string_view json) {
    link_refusal goodbye{"unknown", "no reason was given", false};
    if (json.size() > max_hello_size) return goodbye;
    const std::string copy = padded(json);
    std::string_view code;
    std::string_view reason;
    bool is_temporary = false;
    const bool well_formed = reader.start(std::string_view{copy}.substr(0, json.size())) &&
                             reader.object([&](std::string_view key) {
                                 if (key == "code" && reader.peek() == '"') return reader.string(code);
                                 if (key == "reason" && reader.peek() == '"') return reader.string(reason);
                                 if (key == "temporary" && reader.peek() != '"') return reader.boolean(is_temporary);
                                 return reader.skip();
                             }) &&
                             reader.at_end();
    if (!well_formed) return goodbye;
    if (wire::is_error_code(code)) goodbye.code = code;
    if (!reason.empty()) goodbye.reason = for_log(reason);
    goodbye.is_temporary = is_temporary;
    return goodbye;
}

std::optional<link_refusal> check_hello(const link_hello& own, const link_hello& hello,
                                        std::optional<std::span<const std::string>> certificate_names,
                                        std::string_view expected_peer) {
    if (hello.protocol != link_protocol)
        return link_refusal{std::string{protocol_mismatch_code},
                            "version " + std::to_string(hello.protocol) +
                                " of the link protocol is not spoken here, but " + std::to_string(link_protocol),
                            false};
    if (certificate_names &&
        std::find(certificate_names->begin(), certificate_names->end(), hello.server) == certificate_names->end())
        return peer_refused("the server calls itself " + hello.server + ", but its certificate is for " +
                            joined(*certificate_names));
    if (hello.server == own.server)
        return peer_refused(hello.incarnation == own.incarnation
                                ? "the server " + own.server + " is linked to itself"
                                : "both servers are called " + own.server + "; one needs another server.name");
    if (!expected_peer.empty() && hello.server != expected_peer)
        return peer_refused("the server " + std::string{expected_peer} + " was expected at this address, but it is " +
                            hello.server);
    if (!hello.expects.empty() && hello.expects != own.server)
        return peer_refused(hello.server + " expected " + hello.expects + " at this address, but this is " +
                            own.server);
    if (hello.heartbeat < least_heartbeat || hello.heartbeat > most_heartbeat)
        return bad_hello("\"heartbeat_ms\" must be from 100 to 3600000");
    if (hello.frame_limit < least_frame_limit)
        return bad_hello("\"frame_limit\" must be at least " + std::to_string(least_frame_limit));
    return {};
}

std::chrono::milliseconds effective_heartbeat(const link_hello& own, const link_hello& other) noexcept {
    return std::min(own.heartbeat, other.heartbeat);
}

}  // namespace bester::peering
