#include "frames.hpp"

#include <algorithm>
#include <random>

#include <nlohmann/json.hpp>

namespace texto {

namespace {

// Ordered: people read these frames, and expect them as the protocol's page shows them.
using json = nlohmann::ordered_json;

constexpr std::size_t longest_id = 128;

std::string frame(std::string_view client, std::string_view id, const char* kind, json data) {
    return json{{"client_id", client}, {"id", id}, {"kind", kind}, {"data", std::move(data)}}.dump();
}

request mistake(request about, const char* code, std::string description) {
    about.kind = kind::mistake;
    about.code = code;
    about.description = std::move(description);
    return about;
}

const json* find(const json& object, const char* name) {
    const auto found = object.find(name);
    return found == object.end() ? nullptr : &*found;
}

bool is_text(const json* value) { return value != nullptr && value->is_string(); }

std::string in_lower_case(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; });
    return text;
}

/// Null if it is no JSON. The data of a path with plain text frames is a JSON string; whatever else
/// comes is a frame in JSON already.
json parse(std::string_view data) {
    json outer = json::parse(data, nullptr, false);
    return outer.is_string() ? json::parse(outer.get_ref<const std::string&>(), nullptr, false) : outer;
}

request read_send(const json* data, request made) {
    if (data == nullptr || !data->is_object() || !is_text(find(*data, "receiver_id")) || !is_text(find(*data, "text")))
        return mistake(std::move(made), "EINVAL", R"(the data of "send" is {"receiver_id":"…","text":"…"})");
    made.receiver = in_lower_case(data->at("receiver_id").get<std::string>());
    if (!is_client_id(made.receiver))
        return mistake(std::move(made), "EINVAL", "the receiver_id is no client id: those are UUIDs");
    made.text = data->at("text").get<std::string>();
    made.kind = kind::send;
    return made;
}

/// `registration` and `ack` say nothing with their data: none, or an object that nobody reads.
request read_bare(const json* data, kind which, request made) {
    if (data != nullptr && !data->is_null() && !data->is_object())
        return mistake(std::move(made), "EINVAL", "the data must be an object, or be left out");
    made.kind = which;
    return made;
}

/// Only a client that has not been told its id may leave it out.
bool is_own(const json* client_id, std::string_view client, bool may_be_missing) {
    if (client_id == nullptr || client_id->is_null()) return may_be_missing;
    if (!client_id->is_string()) return false;
    const auto& given = client_id->get_ref<const std::string&>();
    return (given.empty() && may_be_missing) || given == client || in_lower_case(given) == client;
}

}  // namespace

request read_request(std::string_view data, std::string_view client) {
    const json read = parse(data);
    request made;
    if (read.is_discarded()) return mistake(made, "ESYNTAX", "this is not JSON");
    if (!read.is_object())
        return mistake(made, "EINVAL", R"(a frame is an object: {"client_id":"…","id":"…","kind":"…","data":{…}})");
    const json* const id = find(read, "id");
    if (!is_text(id) || id->get_ref<const std::string&>().empty() ||
        id->get_ref<const std::string&>().size() > longest_id)
        return mistake(made, "EINVAL", "a frame has an id of its own: a string of 1 to 128 bytes");
    made.id = id->get<std::string>();

    const json* const named = find(read, "kind");
    const std::string kind_name = is_text(named) ? named->get<std::string>() : "";
    const bool is_registration = kind_name == "registration";
    if (!is_registration && kind_name != "send" && kind_name != "ack")
        return mistake(std::move(made), "EKIND", R"(the kind of a client's frame is "registration", "send" or "ack")");
    if (!is_own(find(read, "client_id"), client, is_registration))
        return mistake(std::move(made), "ECID", "the client_id is not that of this connection");
    const json* const content = find(read, "data");
    if (kind_name == "send") return read_send(content, std::move(made));
    return read_bare(content, is_registration ? kind::registration : kind::ack, std::move(made));
}

std::string connection_frame(std::string_view client, std::string_view id) {
    return frame(client, id, "connection", {{"client_id", client}});
}

std::string ack_frame(std::string_view client, std::string_view id) { return frame(client, id, "ack", json::object()); }

std::string error_frame(std::string_view client, std::string_view id, std::string_view code,
                        std::string_view description) {
    return frame(client, id, "error", {{"code", code}, {"description", description}});
}

std::string receive_frame(std::string_view receiver, std::string_view id, std::string_view sender,
                          std::string_view text) {
    return frame(receiver, id, "receive", {{"sender_id", sender}, {"text", text}});
}

std::string quoted(std::string_view text) { return json(text).dump(); }

bool is_client_id(std::string_view text) noexcept {
    if (text.size() != 36) return false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        const bool is_dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (is_dash ? c != '-' : !((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) return false;
    }
    return true;
}

std::string new_id() {
    static thread_local std::mt19937_64 random{std::random_device{}()};
    constexpr char digits[] = "0123456789abcdef";
    std::string id = "xxxxxxxx-xxxx-4xxx-yxxx-xxxxxxxxxxxx";
    for (char& c : id) {
        const auto value = static_cast<std::size_t>(random() >> 60U);
        if (c == 'x') c = digits[value];
        else if (c == 'y') c = digits[8 + value % 4];
    }
    return id;
}

}  // namespace texto
