#include "updates.hpp"

#include <algorithm>

#include <nlohmann/json.hpp>

namespace spectator {

void write_group(const update& of, std::string& into) {
    into.assign("guild.").append(of.where->id);
    if (!of.channel.empty()) into.append(1, '.').append(of.channel);
}

std::string write_frame(const update& what, std::uint64_t time_ms) {
    nlohmann::ordered_json parameters = nlohmann::ordered_json::object();
    for (const auto& [name, value] : what.parameters) parameters[std::string{name}] = value;
    nlohmann::ordered_json data{{"guild", what.where->id},
                                {"sequence", what.where->updates},
                                {"at", time_ms},
                                {"log", what.channel.empty() ? "changes" : what.channel},
                                {"category", what.category},
                                {"code", what.code},
                                {"parameters", parameters}};
    category known{};
    if (what.changed && read_category(what.category, known)) data["item"] = described(known, *what.changed);
    if (!what.gone.empty()) data["gone"] = what.gone;
    return nlohmann::ordered_json{{"kind", "log_pool"}, {"data", data}}.dump();
}

update_maker::update_maker(std::vector<guild>& guilds, std::uint64_t seed)
    : guilds_{guilds}, random_{seed ^ 0x5bd1e995} {
    for (std::size_t i = 0; i < categories; ++i) usual_.push_back(guilds.empty() ? 0 : guilds.front().items[i].size());
}

bool update_maker::is_full(const guild& in, category what) const {
    return in.of(what).size() > usual_[static_cast<std::size_t>(what)] * 3 / 2 + 2;
}
bool update_maker::is_low(const guild& in, category what) const {
    return in.of(what).size() <= usual_[static_cast<std::size_t>(what)] / 2 + 1;
}

const update& update_maker::next() {
    guild& in = guilds_[random_.below(guilds_.size())];
    made_ = {};
    made_.where = &in;
    ++in.updates;
    const std::size_t kind = random_.below(20);
    if (kind < 7) change_people(in);
    else if (kind < 10) change_places(in);
    else if (kind < 18) note_message(in);
    else note_for_administrators(in);
    return made_;
}

void update_maker::add(guild& in, category what, std::string_view code, std::string_view parameter) {
    item made = make_item(in, what, random_);
    made_.code = code;
    made_.parameters = {{parameter, made.name}};
    made_.changed = &in.of(what).emplace_back(std::move(made));
}

void update_maker::remove(guild& in, category what, std::string_view code, std::string_view parameter) {
    auto& all = in.of(what);
    const auto which = all.begin() + static_cast<std::ptrdiff_t>(random_.below(all.size()));
    made_.code = code;
    made_.parameters = {{parameter, which->name}};
    made_.gone = id_of(what, *which);
    all.erase(which);
}

void update_maker::change_people(guild& in) {
    made_.category = "members";
    const std::size_t kind = random_.below(6);
    if ((kind < 2 && !is_full(in, category::members)) || is_low(in, category::members))
        return add(in, category::members, "member_joined", "name");
    if (kind < 4) return remove(in, category::members, "member_left", "name");
    item& who = any(in, category::members);
    made_.changed = &who;
    if (kind == 4) {
        std::string after = person_name(random_);
        made_.code = "member_renamed";
        made_.parameters = {{"before", who.name}, {"after", after}};
        who.name = std::move(after);
    } else {
        who.more = any(in, category::roles).name;
        made_.code = "role_given";
        made_.parameters = {{"name", who.name}, {"role", who.more}};
    }
}

void update_maker::change_places(guild& in) {
    const std::size_t kind = random_.below(8);
    if (kind < 2) {
        made_.category = "emoji";
        if ((kind == 0 && !is_full(in, category::emoji)) || is_low(in, category::emoji))
            return add(in, category::emoji, "emoji_added", "emoji");
        return remove(in, category::emoji, "emoji_removed", "emoji");
    }
    if (kind == 2) {
        made_.category = "roles";
        item& role = any(in, category::roles);
        made_.changed = &role;
        made_.code = "role_renamed";
        std::string after = role.name.ends_with(" II") ? role.name.substr(0, role.name.size() - 3) : role.name + " II";
        made_.parameters = {{"before", role.name}, {"after", after}};
        role.name = std::move(after);
        return;
    }
    made_.category = "channels";
    if (kind == 3 && !is_full(in, category::channels)) return add(in, category::channels, "channel_created", "channel");
    if (kind == 4 && !is_low(in, category::channels))
        return remove(in, category::channels, "channel_removed", "channel");
    item& channel = any(in, category::channels);
    made_.changed = &channel;
    channel.more = topic(random_);
    made_.code = "topic_changed";
    made_.parameters = {{"channel", channel.name}, {"topic", channel.more}};
}

void update_maker::note_message(guild& in) {
    static constexpr std::array<std::string_view, 5> codes{"message_deleted", "message_edited", "message_pinned",
                                                           "voice_joined", "voice_left"};
    made_.channel = "log";
    made_.category = "messages";
    made_.code = codes[random_.below(codes.size())];
    made_.parameters = {{"name", any_member(in)}, {"channel", any_channel(in)}};
}

void update_maker::note_for_administrators(guild& in) {
    switch (random_.below(4)) {
        case 0:
            made_.channel = made_.category = "bans";
            if (is_full(in, category::bans)) {
                remove(in, category::bans, "ban_lifted", "name");
            } else {
                add(in, category::bans, "member_banned", "name");
                made_.parameters.emplace_back("reason", made_.changed->more);
            }
            made_.parameters.emplace_back("by", any_member(in));
            return;
        case 1:
            made_.code = "permissions_changed";
            made_.parameters = {{"by", any_member(in)}, {"role", any(in, category::roles).name}};
            break;
        default:
            made_.code = "setting_changed";
            made_.parameters = {{"by", any_member(in)}, {"setting", std::string{setting(random_)}}};
    }
    made_.channel = "audit";
    made_.category = "settings";
}

}  // namespace spectator
