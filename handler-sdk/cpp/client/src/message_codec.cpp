#include "message_codec.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <utility>

#include <nlohmann/json.hpp>

#include "json_members.hpp"

namespace bester::client_detail {
namespace {

using nlohmann::json;

std::string quoted(std::string_view text) {
    // A wrong byte in a type becomes U+FFFD instead of an exception; the broker will say no to it.
    return json(std::string(text)).dump(-1, ' ', false, json::error_handler_t::replace);
}

/// Whoever says so must not keep a client away for ever.
constexpr std::uint64_t longest_wait_ms = std::chrono::milliseconds{std::chrono::hours{24}}.count();

std::string text_member(const json& object, const char* key) {
    const auto found = object.find(key);
    return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

/// The member as JSON tree, `null` if it is missing. Only for small members, never for `data`.
json tree_member(std::string_view object, std::string_view key) {
    const auto text = find_member(object, key);
    return text ? json::parse(*text, nullptr, false) : json();
}

error_info decode_error(const json& header) {
    const auto error = header.find("error");
    if (error == header.end() || !error->is_object()) {
        // The original daemon's bad statuses have no error.
        return {"unspecified", "the broker gave no reason", false};
    }
    const auto temporary = error->find("temporary");
    const auto wait = error->find("retry_after_ms");
    const bool has_wait = wait != error->end() && wait->is_number_unsigned();
    return {
        text_member(*error, "code"), text_member(*error, "reason"),
        temporary != error->end() && temporary->is_boolean() && temporary->get<bool>(),
        std::chrono::milliseconds{std::min<std::uint64_t>(has_wait ? wait->get<std::uint64_t>() : 0, longest_wait_ms)}};
}

broker_frame decode_delivery(std::string& frame, std::string_view payload) {
    const auto type = tree_member(payload, "type");
    if (!type.is_string()) return bad_broker_frame{"a delivery without a type"};
    const auto id = tree_member(payload, "id");
    delivery result;
    result.type = type.get<std::string>();
    if (id.is_string()) result.id = id.get<std::string>();
    if (const auto data = find_member(payload, "data")) {
        result.data_offset = static_cast<std::size_t>(data->data() - frame.data());
        result.data_size = data->size();
    }
    result.frame = std::move(frame);
    return result;
}

broker_frame decode_status(std::string& frame, const json& header, std::string_view payload) {
    status result;
    const auto word = text_member(header, "status");
    if (word != "good" && word != "bad") return bad_broker_frame{"a status that is neither good nor bad"};
    result.good = word == "good";
    const auto id = tree_member(payload, "id");
    if (!id.is_string()) return bad_broker_frame{"a status without an id"};
    result.id = id.get<std::string>();
    const auto delivered = tree_member(payload, "delivered");
    if (delivered.is_number_unsigned()) result.delivered = delivered.get<std::uint64_t>();
    if (!result.good) result.error = decode_error(header);
    result.frame = std::move(frame);
    return result;
}

broker_frame decode_notice(std::string& frame, const json& header, std::string_view payload) {
    notice result;
    result.name = text_member(header, "notice");
    const auto after = tree_member(payload, "after");
    if (after.is_number_unsigned()) result.after = std::chrono::milliseconds(after.get<std::uint32_t>());
    result.frame = std::move(frame);
    return result;
}

}  // namespace

std::string encode_login(const credentials& who) {
    json header{{"scope", "client"}};
    if (!who.token.empty()) {
        header["authentication"] = {{"token", who.token}};
    } else if (!who.user.empty()) {
        header["authentication"] = {{"username", who.user}, {"password", who.password}};
    }
    const json message{{"header", header}, {"payload", {{"type", "dummy"}}}};
    return message.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string encode_message(const destination& to, std::string_view data, std::string_view id) {
    std::string message = R"({"payload":{"type":)" + quoted(to.type);
    if (!to.key.empty()) message += R"(,"key":)" + quoted(to.key);
    if (!id.empty()) message += R"(,"id":)" + quoted(id);
    message += R"(,"data":)";
    message += data;
    message += "}}";
    return message;
}

broker_frame decode_frame(std::string frame) {
    if (!json::accept(frame)) return bad_broker_frame{"a frame that is not JSON"};
    const auto header = tree_member(frame, "header");
    if (!header.is_object()) return bad_broker_frame{"a frame without a header"};
    // A view into the frame: the functions below move the frame only when they are done with it.
    const auto payload = find_member(frame, "payload").value_or("{}");
    const auto type = text_member(header, "messageType");
    if (type == "receivedMessage") return decode_delivery(frame, payload);
    if (type == "statusReport") return decode_status(frame, header, payload);
    if (type == "notice") return decode_notice(frame, header, payload);
    return unknown_frame{};
}

}  // namespace bester::client_detail
