// channel: answers to queries, snapshot and events.
#include <algorithm>
#include <chrono>
#include <memory>

#include "exchange/group_table.hpp"
#include "exchange/session.hpp"
#include "handlers/channel.hpp"
#include "handlers/shard_handlers.hpp"
#include "wire/client_codec.hpp"
#include "wire/json_text.hpp"
#include "wire/names.hpp"

namespace bester::handlers {

using exchange::session;
using wire::error_code;

namespace {

constexpr std::size_t most_listed_clients = 1'000;
constexpr std::size_t most_listed_members = 10'000;
constexpr std::size_t snapshot_page = std::size_t{32} << 10;

std::string begin_result(std::uint64_t id) { return R"({"kind":"result","id":)" + std::to_string(id); }

void append_session(std::string& body, exchange::session_id id, std::string_view user) {
    body.append(R"({"session":")").append(id.text()).append(R"(","user":)");
    wire::append_quoted(body, user);
}

}  // namespace

void channel::refuse_query(std::string_view reason) {
    std::string body = begin_result(frame_.id) + R"(,"error":{"code":)";
    wire::append_quoted(body, wire::describe(error_code::bad_query).text);
    body += R"(,"reason":)";
    wire::append_quoted(body, reason);
    notify(wire::make_frame(body + "}}"));
}

void channel::answer_query() {
    if (frame_.query == "listClients") return list_clients();
    if (frame_.query == "listGroup") return frame_.group.empty() ? refuse_query("`group` is missing") : list_group();
    std::string body = begin_result(frame_.id);
    if (frame_.query == "isClient") {
        if (frame_.user.empty()) return refuse_query("`user` is missing");
        const std::size_t sessions = shard_.users().count(frame_.user);
        body += sessions > 0 ? R"(,"online":true,"sessions":)" : R"(,"online":false,"sessions":)";
        body += std::to_string(sessions);
    } else if (frame_.query == "serverInfo") {
        body += R"(,"server":")" + shard_.settings().server_name + R"(","version":")" BESTER_VERSION R"(","uptime":)";
        body += std::to_string(owner_.uptime_ms());
        body += R"(,"sessions":)" + std::to_string(shard_.users().sessions());
        body += R"(,"shards":)" + std::to_string(shard_.settings().shards);
    } else if (frame_.query == "listPeers") {
        body += R"(,"peers":)" + reached_peers();
    } else {
        return refuse_query("there is no such query");
    }
    notify(wire::make_frame(body + "}"));
}

void channel::list_clients() {
    const std::size_t wanted = frame_.limit == 0 ? most_listed_clients : static_cast<std::size_t>(frame_.limit);
    bool has_more = false;
    const auto users = shard_.users().list(frame_.after_user, std::min(wanted, most_listed_clients), has_more);
    std::string body = begin_result(frame_.id) + R"(,"clients":[)";
    for (std::size_t i = 0; i < users.size(); ++i) {
        body += i == 0 ? R"({"user":)" : R"(,{"user":)";
        wire::append_quoted(body, users[i].user);
        body += R"(,"sessions":)" + std::to_string(users[i].sessions) + '}';
    }
    body += has_more ? R"(],"more":true})" : R"(],"more":false})";
    notify(wire::make_frame(body));
}

/// Asks every shard for its members; this shard collects the answers.
void channel::list_group() {
    struct gathered {
        std::uint64_t source;
        std::uint64_t query;
        unsigned waiting;
        std::vector<std::pair<exchange::session_id, std::string>> members;
    };
    using members_list = std::vector<std::pair<exchange::session_id, std::string>>;
    auto sum = std::make_shared<gathered>(gathered{source_id_, frame_.id, shard_.settings().shards, {}});
    auto names = std::make_shared<std::pair<std::string, std::string>>(groups_owner_, frame_.group);
    for (unsigned s = 0; s < shard_.settings().shards; ++s) {
        shard_.post_to(s, [sum, names, home = shard_.index()](exchange::shard& there) {
            std::unique_ptr<members_list> found;
            there.guarded("a list of a group", [&] {
                auto listed = std::make_unique<members_list>();
                if (const auto* in = there.groups().find(names->first, names->second))
                    for (const session* member : in->members()) listed->emplace_back(member->id(), member->user());
                found = std::move(listed);
            });
            there.post_reply(home, [sum, part = std::move(found)](exchange::shard& back) {
                exchange::command_source* const asked = back.find_source(sum->source);
                if (!asked) return;
                const bool is_taken = part && back.guarded("a part of a list", [&] {
                    sum->members.insert(sum->members.end(), part->begin(), part->end());
                    if (--sum->waiting > 0) return;
                    const std::size_t count = std::min(sum->members.size(), most_listed_members);
                    std::string body = begin_result(sum->query) + R"(,"sessions":[)";
                    for (std::size_t i = 0; i < count; ++i) {
                        if (i > 0) body += ',';
                        append_session(body, sum->members[i].first, sum->members[i].second);
                        body += '}';
                    }
                    body += count < sum->members.size() ? R"(],"more":true})" : R"(],"more":false})";
                    asked->notify(wire::make_frame(body));
                });
                if (!is_taken) asked->miss_frame();
            });
        });
    }
}

std::string channel::reached_peers() const {
    std::string list = "[";
    if (shard_.peers()) {
        for (const std::string& server : shard_.peers()->reached_servers()) {
            if (list.size() > 1) list += ',';
            wire::append_quoted(list, server);
        }
    }
    return list + ']';
}

namespace {

void append_group(std::string& body, std::string_view group, std::size_t sessions) {
    body += R"("group":)";
    wire::append_quoted(body, group);
    body += R"(,"sessions":)" + std::to_string(sessions);
}

/// Appends the path, namespace and query of a WebSocket session.
void append_path(std::string& body, const session& who) {
    if (who.path().empty()) return;
    body += R"(,"path":)";
    wire::append_quoted(body, who.path());
    if (!who.name_space().empty()) {
        body += R"(,"namespace":)";
        wire::append_quoted(body, who.name_space());
    }
    if (who.query().empty()) return;
    body += R"(,"query":)";
    wire::append_quoted(body, who.query());
}

}  // namespace

void channel::send_snapshot() {
    std::string body = R"({"kind":"snapshot",)";
    if (wishes_.peer_events && shard_.index() == 0) body += R"("peers":)" + reached_peers() + ',';
    const auto send_page = [&](bool has_more) {
        body += has_more ? R"(],"more":true})" : R"(],"more":false})";
        const std::string frame = wire::make_frame(body);
        queue_frame(frame);
        body = R"({"kind":"snapshot",)";
    };
    const auto next = [&] {
        if (body.back() != '[') body += ',';
    };
    if (wishes_.group_events) {
        body += R"("groups":[)";
        shard_.groups().for_each(groups_owner_, [&](const exchange::group& in) {
            if (body.size() > snapshot_page) {
                body += R"(],"clients":[)";
                send_page(true);
                body += R"("groups":[)";
            }
            next();
            body += '{';
            append_group(body, in.name(), in.members().size());
            body += '}';
        });
        body += "],";
    }
    body += R"("clients":[)";
    if (wishes_.client_events) {
        shard_.sessions().for_each([&](const session& who) {
            if (body.size() > snapshot_page) {
                send_page(true);
                body += R"("clients":[)";
            }
            next();
            append_session(body, who.id(), who.user());
            append_path(body, who);
            body += R"(,"groups":[)";
            if (who.memberships) {
                for (const exchange::membership& m : *who.memberships) {
                    if (m.in->handler() != groups_owner_) continue;
                    next();
                    wire::append_quoted(body, m.in->name());
                }
            }
            body += "]}";
        });
    }
    send_page(false);
}

/// Begins an event's frame, has it completed by `complete`, and queues it. If that fails, the channel ends: without the
/// event the handler would hold a false picture for ever.
template <class Complete>
void channel::tell_event(std::string_view event, Complete&& complete) noexcept {
    const bool is_told = shard_.guarded("an event for a handler", [&] {
        std::string body = R"({"kind":"event","sequence":)" + std::to_string(++last_event_) + R"(,"event":")";
        body.append(event) += '"';
        complete(body);
        queue_notice(wire::make_frame(body + '}'));
    });
    if (!is_told) miss_frame();
}

