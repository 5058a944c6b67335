#include "handlers/handshake_messages.hpp"

#include "wire/frame.hpp"

#include <nlohmann/json.hpp>

namespace bester::handlers {

namespace {

using nlohmann::json;

constexpr unsigned most_shards = 1 << 16;

tl::unexpected<refusal> bad_hello(std::string reason) {
    return tl::unexpected(refusal{wire::error_code::bad_hello, std::move(reason)});
}

std::string quoted(const std::string& text) { return json(text).dump(-1, ' ', false, json::error_handler_t::replace); }

bool take_string(const json& object, const char* name, std::string& into) {
    const auto found = object.find(name);
    if (found == object.end()) return true;
    if (!found->is_string()) return false;
    into = found->get<std::string>();
    return true;
}

bool take_events(const json& object, hello_message& into) {
    const auto found = object.find("events");
    if (found == object.end()) return true;
    if (!found->is_array()) return false;
    for (const json& event : *found) {
        if (event == "clients") into.wishes.client_events = true;
        else if (event == "peers") into.wishes.peer_events = true;
        else if (event == "groups") into.wishes.group_events = true;
        else return false;
    }
    return true;
}

}  // namespace

tl::expected<hello_message, refusal> parse_hello(std::string_view text) {
    const json parsed = json::parse(text, nullptr, false);
    if (!parsed.is_object()) return bad_hello("the first frame must be a JSON object");
    if (parsed.value("kind", json()) != "hello") return bad_hello("the first frame must have the kind \"hello\"");
    const json protocol = parsed.value("protocol", json());
    if (protocol != handler_protocol)
        return tl::unexpected(refusal{wire::error_code::protocol_mismatch,
                                      "this broker speaks version " + std::to_string(handler_protocol) +
                                          " of the handler protocol; \"protocol\" must say so"});
    hello_message hello;
    if (!take_string(parsed, "handler", hello.handler) || hello.handler.empty())
        return bad_hello("\"handler\" must be the handler's name, a string");
    if (!take_string(parsed, "token", hello.token)) return bad_hello("\"token\" must be a string");
    if (!take_string(parsed, "key", hello.key)) return bad_hello("\"key\" must be a string");
    if (!take_events(parsed, hello))
        return bad_hello("\"events\" must be an array of \"clients\", \"groups\" and \"peers\"");
    if (const auto ping = parsed.find("ping"); ping != parsed.end()) {
        if (!ping->is_boolean()) return bad_hello("\"ping\" must be true or false");
        hello.wishes.answers_pings = ping->get<bool>();
    }
    if (const auto shard = parsed.find("shard"); shard != parsed.end()) {
        if (!shard->is_number_unsigned() || shard->get<std::uint64_t>() >= most_shards)
            return bad_hello("\"shard\" must be an integer, from 0 to one less than \"shards\"");
        hello.shard = shard->get<unsigned>();
    }
    if (!hello.key.empty() && !hello.shard) return bad_hello("a hello with a \"key\" must name its \"shard\"");
    return hello;
}

std::string encode(const welcome_message& message) {
    std::string text = "{\"kind\":\"welcome\",\"protocol\":" + std::to_string(handler_protocol);
    text += ",\"server\":" + quoted(message.server);
    text += ",\"handler\":" + quoted(message.handler);
    text += ",\"instance\":" + quoted(message.instance);
    text += ",\"shard\":" + std::to_string(message.shard);
    text += ",\"shards\":" + std::to_string(message.shards);
    text += ",\"key\":" + quoted(message.key);
    text += ",\"window\":" + std::to_string(message.window);
    text += ",\"limits\":{\"message_size\":" + std::to_string(message.message_size);
    text += ",\"recipients\":" + std::to_string(message.recipients);
    text += "},\"config\":" + message.config_json + "}";
    return text;
}

std::string encode(const refusal& error) {
    return "{\"kind\":\"error\",\"code\":" + quoted(std::string(wire::describe(error.code).text)) +
           ",\"reason\":" + quoted(error.reason) + "}";
}

std::string frame_of(std::string_view text) {
    std::string frame(wire::frame_header_size, '\0');
    wire::write_frame_length(frame.data(), text.size());
    frame.append(text);
    return frame;
}

}  // namespace bester::handlers
