// The spectator protocol's frames: what clients ask, and what they are told. Pure.
#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

namespace spectator {

/// What the broker calls deliveries to clients; they do not see it.
inline constexpr const char* delivery_type = "spectator";

/// One frame of a client, `{"id":…,"kind":…,"data":…}`. A plain value.
struct request {
    nlohmann::json id;  ///< a string or an integer; null if it has none that can be repeated
    std::string kind;
    nlohmann::json data;  ///< an object; what else a client sends is read as an empty one
};

/// What is wrong with a request, in the protocol's words: thrown while one is handled, and answered
/// by an `error` frame.
struct mistake {
    std::string code;         ///< e.g. "forbidden"
    std::string description;  ///< for people
};

/// Throws mistake{"bad_request"}; `id` is set as far as it could be read.
request read_request(std::string_view raw, nlohmann::json& id);

std::string reply_frame(const nlohmann::json& id, const nlohmann::json& data);
std::string error_frame(const nlohmann::json& id, const mistake& what);
std::string push_frame(std::string_view kind, const nlohmann::json& data);

/// The string `name` of an object; throws mistake{"bad_request"} if it is missing, no string, empty or longer than
/// `most`.
std::string text_of(const nlohmann::json& object, const char* name, std::size_t most);

/// Ids of guilds and of what they have: 1 to 32 letters, digits, `-` and `_`.
bool is_id(std::string_view text);

}  // namespace spectator
