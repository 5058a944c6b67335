// shard_peers: frames that come in over links.
#include <algorithm>

#include "peering/routing/advert_text.hpp"
#include "peering/shard/shard_peers.hpp"
#include "wire/counted.hpp"
#include "wire/json_reader.hpp"

namespace bester::peering {

using exchange::partial_outcome;
using wire::error_code;

namespace {

/// The most waiting adverts of one link; a server with 4,096 known others sends fewer.
constexpr std::uint64_t most_adverts_waiting = 8'192;
constexpr std::uint64_t most_advert_bytes_waiting = std::uint64_t{16} << 20;

/// A count above the number of session ids is cut.
constexpr std::uint64_t most_delivered = std::uint64_t{1} << 32;

/// Only recipients that were addressed, each once.
void take_unreached(const wire::unreached_list& unreached, std::vector<std::string>& addressed, std::string_view server,
                    partial_outcome& outcome) {
    std::sort(addressed.begin(), addressed.end());
    for (const wire::unreached_user& each : unreached) {
        const std::string name = std::string{each.user}.append("@").append(server);
        const auto found = std::lower_bound(addressed.begin(), addressed.end(), name);
        if (found == addressed.end() || *found != name) continue;
        outcome.missed.push_back({name, std::string{each.code}});
        addressed.erase(found);
    }
}

/// The outcome of what an exception has ended.
partial_outcome failed_here() {
    const auto error = wire::as_status_error(error_code::internal_error);
    partial_outcome outcome;
    outcome.error_code = error.code;
    outcome.error_reason = error.reason;
    outcome.is_temporary = error.temporary;
    return outcome;
}

struct frame_address {
    std::string_view from;
    std::string_view to;
    std::uint8_t hops_left;
};

/// Finds the origin and destination of a frame; acknowledgements travel against their flow.
frame_address address_of(const wire::link_frame& frame) {
    if (const auto* message = std::get_if<wire::message_frame>(&frame))
        return {message->header.origin, message->header.destination, message->header.hops_left};
    if (const auto* probe = std::get_if<wire::probe_frame>(&frame))
        return {probe->header.origin, probe->header.destination, probe->header.hops_left};
    const auto& header = std::get<wire::acknowledgement_frame>(frame).header;
    return {header.destination, header.origin, header.hops_left};
}

}  // namespace

void shard_peers::on_frame(peer_link& link, const wire::link_frame& frame, std::string_view body) {
    if (const auto* advert = std::get_if<wire::advert_frame>(&frame)) {
        if (advert->json.size() > longest_summary_text) return;
        link_gauge& gauge = *link.gauge();
        if (gauge.adverts_waiting >= most_adverts_waiting || gauge.advert_bytes_waiting >= most_advert_bytes_waiting)
            return link.part({"flood", "adverts come faster than they can be read", false});
        ++gauge.adverts_waiting;
        gauge.advert_bytes_waiting += advert->json.size();
        listener_.advert(link.server(), std::string{advert->json}, link.gauge());
        return;
    }
    if (std::holds_alternative<wire::hello_frame>(frame)) return link.part({"bad_frame", "a second hello", false});
    const frame_address address = address_of(frame);
    const bool is_for_us = address.to == known_->own_name;
    if (!known_->is_routing && (!is_for_us || address.from != link.server())) {
        return link.part({"peer_refused",
                          is_for_us ? "a frame in the name of another server, and this one does not route"
                                    : "a frame for another server, and this one does not route",
                          false});
    }
    if (!is_for_us) return forward(link, address.to, address.hops_left, body);
    if (address.from == known_->own_name || !known_->find(address.from)) return;
    const unsigned home = home_shard(address.from, shard_.settings().shards);
    if (home == shard_.index()) {
        if (!on_flow_frame(frame)) link.part({"bad_message", "a message was not understood", false});
        return;
    }
    auto copy = std::make_unique<std::string>(body);
    copy->append(wire::json_padding, '\0');
    shard_.post_to(home, [there = all_[home], copy = std::move(copy)](exchange::shard&) {
        wire::link_frame again;
        const std::string_view text{copy->data(), copy->size() - wire::json_padding};
        if (wire::decode_link_frame(text, again) == wire::link_error::none) there->on_flow_frame(again);
    });
}

/// A whole frame that was made elsewhere, maybe for a link that takes more: a message that is too large leaves its
/// place in the flow to a void one, or it would come again and again and hold up all behind it.
void shard_peers::pass(peer_link& link, const std::string& frame) {
    const std::string_view body = std::string_view{frame}.substr(wire::frame_header_size);
    if (link.takes(body.size())) return link.send_raw(frame);
    wire::link_frame decoded;
    if (wire::decode_link_frame(body, decoded) != wire::link_error::none) return;
    if (const auto* message = std::get_if<wire::message_frame>(&decoded))
        link.send_message(message->header, wire::void_body);
}

/// Passes a frame on to the next hop if there is room; the flow sends a dropped frame again.
void shard_peers::forward(const peer_link& from, std::string_view destination, std::uint8_t hops_left,
                          std::string_view body) {
    if (hops_left == 0) return;
    hops_left = std::min(hops_left, wire::most_hops_left);
    const std::string_view next = known_->routes->next_hop(destination, hops_left, from.server());
    if (next.empty()) return;
    auto frame = std::make_unique<std::string>(wire::make_frame(body));
    wire::set_hops_left(frame->data() + wire::frame_header_size, static_cast<std::uint8_t>(hops_left - 1));
    const unsigned home = home_shard(next, shard_.settings().shards);
    const auto put = [](shard_peers& there, std::string_view server, const std::string& text) {
        peer_link* const link = there.find_link(server);
        if (link && link->has_room()) pass(*link, text);
    };
    if (home == shard_.index()) return put(*this, next, *frame);
    shard_.post_to(home, [there = all_[home], put, server = std::string{next},
                          frame = std::move(frame)](exchange::shard&) { put(*there, server, *frame); });
}

/// Handles a frame of a flow from or to a server whose home is this shard; returns false if it is not understood.
bool shard_peers::on_flow_frame(const wire::link_frame& frame) {
    if (const auto* message = std::get_if<wire::message_frame>(&frame)) return on_message(*message);
    if (const auto* probe = std::get_if<wire::probe_frame>(&frame)) {
        flow& from = flow_of(probe->header.origin);
        from.receiver.on_probe(shard_.wall_ms(), probe->header.flow, probe->header.number);
        mark(from);
        return true;
    }
    const auto& acknowledged = std::get<wire::acknowledgement_frame>(frame);
    flow* const to = find_flow(acknowledged.header.destination);
    if (!to) return true;
    std::vector<failed_message> failed;
    to->sender.on_acknowledgement(now(), acknowledged.header.flow, acknowledged.header.number, acknowledged.kind,
                                  failed);
    fail_all(failed);
    mark(*to);
    return true;
}

bool shard_peers::on_message(const wire::message_frame& frame) {
    flow& from = flow_of(frame.header.origin);
    const flow_verdict verdict =
        from.receiver.on_message(now(), shard_.wall_ms(), frame.header.flow, frame.header.number);
    mark(from);
    if (verdict == flow_verdict::duplicate) ++from.duplicates;
    if (verdict != flow_verdict::take) return true;
    ++from.received;
    from.unsaid_bytes += frame.body.size();
    wire::link_message message;
    if (wire::decode_link_message(frame.body, message) != wire::link_error::none) return false;
    if (wire::check_message_json(shard_.reader_for_partners(), message) != wire::link_error::none) return false;
    std::visit([&](const auto& each) { execute(from, each); }, message);
    return true;
}

/// Replies may cross in both directions if their type may cross in one.
bool shard_peers::lets_reply(std::string_view server, std::string_view type_token) const {
    const peer_facts* const facts = known_->find(server);
    const std::string_view type = type_token.substr(1, type_token.size() - 2);
    return facts && (facts->accept.lets(type) || facts->send.lets(type));
}

void shard_peers::refuse(const flow& from, std::uint64_t ref, error_code code, std::string_view reason) {
    if (ref == 0) return;
    const auto error = wire::as_status_error(code, reason);
    partial_outcome outcome;
    outcome.error_code = error.code;
    outcome.error_reason = error.reason;
    outcome.is_temporary = error.temporary;
    send_result({from.server, {}, ref, 0}, outcome);
}

/// Returns the facts about the server if this message may come from there now; else answers it and returns null.
const peer_facts* shard_peers::admit(flow& from, std::string_view type_token, std::string_view sender,
                                     std::uint64_t ref) {
    const peer_facts* const facts = known_->find(from.server);
    if (!facts || !facts->accept.lets(type_token.substr(1, type_token.size() - 2))) {
        refuse(from, ref, error_code::peer_refused,
               "server " + known_->own_name + " does not take messages of this type from " + from.server);
    } else if (sender.find('@') != sender.npos) {
        // A name with `@server` belongs to another server.
        refuse(from, ref, error_code::peer_refused,
               "server " + from.server + " speaks for its own users and handlers only");
    } else if (from.budget.take({static_cast<std::uint32_t>(facts->rate)}, shard_.now_ms()) != 0) {
        refuse(from, ref, error_code::rate_limited,
               "server " + known_->own_name + " takes no more than " + wire::counted(facts->rate, "message") +
                   " a second from " + from.server);
    } else {
        return facts;
    }
    return nullptr;
}

void shard_peers::execute(flow& from, const wire::deliver_message& message) {
    const peer_facts* const facts = admit(from, message.type_token, message.sender, message.ref);
    if (!facts) return;
    const exchange::command_rights* const rights = facts->rights ? &*facts->rights : nullptr;
    if (message.is_for_everybody && rights && !exchange::command_rights::lets(rights->users, "*"))
        return refuse(from, message.ref, error_code::peer_refused,
                      "server " + from.server + " may not address everybody on " + known_->own_name);
    users_.clear();
    for (const std::string_view user : message.users) users_.push_back(user);
    if (message.ref != 0) ++from.unanswered;
    const bool is_done = shard_.guarded("a delivery of another server", [&] {
        shard_.commands().deliver_from(from.server, message.ref, message.type_token, message.data, users_,
                                       message.is_for_everybody, rights);
    });
    if (!is_done && message.ref != 0) finish({from.server, {}, message.ref, 0}, failed_here());
}

void shard_peers::execute(flow& from, const wire::submit_message& message) {
    if (!admit(from, message.type_token, message.user, message.ref)) return;
    // Handlers' queues are shared: no server may fill them alone.
    const std::size_t size = wire::link_message_size(message);
    const bool is_too_much = from.unanswered_bytes != 0 && from.unanswered_bytes + size > known_->unanswered_bytes;
    if (from.unanswered >= known_->unanswered || is_too_much)
        return refuse(from, message.ref, error_code::busy, "too many messages from that server are being handled here");
    ++from.unanswered;
    from.unanswered_bytes += size;
    const exchange::remote_origin origin{from.server, message.session, message.ref, static_cast<std::uint32_t>(size)};
    const bool is_done = shard_.guarded("a message of another server", [&] {
        shard_.commands().submit_from(
            origin, {message.type_token, message.data, message.user, message.session, message.id_token, message.hops});
    });
    if (!is_done) finish(origin, failed_here());
}

void shard_peers::execute(flow& from, const wire::reply_message& message) {
    if (!lets_reply(from.server, message.type_token)) return;
    const auto id = exchange::session_id::parse(message.session);
    if (!id) return;
    // Only to a message that has not ended, so that the session's shard gets a reply before the result, or never.
    const pending_refs::waiting* const asked = refs_.find_asked(from.server, *id, message.id_token);
    if (!asked) return;
    if (id->shard() == shard_.index())
        return shard_.commands().reply_from_server(*id, asked->to, message.type_token, message.data, message.id_token);
    struct kept_reply {
        exchange::acknowledgement asked;
        std::string type, data, request;
    };
    auto kept = std::make_unique<kept_reply>(kept_reply{asked->to, std::string{message.type_token},
                                                        std::string{message.data}, std::string{message.id_token}});
    shard_.post_to(id->shard(), [to = *id, kept = std::move(kept)](exchange::shard& there) {
        there.commands().reply_from_server(to, kept->asked, kept->type, kept->data, kept->request);
    });
}

void shard_peers::execute(flow& from, const wire::result_message& message) {
    pending_refs::waiting waiting;
    if (!refs_.take_of(from.server, message.ref, waiting)) return;
    partial_outcome outcome;
    const bool is_read = shard_.guarded("a result of another server", [&] {
        outcome.delivered = std::min(message.delivered, most_delivered);
        outcome.error_code = message.code;
        outcome.error_reason = message.reason;
        outcome.is_temporary = message.is_temporary;
        if (!message.code.empty()) {
            for (const std::string& recipient : waiting.recipients)
                outcome.missed.push_back({recipient, std::string{message.code}});
        } else if (!waiting.recipients.empty()) {
            take_unreached(message.unreached, waiting.recipients, from.server, outcome);
        }
    });
    if (!is_read) outcome = failed_here();
    // No command is being executed, so this need not wait for the next turn.
    if (waiting.to.shard == shard_.index()) shard_.commands().arrived(waiting.to, outcome);
    else tell(waiting.to, std::move(outcome));
}

}  // namespace bester::peering
