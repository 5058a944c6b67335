#include "viewer_rights.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>

#include <nlohmann/json.hpp>

namespace spectator {

namespace {

using nlohmann::json;

guild_rights read_guild(const json& words) {
    if (!words.is_array()) throw std::invalid_argument{"`guilds` must be an object of arrays"};
    guild_rights read;
    for (const json& word : words) {
        // What is not known here is somebody else's right.
        if (word == "view") read.may_view = true;
        if (word == "log") read.may_log = true;
    }
    read.may_log = read.may_log && read.may_view;
    return read;
}

}  // namespace

guild_rights viewer_rights::in_guild(const std::string& guild) const {
    auto found = guilds.find(guild);
    if (found == guilds.end()) found = guilds.find("*");
    return found == guilds.end() ? guild_rights{} : found->second;
}

bool viewer_rights::is_administrator() const {
    return std::find(roles.begin(), roles.end(), "administrator") != roles.end();
}

std::vector<std::string> viewer_rights::groups(const std::string& guild, bool wants_log) const {
    const std::string base = "guild." + guild;
    std::vector<std::string> all{base};
    if (wants_log) all.push_back(base + ".log");
    if (wants_log && is_administrator()) all.insert(all.end(), {base + ".audit", base + ".bans"});
    return all;
}

json viewer_rights::visible_guilds() const {
    json named = json::array(), without = json::array();
    for (const auto& [guild, rights] : guilds)
        if (guild != "*") (rights.may_view ? named : without).push_back(guild);
    if (!in_guild("*").may_view) return {{"only", named}};
    return {{"without", without}};
}

bool is_category(const std::string& name) {
    static constexpr std::array all{"members", "channels", "roles", "emoji", "bans"};
    return std::find(all.begin(), all.end(), name) != all.end();
}

bool is_for_administrators(const std::string& category) { return category == "bans"; }

viewer_rights read_rights(const json& claims) {
    if (!claims.is_object()) throw std::invalid_argument{"the claims must be an object"};
    viewer_rights read;
    const json user = claims.value("sub", json{});
    if (!user.is_string() || user.get_ref<const std::string&>().empty())
        throw std::invalid_argument{"`sub` must be a name"};
    read.user = user.get<std::string>();
    const json expires = claims.value("exp", json{});
    // A token that never expires could not be taken back.
    if (!expires.is_number()) throw std::invalid_argument{"`exp` must be a time"};
    read.expires_at = static_cast<std::int64_t>(std::clamp(expires.get<double>(), 0.0, 1e15));
    for (const json& role : claims.value("roles", json::array()))
        if (role.is_string()) read.roles.push_back(role.get<std::string>());
    const json guilds = claims.value("guilds", json::object());
    if (!guilds.is_object()) throw std::invalid_argument{"`guilds` must be an object"};
    for (const auto& [guild, words] : guilds.items()) read.guilds.emplace(guild, read_guild(words));
    return read;
}

}  // namespace spectator
