// What a token lets its bearer see.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace spectator {

/// In one guild. A plain value.
struct guild_rights {
    bool may_view = false;
    bool may_log = false;
};

/// The claims of a token that was verified. A plain value.
struct viewer_rights {
    std::string user;  ///< `sub`
    std::vector<std::string> roles;
    std::map<std::string, guild_rights> guilds;  ///< by id; "*": all that are not named
    std::int64_t expires_at = 0;                 ///< `exp`, seconds since 1970

    /// Named ones first: a guild can be taken out of `*` by giving no rights in it.
    guild_rights in_guild(const std::string& guild) const;
    bool is_administrator() const;
    /// The groups that one who follows the guild is put into: of its changes, and with `wants_log` of
    /// its log and, for administrators, of what only they see. Rights are not asked for again.
    std::vector<std::string> groups(const std::string& guild, bool wants_log) const;
    /// The guilds as the feed is told them: an array of ids, or "*" with those that are taken out.
    nlohmann::json visible_guilds() const;
};

/// Categories of a guild that can be fetched; of them `bans` by administrators only.
bool is_category(const std::string& name);
bool is_for_administrators(const std::string& category);

/// Reads the claims `sub`, `roles`, `guilds` and `exp`; throws std::invalid_argument that says what is wrong.
viewer_rights read_rights(const nlohmann::json& claims);

}  // namespace spectator
