#include "gateway.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <utility>

#include "interpret.hpp"

namespace spectator {

namespace {

using nlohmann::json;

constexpr const char* started_anew = "the service was started anew: sign in again";
// After a handover: soon, and when also what the former process held until its deadline is over.
constexpr std::array sweep_delays{std::chrono::milliseconds{1'000}, std::chrono::milliseconds{6'000}};
constexpr std::size_t longest_token = 8192;
constexpr std::size_t longest_search = 100;
constexpr unsigned most_of_a_page = 200;

bester::command reply(const std::string& frame) { return bester::reply(bester::raw_json{frame}); }

json described(const std::string& guild, bool has_log, const viewer_rights& rights) {
    json categories = {"members", "channels", "roles", "emoji"};
    if (has_log) categories.push_back("log");
    if (has_log && rights.is_administrator()) categories.insert(categories.end(), {"audit", "bans"});
    return {{"guild", guild}, {"log", has_log}, {"categories", categories}};
}

}  // namespace

gateway_settings read_settings(const json& config) {
    gateway_settings read;
    if (!config.is_object()) throw std::invalid_argument{"config must be an object with \"token\""};
    for (const auto& [key, value] : config.items()) {
        if (key == "path" && value.is_string()) value.get_to(read.path);
        else if (key == "feed" && value.is_string()) value.get_to(read.feed);
        else if (key == "grace_ms" && value.is_number_unsigned())
            read.grace = std::chrono::milliseconds{value.get<std::uint32_t>()};
        else if (key == "token" && value.is_object()) {
            read.algorithm = value.value("algorithm", read.algorithm);
            read.key_file = value.value("key_file", "");
        } else {
            throw std::invalid_argument{'"' + key + R"(": there are "path", "feed", "grace_ms" and "token")"};
        }
    }
    if (read.key_file.empty()) throw std::invalid_argument{R"("token" must be {"algorithm":…,"key_file":…})"};
    return read;
}

gateway::gateway(bester::handler& self) : self_{self} {
    self.on_welcome([this](const bester::welcome& greeting) { start(greeting); });
    self.on_snapshot([this](const bester::snapshot& before) { greet_again(before); });
    self.on_connected([this](const bester::client_session& session) { come(session); });
    self.on_disconnected([this](const bester::client_session& session) { go(session.session); });
    self.on_groups([this](const bester::group_size& changed) {
        if (changed.sessions > 0) groups_.insert(changed.group);
        else groups_.erase(changed.group);
    });
    self.on_message([this](const bester::message& received) { return take(received); });
}

void gateway::start(const bester::welcome& greeting) {
    settings_ = read_settings(greeting.config);
    server_ = greeting.server;
    tokens_.emplace(settings_.algorithm, settings_.key_file);
    for (auto& [session, who] : viewers_)
        if (who.timer) self_.cancel(*who.timer);
    viewers_.clear();
    knows_who_is_here_ = false;
    for (const auto sweep : std::exchange(sweeps_, {})) self_.cancel(sweep);
    for (const auto delay : sweep_delays) sweeps_.push_back(self_.after(delay, [this] { look_for_strangers(); }));
}

// ---- who is there -------------------------------------------------------------------------------

/// Whoever was there before this process was: nobody knows any more what they may see. Only who has
/// asked something already, on a channel that was faster than another's snapshot, is known.
void gateway::greet_again(const bester::snapshot& before) {
    knows_who_is_here_ = true;
    for (const auto& session : before.clients) {
        if (!come(session)) {
            go(session.session);
            continue;
        }
        for (const auto& group : session.groups) take_out(group, session.session);
        if (!viewers_.at(session.session).rights) tell(session.session, "signed_out", {{"description", started_anew}});
    }
}

/// Where a new process takes over from one that serves until it is there, that one may have put
/// sessions into groups after the snapshot. Nobody is to see for long what only it allowed.
void gateway::look_for_strangers() {
    for (const std::string& group : groups_) {
        self_.list_group(group, [this, group](const bester::query_result<std::vector<bester::client_session>>& found) {
            if (!found) return;
            for (const auto& member : *found)
                if (take_out(group, member.session))
                    tell(member.session, "signed_out", {{"description", started_anew}});
        });
    }
}

/// Unless it belongs there. Whoever joins after this is put in by a later command. True if it is nobody's
/// that this process knows.
bool gateway::take_out(const std::string& group, const std::string& session) {
    const auto who = viewers_.find(session);
    const bool is_known = who != viewers_.end() && who->second.rights;
    if (is_known && who->second.following) {
        const auto& groups = who->second.following->groups;
        if (std::find(groups.begin(), groups.end(), group) != groups.end()) return false;
    }
    (void)self_.push(bester::leave(group, session));
    return !is_known;
}

bool gateway::come(const bester::client_session& session) {
    if (session.path != settings_.path) return false;
    viewers_.try_emplace(session.session);
    return true;
}

void gateway::go(const std::string& session) {
    const auto gone = viewers_.find(session);
    if (gone == viewers_.end()) return;
    if (gone->second.timer) self_.cancel(*gone->second.timer);
    viewers_.erase(gone);
}

// ---- what they ask ------------------------------------------------------------------------------

bester::answer gateway::take(const bester::message& received) {
    auto who = viewers_.find(received.session());
    if (who == viewers_.end() && !knows_who_is_here_) who = viewers_.try_emplace(std::string{received.session()}).first;
    if (who == viewers_.end() || received.server() != server_)
        return bester::refuse("not_on_spectator_path", "this is spoken on the WebSocket path " + settings_.path);
    json id;
    try {
        return handle(read_request(received.raw().text(), id), who->first, who->second);
    } catch (const mistake& what) {
        return reply(error_frame(id, what));
    }
}

bester::answer gateway::handle(const request& asked, const std::string& session, viewer& who) {
    if (asked.kind == "interpret") return reply(reply_frame(asked.id, interpret(asked.data)));
    if (asked.kind == "authenticate") return authenticate(asked, session, who);
    if (asked.kind != "spectate" && asked.kind != "pool")
        throw mistake{"unknown_kind", "there are authenticate, interpret, pool and spectate"};
    if (!who.rights) throw mistake{"not_authenticated", "sign in first: before that there is only `interpret`"};
    // Its timer may come later than a request.
    if (who.has_expired || std::chrono::seconds{who.rights->expires_at} <= clock::now().time_since_epoch())
        throw mistake{"token_expired", "the token has expired: sign in with a new one"};
    return asked.kind == "spectate" ? spectate(asked, who) : pool(asked, who);
}

bester::answer gateway::authenticate(const request& asked, const std::string& session, viewer& who) {
    const auto now = std::chrono::duration_cast<std::chrono::seconds>(clock::now().time_since_epoch()).count();
    viewer_rights rights = tokens_->verify(text_of(asked.data, "token", longest_token), now);
    std::optional<view> next;
    if (who.following && who.rights && who.rights->user == rights.user) {
        const auto allowed = rights.in_guild(who.following->guild);
        const bool has_log = who.following->has_log && allowed.may_log;
        if (allowed.may_view) next = view{who.following->guild, has_log, rights.groups(who.following->guild, has_log)};
    }
    who.rights = std::move(rights);
    who.has_expired = false;
    expire_later(session, who);
    json told{{"user", who.rights->user},
              {"roles", who.rights->roles},
              {"expires_at", who.rights->expires_at * 1000},
              {"view", nullptr}};
    if (next) told["view"] = described(next->guild, next->has_log, *who.rights);
    return change_view(asked, who, std::move(next), told);
}

bester::answer gateway::spectate(const request& asked, viewer& who) {
    if (!asked.data.contains("guild")) throw mistake{"bad_request", "`guild` must be an id, or null"};
    if (asked.data.at("guild").is_null()) return change_view(asked, who, {}, {{"guild", nullptr}});
    const std::string guild = text_of(asked.data, "guild", 32);
    if (!is_id(guild)) throw mistake{"bad_request", "`guild` must be an id, or null"};
    const json wish = asked.data.value("log", json(false));
    if (!wish.is_boolean()) throw mistake{"bad_request", "`log` must be true or false"};
    const bool has_log = wish.get<bool>();
    const auto allowed = who.rights->in_guild(guild);
    if (!allowed.may_view) throw mistake{"forbidden", "you may not see this guild"};
    if (has_log && !allowed.may_log) throw mistake{"forbidden", "you may not read this guild's log"};
    return change_view(asked, who, view{guild, has_log, who.rights->groups(guild, has_log)},
                       described(guild, has_log, *who.rights));
}

/// In this order, in one answer: nothing of what is left comes after the reply, nothing of what is
/// joined before it.
bester::answer gateway::change_view(const request& asked, viewer& who, std::optional<view> next, const json& told) {
    static const std::vector<std::string> none;
    const auto& before = who.following ? who.following->groups : none;
    const auto& after = next ? next->groups : none;
    const auto has = [](const auto& groups, const auto& name) {
        return std::find(groups.begin(), groups.end(), name) != groups.end();
    };
    bester::answer made;
    for (const auto& group : before)
        if (!has(after, group)) made << bester::leave(group);
    made << reply(reply_frame(asked.id, told));
    for (const auto& group : after)
        if (!has(before, group)) made << bester::join(group);
    who.following = std::move(next);
    return made;
}

/// What may be asked is looked at here; the feed has the data and replies.
bester::answer gateway::pool(const request& asked, const viewer& who) {
    const std::string category = text_of(asked.data, "of", 32);
    json passed{{"id", asked.id}, {"of", category}, {"get", asked.data.value("get", json("all"))}};
    if (category == "guilds") {
        passed["guilds"] = who.rights->visible_guilds();
    } else {
        if (!is_category(category))
            throw mistake{"bad_request", "`of` must be guilds, members, channels, roles, emoji or bans"};
        passed["guild"] = text_of(asked.data, "guild", 32);
        if (!who.rights->in_guild(passed["guild"]).may_view) throw mistake{"forbidden", "you may not see this guild"};
        if (is_for_administrators(category) && !who.rights->is_administrator())
            throw mistake{"forbidden", "this is for administrators"};
    }
    if (passed["get"] == "one") {
        if (category == "guilds") throw mistake{"bad_request", "guilds are had all or by search"};
        passed["item"] = text_of(asked.data, "item", 32);
    } else if (passed["get"] == "search") {
        passed["text"] = text_of(asked.data, "text", longest_search);
    } else if (passed["get"] != "all") {
        throw mistake{"bad_request", "`get` must be one, all or search"};
    }
    const json limit = asked.data.value("limit", json(50U));
    if (!limit.is_number_unsigned() || limit < 1U || limit > most_of_a_page)
        throw mistake{"bad_request", "`limit` must be a number from 1 to 200"};
    passed["limit"] = limit;
    if (asked.data.contains("cursor") && !asked.data.at("cursor").is_null())
        passed["cursor"] = text_of(asked.data, "cursor", 32);
    return bester::send_handler(settings_.feed, passed);
}

// ---- tokens end ---------------------------------------------------------------------------------

void gateway::set_timer(viewer& who, std::chrono::nanoseconds delay, bester::callback<void()> function) {
    if (who.timer) self_.cancel(*who.timer);
    who.timer = self_.after(delay, std::move(function));
}

void gateway::expire_later(const std::string& session, viewer& who) {
    // A clock that is set meanwhile, or a token of a thousand years, is looked at again tomorrow.
    constexpr std::chrono::nanoseconds longest = std::chrono::hours{24};
    const auto expiry = std::chrono::seconds{who.rights->expires_at};
    const auto now = clock::now().time_since_epoch();
    const std::chrono::nanoseconds left = expiry - std::chrono::duration_cast<std::chrono::seconds>(now) > longest
                                              ? longest
                                              : std::chrono::nanoseconds{expiry - now};
    set_timer(who, std::max(left, std::chrono::nanoseconds{0}), [this, session] { expire(session); });
}

void gateway::expire(const std::string& session) {
    const auto found = viewers_.find(session);
    if (found == viewers_.end() || !found->second.rights) return;
    viewer& who = found->second;
    who.timer.reset();
    if (std::chrono::seconds{who.rights->expires_at} > clock::now().time_since_epoch())
        return expire_later(session, who);
    who.has_expired = true;
    set_timer(who, settings_.grace, [this, session] { end_grace(session); });
    tell(session, "token_expired", {{"grace_ms", settings_.grace.count()}});
}

void gateway::end_grace(const std::string& session) {
    const auto found = viewers_.find(session);
    if (found == viewers_.end()) return;
    viewer& who = found->second;
    who.timer.reset();
    who.rights.reset();
    who.has_expired = false;
    const auto dropped = std::exchange(who.following, std::nullopt);
    if (dropped)
        for (const auto& group : dropped->groups) (void)self_.push(bester::leave(group, session));
    tell(session, "view_dropped", {{"guild", dropped ? json(dropped->guild) : json{}}});
}

void gateway::tell(const std::string& session, std::string_view kind, const json& data) {
    const std::string frame = push_frame(kind, data);
    (void)self_.push(bester::send_sessions(session, bester::raw_json{frame}).type(delivery_type));
}

}  // namespace spectator
