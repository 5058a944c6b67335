// shard_peers: messages to other servers, and their outcomes.
#include <algorithm>
#include <cstring>

#include "peering/link/legacy_sender.hpp"
#include "peering/shard/shard_peers.hpp"
#include "wire/names.hpp"

namespace bester::peering {

using exchange::acknowledgement;
using exchange::partial_outcome;
using wire::error_code;

namespace {

constexpr std::size_t most_unreached = 100;
constexpr std::size_t most_lost_replies = 10'000;
constexpr std::string_view too_large_there =
    "it is larger than the link to that server takes (peering.message_size, here or there)";

/// `ref` comes after the operation, in the messages that have one.
void set_ref(char* body, std::uint64_t ref) noexcept { std::memcpy(body + 1, &ref, sizeof ref); }

std::string_view reason_of(flow_failure why) noexcept {
    switch (why) {
        case flow_failure::expired: return wire::describe(error_code::peer_expired).meaning;
        case flow_failure::unreachable: return "there was no way to that server within peering.resume";
        case flow_failure::lost: break;
    }
    return "that server was started anew before it said what became of the message";
}

bool is_result(std::string_view body) {
    wire::link_message message;
    return wire::decode_link_message(body, message) == wire::link_error::none &&
           std::holds_alternative<wire::result_message>(message);
}

std::string busy_result(std::uint64_t ref) {
    const auto error =
        wire::as_status_error(error_code::busy, "the reply found no room in the queue to its sender's server");
    wire::result_message message;
    message.ref = ref;
    message.code = error.code;
    message.is_temporary = error.temporary;
    message.reason = error.reason;
    std::string body;
    wire::append_link_message(body, message);
    return body;
}

}  // namespace

exchange::peer_answer shard_peers::may_send(std::string_view server, std::string_view type) const {
    const peer_facts* const facts = known_->find(server);
    if (!facts && known_->legacy.contains(server)) return exchange::peer_answer::yes;
    if (!facts) return exchange::peer_answer::unknown;
    return facts->send.lets(type) ? exchange::peer_answer::yes : exchange::peer_answer::forbidden;
}

void shard_peers::for_each_server(const std::function<void(std::string_view)>& call) const {
    for (const auto& [server, facts] : known_->servers) call(server);
}

void shard_peers::deliver(std::string_view server, const exchange::remote_delivery& what, const acknowledgement& to) {
    if (known_->legacy.contains(server)) {
        return fail({to, std::string{server}, {}, {}, {}}, error_code::peer_refused,
                    "the original daemon takes messages for handlers only, not for users");
    }
    wire::deliver_message message;
    message.budget_ms = static_cast<std::uint32_t>(known_->deadline.count());
    message.is_for_everybody = what.is_for_everybody;
    message.type_token = what.type_token;
    message.sender = what.sender;
    message.users = wire::user_list{what.users};
    message.data = what.data;
    pending_refs::waiting waiting{to, std::string{server}, {}, {}, {}};
    if (to.report != 0) {
        for (const std::string_view user : what.users)
            waiting.recipients.push_back(std::string{user}.append("@").append(server));
        if (what.is_for_everybody) waiting.recipients.push_back(std::string{"*@"}.append(server));
    }
    send(message, std::move(waiting));
}

void shard_peers::submit(std::string_view server, const exchange::remote_submission& what, const acknowledgement& to) {
    if (known_->legacy.contains(server)) return submit_legacy(server, what, to);
    wire::submit_message message;
    message.budget_ms = static_cast<std::uint32_t>(known_->deadline.count());
    message.hops = static_cast<std::uint8_t>(std::min(what.hops, 255u));
    message.type_token = what.type_token;
    message.user = what.user;
    message.session = what.session;
    message.id_token = what.id_token;
    message.data = what.data;
    pending_refs::waiting waiting{to, std::string{server}, {}, {}, {}};
    if (to.report != 0) waiting.recipients.emplace_back(server);
    if (const auto asker = exchange::session_id::parse(what.session)) {
        waiting.asker = *asker;
        waiting.id_token = what.id_token;
    }
    send(message, std::move(waiting));
}

void shard_peers::submit_legacy(std::string_view address, const exchange::remote_submission& what,
                                const acknowledgement& to) {
    pending_refs::waiting waiting{to, std::string{address}, {}, {}, {}};
    if (to.report != 0) waiting.recipients.emplace_back(address);
    // Made here, since the callback has no shard whose work an exception could end.
    auto ended = std::make_shared<std::pair<pending_refs::waiting, std::string>>(std::move(waiting), std::string{});
    listener_.send_legacy(std::string{address}, legacy_frame(what.type_token, what.data),
                          [this, &home = shard_, ended](error_code code, std::string reason) {
                              ended->second = std::move(reason);
                              home.post_surely([this, code, ended](exchange::shard&) {
                                  if (code == error_code::none) tell(ended->first.to, partial_outcome{});
                                  else fail(ended->first, code, ended->second);
                              });
                          });
}

error_code shard_peers::reply(const exchange::remote_origin& to, std::string_view type_token, std::string_view data,
                              std::string_view id_token) {
    if (!known_->find(to.server)) return error_code::peer_unknown;
    if (!lets_reply(to.server, type_token)) return error_code::peer_refused;
    const wire::reply_message message{to.session, id_token, type_token, data};
    if (const auto refused = check(to.server, message); refused != error_code::none) return refused;
    give(message, {{}, std::string{to.server}, {}, {}, {}}, to.ref);
    return error_code::none;
}

void shard_peers::finish(const exchange::remote_origin& origin, const partial_outcome& outcome) {
    if (flow* const from = find_flow(origin.server)) {
        if (from->unanswered > 0) --from->unanswered;
        from->unanswered_bytes -= std::min<std::size_t>(from->unanswered_bytes, origin.size);
    }
    if (origin.ref != 0) send_result(origin, outcome);
}

void shard_peers::send_result(const exchange::remote_origin& origin, const partial_outcome& outcome) {
    std::vector<wire::unreached_user> unreached;
    for (std::size_t i = 0; i < std::min(outcome.missed.size(), most_unreached); ++i) {
        const auto& missed = outcome.missed[i];
        if (wire::is_user_name(missed.recipient)) unreached.push_back({missed.recipient, missed.code});
    }
    wire::result_message message;
    message.ref = origin.ref;
    message.delivered = outcome.delivered;
    message.code = outcome.error_code;
    message.is_temporary = outcome.is_temporary;
    message.reason = outcome.error_reason;
    message.unreached = wire::unreached_list{std::span<const wire::unreached_user>{unreached}};
    send(message, {{}, std::string{origin.server}, {}, {}, {}}, origin.ref);
}

/// Returns why a message cannot be sent to that server, or `none`.
error_code shard_peers::check(std::string_view server, const wire::link_message& message) const {
    if (wire::check_link_message(message) != wire::link_error::none) return error_code::bad_command;
    const peer_facts* const facts = known_->find(server);
    std::size_t limit = known_->frame_limit;
    if (facts && facts->frame_limit != 0) limit = std::min(limit, facts->frame_limit);
    return wire::link_message_size(message) + wire::max_link_overhead > limit ? error_code::too_large
                                                                              : error_code::none;
}

void shard_peers::send(const wire::link_message& message, pending_refs::waiting waiting, std::uint64_t answered) {
    switch (check(waiting.server, message)) {
        case error_code::none: return give(message, std::move(waiting), answered);
        case error_code::too_large: return fail(waiting, error_code::too_large, too_large_there);
        default:
            return fail(waiting, error_code::bad_command, "it has a name or a type that other servers do not take");
    }
}

/// Gives the message to the home shard of the server. `answered` is the ref of the message from there that it replies
/// to, or ends.
void shard_peers::give(const wire::link_message& message, pending_refs::waiting waiting, std::uint64_t answered) {
    const unsigned home = home_shard(waiting.server, shard_.settings().shards);
    scratch_.clear();
    wire::append_link_message(scratch_, message);
    if (home == shard_.index()) return offer(scratch_, std::move(waiting), answered);
    auto given = std::make_unique<std::pair<std::string, pending_refs::waiting>>(scratch_, std::move(waiting));
    shard_.post_to(home, [there = all_[home], answered, given = std::move(given)](exchange::shard&) {
        const auto put = [&] { there->offer(given->first, std::move(given->second), answered); };
        if (there->shard_.guarded("a message for another server", put)) return;
        there->fail(given->second, error_code::internal_error, wire::describe(error_code::internal_error).meaning);
    });
}

/// Puts the message into the flow, on the server's home shard. `waiting` is taken, and ends at its deadline at the
/// latest, or stays as it is.
void shard_peers::offer(std::string& body, pending_refs::waiting&& waiting, std::uint64_t answered) {
    if (!known_->find(waiting.server))
        return fail(waiting, error_code::peer_unknown, wire::describe(error_code::peer_unknown).meaning);
    flow& on = flow_of(waiting.server);
    if (answered != 0 && !on.lost_replies.empty() && is_result(body) && on.lost_replies.erase(answered) != 0)
        body = busy_result(answered);
    std::uint64_t ref = 0;
    auto deadline = flow_sender::no_deadline;
    if (waiting.is_open()) {
        if (refs_.is_full() || refs_.open_at(waiting.server) >= known_->flows.most_messages)
            return refuse_full(on, waiting);
        // A message without a wanted result is sent as long as messages are kept, and may be replied to then.
        auto ends = now() + known_->deadline;
        if (waiting.to.is_wanted()) deadline = ends;
        else ends += known_->flows.resume_window;
        ref = refs_.add(std::move(waiting), ends);
        set_ref(body.data(), ref);
    }
    shard_.wake_sweep();
    mark(on);
    if (on.sender.offer(now(), body, deadline, ref)) return;
    // The end of that message must not report success.
    if (answered != 0 && on.lost_replies.size() < most_lost_replies && !is_result(body))
        on.lost_replies.insert(answered);
    if (ref != 0) refs_.take(ref, waiting);
    refuse_full(on, waiting);
    waiting = {};
}

void shard_peers::refuse_full(flow& on, const pending_refs::waiting& waiting) {
    ++on.refused;
    if (on.next_hop.empty())
        fail(waiting, error_code::peer_unreachable,
             "there is no way to that server now, and its queue is full (peering.queue_messages, queue_bytes)");
    else fail(waiting, error_code::busy, "the queue to that server is full (peering.queue_messages, queue_bytes)");
}

/// The message does not fit through the link: answers it, and fills its place in the flow.
void shard_peers::withdraw(flow& from, std::uint64_t number) {
    const std::uint64_t ref = from.sender.withdraw(number);
    if (peer_link* const link = find_link(from.next_hop))
        link->send_message({own_hops(), known_->own_name, from.server, from.sender.flow(), number}, wire::void_body);
    ++from.refused;
    pending_refs::waiting waiting;
    if (refs_.take(ref, waiting)) fail(waiting, error_code::too_large, too_large_there);
}

void shard_peers::fail(const pending_refs::waiting& waiting, error_code code, std::string_view reason) {
    if (!waiting.to.is_wanted()) return;
    const auto error = wire::as_status_error(code, reason);
    partial_outcome outcome;
    outcome.is_temporary = error.temporary;
    outcome.error_code = error.code;
    shard_.guarded("a failure at another server", [&] {
        outcome.error_reason = error.reason;
        for (const std::string& recipient : waiting.recipients)
            outcome.missed.push_back({recipient, std::string{error.code}});
    });
    tell(waiting.to, std::move(outcome));
}

void shard_peers::fail_all(const std::vector<failed_message>& failed) {
    pending_refs::waiting waiting;
    for (const failed_message& each : failed) {
        if (!refs_.take(each.ref, waiting)) continue;
        const auto code = each.why == flow_failure::expired ? error_code::peer_expired : error_code::peer_unreachable;
        fail(waiting, code, reason_of(each.why));
    }
}

void shard_peers::tell(const acknowledgement& to, partial_outcome&& outcome) {
    if (!to.is_wanted()) return;
    // Posted even on this shard, since the command may still be executing.
    const bool is_told = shard_.guarded("an outcome", [&] {
        auto given = std::make_unique<partial_outcome>(std::move(outcome));
        shard_.post_to(
            to.shard, [to, given = std::move(given)](exchange::shard& there) { there.commands().arrived(to, *given); });
    });
    if (!is_told) shard_.commands().tell_failure(to);
}

}  // namespace bester::peering