void channel::on_group(std::string_view group, std::size_t sessions) noexcept {
    tell_event("group", [&](std::string& body) {
        body += ',';
        append_group(body, group, sessions);
    });
}

void channel::tell_session(std::string_view event, const session& who, bool has_path) noexcept {
    tell_event(event, [&](std::string& body) {
        body.append(R"(,"session":")").append(who.id().text()).append(R"(","user":)");
        wire::append_quoted(body, who.user());
        if (has_path) append_path(body, who);
    });
}

/// Reports changes by the instance that this one replaces, which are not in the snapshot any more.
void channel::on_membership(const session& who, std::string_view group, bool has_joined,
                            const exchange::instance_mark& by) noexcept {
    if (!mark().replaces(by)) return;
    tell_event(has_joined ? "joined" : "left", [&](std::string& body) {
        body.append(R"(,"session":")").append(who.id().text()).append(R"(","user":)");
        wire::append_quoted(body, who.user());
        body += R"(,"group":)";
        wire::append_quoted(body, group);
    });
}

void channel::tell_peer(std::string_view event, std::string_view server) noexcept {
    tell_event(event, [&](std::string& body) {
        body += R"(,"peer":)";
        wire::append_quoted(body, server);
    });
}

void channel::on_peer_up(std::string_view server) noexcept { tell_peer("peer_up", server); }
void channel::on_peer_down(std::string_view server) noexcept { tell_peer("peer_down", server); }
void channel::on_connected(const session& who) noexcept { tell_session("connected", who, true); }
void channel::on_disconnected(const session& who) noexcept { tell_session("disconnected", who, false); }

}  // namespace bester::handlers
