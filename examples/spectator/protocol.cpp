#include "protocol.hpp"

#include <algorithm>

namespace spectator {

namespace {

using nlohmann::json;

constexpr std::size_t longest_id = 64;

std::string frame_text(const nlohmann::ordered_json& frame) {
    // What came from a client may not be UTF-8 where the listener does not check it.
    return frame.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace

request read_request(std::string_view raw, json& id) {
    json frame = json::parse(raw, nullptr, false);
    if (!frame.is_object()) throw mistake{"bad_request", "a frame is a JSON object"};
    const json given = frame.value("id", json{});
    const bool is_short_text = given.is_string() && given.get_ref<const std::string&>().size() <= longest_id;
    if (!is_short_text && !given.is_number_integer())
        throw mistake{"bad_request", "`id` must be an integer or a string of at most 64 bytes"};
    id = given;
    const json kind = frame.value("kind", json{});
    if (!kind.is_string()) throw mistake{"bad_request", "`kind` must be a string"};
    json data = frame.value("data", json{});
    if (!data.is_object()) data = json::object();
    return {given, kind.get<std::string>(), std::move(data)};
}

std::string reply_frame(const json& id, const json& data) {
    return frame_text({{"id", id}, {"kind", "reply"}, {"data", data}});
}

std::string error_frame(const json& id, const mistake& what) {
    return frame_text(
        {{"id", id}, {"kind", "error"}, {"data", {{"code", what.code}, {"description", what.description}}}});
}

std::string push_frame(std::string_view kind, const json& data) { return frame_text({{"kind", kind}, {"data", data}}); }

std::string text_of(const json& object, const char* name, std::size_t most) {
    const auto found = object.find(name);
    if (found == object.end() || !found->is_string() || found->get_ref<const std::string&>().empty())
        throw mistake{"bad_request", std::string{"`"} + name + "` must be a string, and not an empty one"};
    const auto& value = found->get_ref<const std::string&>();
    if (value.size() > most)
        throw mistake{"bad_request",
                      std::string{"`"} + name + "` must have at most " + std::to_string(most) + " bytes"};
    return value;
}

bool is_id(std::string_view text) {
    const auto fits = [](unsigned char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_';
    };
    return !text.empty() && text.size() <= 32 && std::all_of(text.begin(), text.end(), fits);
}

}  // namespace spectator
