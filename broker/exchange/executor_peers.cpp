// Commands that reach other servers, and messages of other servers.
#include "exchange/executor.hpp"

#include <algorithm>

#include "exchange/peer_port.hpp"
#include "exchange/session.hpp"
#include "exchange/shard.hpp"
#include "wire/names.hpp"

namespace bester::exchange {

using wire::command;
using wire::error_code;

namespace {

std::string_view without_quotes(std::string_view token) { return token.substr(1, token.size() - 2); }

/// The source of commands that are executed for another server, which gets results instead of frames.
class server_source final : public command_source {
public:
    explicit server_source(const command_rights* rights) noexcept : rights_{rights} {}

    const std::string& handler() const noexcept override {
        static const std::string nobody;
        return nobody;
    }
    std::size_t most_recipients() const noexcept override { return static_cast<std::size_t>(-1); }
    const command_rights* rights() const noexcept override { return rights_; }
    void notify(std::string_view) noexcept override {}
    std::uint64_t source_id() const noexcept override { return 0; }

private:
    const command_rights* rights_;
};

}  // namespace

/// Returns the sender as other servers are told: the user whose message is answered, or the handler where that is no
/// user of this server (in a push, and for messages of an original daemon or of another server, for whose users this
/// server cannot speak).
std::string_view executor::sender_of(const execution& run) {
    const bool is_of_user = run.answered && run.message.remote.empty() && !run.message.user.empty();
    return is_of_user ? run.message.user : std::string_view{run.source.handler()};
}

/// Returns whether this command may send to that server; if not, refuses the part of the user there, or of the server.
bool executor::may_send(execution& run, const command& c, reach& reached, std::string_view server,
                        std::string_view type_token, std::string_view user) {
    const auto recipient = [&] {
        return user.empty() ? std::string{server} : std::string{user}.append("@").append(server);
    };
    if (run.source.rights() && !command_rights::lets(run.source.rights()->servers, server)) {
        std::string reason{server.substr(0, 64)};
        refuse_part(run, error_code::command_forbidden, reason.append(" is not among the handler's `may.servers`"));
        missed(c, reached, recipient(), error_code::command_forbidden);
        return false;
    }
    const auto answer =
        shard_.peers() ? shard_.peers()->may_send(server, without_quotes(type_token)) : peer_answer::unknown;
    if (answer == peer_answer::yes) return true;
    const std::string name{server.substr(0, 64)};
    if (answer == peer_answer::unknown) {
        refuse_part(run, error_code::peer_unknown, "there is no peer server \"" + name + '"');
        missed(c, reached, recipient(), error_code::peer_unknown);
    } else {
        refuse_part(
            run, error_code::peer_refused,
            "the config does not let " + std::string{type_token.substr(0, 128)} + " go to server \"" + name + '"');
        missed(c, reached, recipient(), error_code::peer_refused);
    }
    return false;
}

void executor::deliver_to_servers(execution& run, const command& c, reach& reached, std::string_view type_token) {
    std::sort(distant_.begin(), distant_.end());
    distant_.erase(std::unique(distant_.begin(), distant_.end()), distant_.end());
    if (!run.from_server.empty()) {
        // A delivery for another server is not passed on, which would lend that server this one's rights.
        for (const auto& [server, user] : distant_)
            missed(c, reached, std::string{user}.append("@").append(server), error_code::peer_refused);
        return;
    }
    const std::string_view sender = sender_of(run);
    remote_delivery what{type_token, c.data, sender, {}, false};
    auto& users = distant_users_;
    for (std::size_t i = 0; i < distant_.size();) {
        const std::string_view server = distant_[i].first;
        users.clear();
        what.is_for_everybody = false;
        for (; i < distant_.size() && distant_[i].first == server; ++i) {
            const std::string_view user = distant_[i].second;
            if (user == "*") what.is_for_everybody = true;
            else if (wire::is_user_name(user)) users.push_back(user);
            else missed(c, reached, std::string{user}.append("@").append(server), error_code::recipient_offline);
        }
        if (what.is_for_everybody) users.clear();
        else if (users.empty()) continue;
        if (!may_send(run, c, reached, server, type_token, users.empty() ? "*" : users[0])) continue;
        for (std::size_t begin = 0; begin < users.size() || what.is_for_everybody; begin += most_users_at_once) {
            what.users = std::span{users}.subspan(begin, std::min(most_users_at_once, users.size() - begin));
            shard_.peers()->deliver(server, what, expect(run, c, reached));
            if (what.is_for_everybody) break;
        }
    }
}

void executor::send_servers(execution& run, const command& c) {
    const std::string_view type_token = type_of(run, c);
    if (type_token.empty()) return;
    if (run.message.hops + 1u >= shard_.limits().hops) return refuse(run, error_code::too_many_hops, "");
    reach reached{outcomes_};
    std::vector<std::string_view> servers;
    bool is_all = false;
    for (std::uint32_t i = 0; i < c.servers.count; ++i) {
        const std::string_view server = run.frame.strings[c.servers.begin + i];
        if (server == "*") is_all = true;
        else servers.push_back(server);
    }
    std::sort(servers.begin(), servers.end());
    servers.erase(std::unique(servers.begin(), servers.end()), servers.end());
    const auto session = run.message.origin.text();
    const std::string_view sender = sender_of(run);
    remote_submission what{type_token, c.data, sender, {}, {}, run.message.hops + 1u};
    if (run.answered && run.message.origin) {
        what.session = session;
        what.id_token = run.message.id_token;
    }
    for (const std::string_view server : servers) {
        if (server == shard_.settings().server_name) {
            refuse_part(run, error_code::bad_command, "that is this server itself: sendHandler reaches its handlers");
            missed(c, reached, server, error_code::bad_command);
        } else if (may_send(run, c, reached, server, type_token, {})) {
            shard_.peers()->submit(server, what, expect(run, c, reached));
        }
    }
    if (is_all && shard_.peers()) {
        // "*" leaves out servers to which this type may not go.
        shard_.peers()->for_each_server([&](std::string_view server) {
            if (std::binary_search(servers.begin(), servers.end(), server)) return;
            if (run.source.rights() && !command_rights::lets(run.source.rights()->servers, server)) return;
            if (shard_.peers()->may_send(server, without_quotes(type_token)) == peer_answer::yes)
                shard_.peers()->submit(server, what, expect(run, c, reached));
        });
    }
    complete(run, c, reached);
}

/// Sends the reply of a handler here to a client of another server.
void executor::reply_to_server(execution& run, const command& c) {
    const auto origin = remote_origin::unpack(run.message.remote);
    if (origin.session.empty()) return refuse(run, error_code::no_sender, "a handler sent this message, not a client");
    const std::string_view type_token = type_of(run, c);
    if (type_token.empty()) return;
    const auto refused = shard_.peers() ? shard_.peers()->reply(origin, type_token, c.data, run.message.id_token)
                                        : error_code::peer_unknown;
    if (refused != error_code::none) return refuse(run, refused, "");
    reach reached{outcomes_};
    // The reply counts as delivered: the link loses nothing, and only the other server knows whether the session still
    // exists.
    reached.delivered = 1;
    if (!c.report.empty()) outcomes_.complete(report_of(run, c), reached);
}

// ---- from other servers ------------------------------------------------------------------------

void executor::deliver_from(std::string_view server, std::uint64_t ref, std::string_view type_token,
                            std::string_view data, std::span<const std::string_view> users, bool is_for_everybody,
                            const command_rights* rights) {
    server_source source{rights};
    wire::handler_frame& frame = remote_frame_;
    frame.strings.assign(users.begin(), users.end());
    if (is_for_everybody) frame.strings.emplace_back("*");
    command c;
    c.kind = wire::command_kind::send_clients;
    c.type_token = type_token;
    c.data = data;
    c.users = {0, static_cast<std::uint32_t>(frame.strings.size())};
    // Any tag, so that recipients that were not reached are listed.
    if (ref != 0) c.report = "0";
    execution run{source, frame, {}};
    run.from_server = server;
    run.ref = ref;
    send_clients(run, c);
}

void executor::reply_from_server(session_id to, const acknowledgement& asked, std::string_view type_token,
                                 std::string_view data, std::string_view id_token) {
    session* const who = shard_.sessions().find(to);
    if (!who) return;
    if (!has_room(*who, true)) return outcomes_.spoil(asked, error_code::busy);
    const bool is_taken = shard_.guarded("a reply of another server", [&] {
        if (who->deliver(type_token, data, id_token)) shard_.count(counter::deliveries);
    });
    if (!is_taken) outcomes_.spoil(asked, error_code::internal_error);
}

void executor::submit_from(const remote_origin& origin, const remote_submission& what) {
    envelope_view message;
    const std::string packed = origin.pack();
    message.remote = packed;
    message.user = what.user;
    message.type_token = what.type_token;
    message.id_token = what.id_token;
    message.hops = static_cast<std::uint8_t>(std::min(what.hops, 255u));
    const auto end_with = [&](error_code code) {
        const auto error = wire::as_status_error(code);
        finish(message, &error);
    };
    if (what.hops >= shard_.limits().hops) return end_with(error_code::too_many_hops);
    const std::string_view type = without_quotes(what.type_token);
    handler_port* const port = shard_.routes().serving(type);
    if (!port) return end_with(error_code::no_handler);
    const submit_result result = port->submit(message, type, what.data);
    if (result.what == submit_result::outcome::refused) end_with(result.error);
}

}  // namespace bester::exchange
