// What happens in guilds: one change after the other. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "guilds.hpp"

namespace spectator {

/// One thing that happened. A plain value, made anew for each.
struct update {
    const guild* where = nullptr;
    std::string_view code;  ///< e.g. "member_joined": see interpret.cpp
    std::vector<std::pair<std::string_view, std::string>> parameters;
    std::string_view channel;       ///< "", "log", "audit" or "bans": who hears of it
    std::string_view category;      ///< "members", …, "messages", "settings"
    const item* changed = nullptr;  ///< what is new, or otherwise than before
    std::string gone;               ///< the id of what is no longer there
};

/// The group of those who hear of it: `guild.ID`, or `guild.ID.CHANNEL`.
void write_group(const update& of, std::string& into);

/// The frame for them.
std::string write_frame(const update& what, std::uint64_t time_ms);

/// Makes the next thing happen in one of the guilds; points into it until the next.
class update_maker {
public:
    /// `guilds` must outlive it.
    update_maker(std::vector<guild>& guilds, std::uint64_t seed);
    const update& next();

private:
    void change_people(guild& in);
    void change_places(guild& in);
    void note_message(guild& in);
    void note_for_administrators(guild& in);
    void add(guild& in, category what, std::string_view code, std::string_view parameter);
    void remove(guild& in, category what, std::string_view code, std::string_view parameter);
    item& any(guild& in, category what) { return in.of(what)[random_.below(in.of(what).size())]; }
    std::string any_member(guild& in) { return any(in, category::members).name; }
    std::string any_channel(guild& in) { return any(in, category::channels).name; }
    bool is_full(const guild& in, category what) const;
    bool is_low(const guild& in, category what) const;

    std::vector<guild>& guilds_;
    std::vector<std::size_t> usual_;  ///< how many there were of each category
    random_source random_;
    update made_;
};

}  // namespace spectator
