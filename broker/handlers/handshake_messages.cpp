#include "handlers/handshake_messages.hpp"

#include <charconv>

#include "json/parse.hpp"
#include "wire/frame.hpp"
#include "wire/json_text.hpp"

namespace bester::handlers {

namespace {

using json::json_kind;
using json::json_value;

constexpr unsigned most_shards = 1 << 16;

tl::unexpected<refusal> bad_hello(std::string reason) {
    return tl::unexpected(refusal{wire::error_code::bad_hello, std::move(reason)});
}

std::string quoted(std::string_view text) {
    std::string made;
    wire::append_quoted(made, text);
    return made;
}

bool take_string(const json_value& object, std::string_view name, std::string& into) {
    const json_value* const found = object.value_of(name);
    if (!found) return true;
    if (!found->is(json_kind::string)) return false;
    into = found->text;
    return true;
}

bool take_boolean(const json_value& object, std::string_view name, bool& into) {
    const json_value* const found = object.value_of(name);
    if (!found) return true;
    if (!found->is(json_kind::boolean)) return false;
    into = found->truth;
    return true;
}

bool take_events(const json_value& object, hello_message& into) {
    const json_value* const found = object.value_of("events");
    if (!found) return true;
    if (!found->is(json_kind::array)) return false;
    for (const json_value& event : found->elements) {
        if (!event.is(json_kind::string)) return false;
        if (event.text == "clients") into.wishes.client_events = true;
        else if (event.text == "peers") into.wishes.peer_events = true;
        else if (event.text == "groups") into.wishes.group_events = true;
        else return false;
    }
    return true;
}

/// Returns whether the value is an integer below `end`, and writes it.
bool take_number(const json_value& value, unsigned end, unsigned& into) {
    const char* const last = value.text.data() + value.text.size();
    const auto read = std::from_chars(value.text.data(), last, into);
    return value.is(json_kind::number) && read.ec == std::errc{} && read.ptr == last && into < end;
}

}  // namespace

tl::expected<hello_message, refusal> parse_hello(std::string_view text) {
    const auto document = json::parse_object(text);
    if (!document) return bad_hello("the first frame must be a JSON object, with each field once");
    const json_value& parsed = *document;
    const json_value* const kind = parsed.value_of("kind");
    if (!kind || !kind->is(json_kind::string) || kind->text != "hello")
        return bad_hello("the first frame must have the kind \"hello\"");
    const json_value* const protocol = parsed.value_of("protocol");
    if (!protocol || !protocol->is(json_kind::number) || protocol->number() != handler_protocol)
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
    if (!take_boolean(parsed, "ping", hello.wishes.answers_pings)) return bad_hello("\"ping\" must be true or false");
    if (!take_boolean(parsed, "ready", hello.wishes.says_ready)) return bad_hello("\"ready\" must be true or false");
    if (const json_value* const shard = parsed.value_of("shard")) {
        unsigned number = 0;
        if (!take_number(*shard, most_shards, number))
            return bad_hello("\"shard\" must be an integer, from 0 to one less than \"shards\"");
        hello.shard = number;
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
    return "{\"kind\":\"error\",\"code\":" + quoted(wire::describe(error.code).text) +
           ",\"reason\":" + quoted(error.reason) + "}";
}

std::string frame_of(std::string_view text) {
    std::string frame(wire::frame_header_size, '\0');
    wire::write_frame_length(frame.data(), text.size());
    frame.append(text);
    return frame;
}

}  // namespace bester::handlers
