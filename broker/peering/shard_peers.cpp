// Links, ways and what goes out. What comes in: shard_peers_incoming.cpp.
#include "peering/shard_peers.hpp"

#include <algorithm>
#include <cstring>

#include "peering/legacy_sender.hpp"
#include "wire/names.hpp"

namespace bester::peering {

using exchange::acknowledgement;
using exchange::partial_outcome;
using wire::error_code;

namespace {

/// Messages on their way over a link of another shard, whose queue cannot be seen from here.
constexpr std::size_t most_blind = 1'000;
constexpr std::size_t most_unreached = 100;

/// `ref` stands behind the operation, in the messages that have one.
void set_ref(char* body, std::uint64_t ref) noexcept { std::memcpy(body + 1, &ref, sizeof ref); }

std::string_view reason_of(flow_failure why) noexcept {
    switch (why) {
        case flow_failure::expired: return wire::describe(error_code::peer_expired).meaning;
        case flow_failure::unreachable: return "there was no way to that server within peering.resume";
        case flow_failure::lost: break;
    }
    return "that server was started anew before it said what became of the message";
}

}  // namespace

shard_peers::shard_peers(exchange::shard& on, const std::vector<shard_peers*>& all, link_listener& listener,
                         std::uint64_t first_flow, std::shared_ptr<const peer_view> known)
    : shard_{on}, all_{all}, listener_{listener}, first_flow_{first_flow}, known_{std::move(known)} {
    shard_.add_swept(*this);
    shard_.set_peers(this);
}

shard_peers::~shard_peers() {
    shard_.set_peers(nullptr);
    shard_.remove_swept(*this);
}

// ---- links and ways ------------------------------------------------------------------------------

void shard_peers::apply(std::shared_ptr<const peer_view> known) {
    known_ = std::move(known);
    std::vector<failed_message> failed;
    for (auto it = flows_.begin(); it != flows_.end();) {
        flow& each = *it->second;
        if (!known_->find(each.server)) {
            each.sender.fail_all(now(), failed);
            std::erase(dirty_, &each);
            it = flows_.erase(it);
            continue;
        }
        each.sender.use(known_->flows);
        ++it;
    }
    fail_all(failed);
    find_ways();
}

void shard_peers::adopt(link_offer&& offer) {
    const auto before = links_.find(offer.server);
    if (before != links_.end())
        before->second->part({"replaced", "another link to this server takes its place", true});
    const std::string server = offer.server;
    auto made = std::make_unique<peer_link>(*this, shard_, std::move(offer), known_->frame_limit);
    peer_link& link = *made;
    if (before != links_.end()) {
        retired_.push_back(std::move(before->second));
        before->second = std::move(made);
    } else {
        links_.emplace(server, std::move(made));
    }
    link.begin();
    shard_.wake_sweep();
    if (flow* const which = find_flow(server)) find_way(*which);
    find_ways();
}

void shard_peers::part(std::string_view server, std::uint64_t id, const link_refusal& why) {
    peer_link* const link = find_link(server);
    if (link && (id == 0 || link->id() == id)) link->part(why);
}

void shard_peers::drain(std::string_view server, std::uint64_t id) {
    draining_.insert_or_assign(std::string{server}, id);
    shard_.wake_sweep();
}

void shard_peers::end_drained() {
    for (auto it = draining_.begin(); it != draining_.end();) {
        const peer_link* const link = find_link(it->first);
        flow* const queue = find_flow(it->first);
        const bool is_over = !link || link->id() != it->second;
        if (!is_over && queue && queue->sender.queued_messages() > 0) {
            ++it;
            continue;
        }
        if (!is_over) part(it->first, it->second, {"drained", "the link was drained by an administrator", true});
        it = draining_.erase(it);
    }
}

void shard_peers::send_advert(std::string_view server, std::string_view json) {
    if (peer_link* const link = find_link(server)) link->send(wire::advert_frame{json});
}

void shard_peers::tell_reached(std::string_view server, bool is_reached) {
    const auto at = std::lower_bound(reached_.begin(), reached_.end(), server);
    const bool was_reached = at != reached_.end() && *at == server;
    if (was_reached == is_reached) return;
    if (is_reached) reached_.emplace(at, server);
    else reached_.erase(at);
    for (exchange::peer_observer* who : shard_.peer_observers()) {
        if (is_reached) who->on_peer_up(server);
        else who->on_peer_down(server);
    }
}

void shard_peers::on_goodbye(peer_link& link, std::string_view json) {
    const link_refusal said = decode_goodbye(shard_.reader(), json);
    link.note_end(said.code, "it said: " + said.reason);
}

void shard_peers::on_round_trip(const peer_link& link, std::chrono::microseconds took) {
    listener_.round_trip(link.server(), took);
}

void shard_peers::on_link_closed(peer_link& link) {
    listener_.link_closed(link.server(), link.id(), link.end_code(), link.end_reason());
    const auto found = links_.find(link.server());
    if (found != links_.end() && found->second.get() == &link) {
        shard_.bury(std::move(found->second));
        links_.erase(found);
    } else {
        const auto old = std::find_if(retired_.begin(), retired_.end(), [&](const auto& r) { return r.get() == &link; });
        if (old == retired_.end()) return;
        shard_.bury(std::move(*old));
        retired_.erase(old);
    }
    find_ways();
}

void shard_peers::on_link_drained(const peer_link& link) {
    for (auto& [server, each] : flows_)
        if (each->next_hop == link.server()) mark(*each);
}

peer_link* shard_peers::find_link(std::string_view server) const {
    const auto found = links_.find(server);
    return found == links_.end() || !found->second->is_open() || found->second->is_closing() ? nullptr
                                                                                             : found->second.get();
}

shard_peers::flow* shard_peers::find_flow(std::string_view server) {
    const auto found = flows_.find(server);
    return found == flows_.end() ? nullptr : found->second.get();
}

shard_peers::flow& shard_peers::flow_of(std::string_view server) {
    if (flow* const found = find_flow(server)) return *found;
    std::string name{server};
    auto made = std::make_unique<flow>(name, known_->flows, first_flow_);
    flow& added = *made;
    flows_.emplace(std::move(name), std::move(made));
    added.sender.on_route_down(now());
    find_way(added);
    return added;
}

void shard_peers::find_ways() {
    for (auto& [server, each] : flows_) find_way(*each);
}

/// Sees whether the way to a server is another than before: then what was on the old one may be lost.
void shard_peers::find_way(flow& which) {
    std::string_view next;
    std::uint64_t link_id = 0;
    if (const peer_link* const direct = find_link(which.server)) {
        next = which.server;
        link_id = direct->id();
    } else if (known_->is_routing) {
        next = known_->routes->next_hop(which.server, known_->hops, {});
        const auto found = known_->links.find(next);
        // The table may be older than the loss of the link.
        const bool is_here = home_shard(next, shard_.settings().shards) == shard_.index();
        if (found == known_->links.end() || (is_here && !find_link(next))) next = {};
        else link_id = found->second;
    }
    if (next == which.next_hop && link_id == which.next_hop_link) return;
    if (!which.next_hop.empty()) which.sender.on_route_down(now());
    which.next_hop = next;
    which.next_hop_link = link_id;
    if (which.next_hop.empty()) return;
    which.sender.on_route_up(now());
    mark(which);
}

std::uint8_t shard_peers::own_hops() const noexcept {
    return static_cast<std::uint8_t>(known_->is_routing ? known_->hops - 1 : 0);
}

// ---- the end of a turn ---------------------------------------------------------------------------

void shard_peers::mark(flow& which) {
    if (which.is_dirty) return;
    which.is_dirty = true;
    dirty_.push_back(&which);
    if (is_write_due_) return;
    is_write_due_ = true;
    shard_.write_later(*this);
}

void shard_peers::write_turn() {
    is_write_due_ = false;
    writing_.swap(dirty_);
    for (flow* each : writing_) {
        each->is_dirty = false;
        acknowledge(*each);
        pump(*each);
    }
    writing_.clear();
}

void shard_peers::acknowledge(flow& which) {
    if (!which.receiver.is_acknowledgement_due() || which.next_hop.empty()) return;
    while (const auto due = which.receiver.take_acknowledgement(now())) {
        const wire::flow_header header{own_hops(), which.server, known_->own_name, due->flow, due->next};
        put(which, wire::acknowledgement_frame{header, due->kind});
    }
}

void shard_peers::pump(flow& which) {
    if (which.next_hop.empty()) return;
    peer_link* const link = find_link(which.next_hop);
    if (!link && home_shard(which.next_hop, shard_.settings().shards) == shard_.index()) return;
    while (link ? link->has_room() : which.sender.unacknowledged_messages() < most_blind) {
        const auto next = which.sender.next_to_send(now());
        if (!next) return;
        const wire::flow_header header{own_hops(), known_->own_name, which.server, next->flow, next->number};
        if (next->is_probe) put(which, wire::probe_frame{header});
        else if (link) link->send_message(header, next->body);
        else put(which, wire::message_frame{header, next->body});
    }
}

/// On the link of the next hop, wherever that is.
void shard_peers::put(const flow& on, const wire::link_frame& frame) {
    if (peer_link* const link = find_link(on.next_hop)) return link->send(frame);
    const unsigned home = home_shard(on.next_hop, shard_.settings().shards);
    if (home == shard_.index()) return;
    auto given = std::make_unique<std::pair<std::string, std::string>>(on.next_hop, std::string{});
    wire::append_link_frame(given->second, frame);
    shard_.post_to(home, [there = all_[home], given = std::move(given)](exchange::shard&) {
        if (peer_link* const link = there->find_link(given->first)) link->send_raw(given->second);
    });
}

bool shard_peers::sweep(std::uint64_t now_ms) {
    for (auto it = links_.begin(); it != links_.end();) {
        peer_link& link = *it->second;
        ++it;  // before the call: a link that ends leaves the map
        link.sweep(now_ms);
    }
    end_drained();
    for (std::size_t i = retired_.size(); i-- > 0;)
        if (i < retired_.size()) retired_[i]->sweep(now_ms);
    bool is_waiting = !links_.empty() || !retired_.empty() || !refs_.empty();
    failed_.clear();
    for (auto& [server, each] : flows_) {
        if (each->sender.queued_messages() == 0) continue;
        is_waiting = true;
        each->sender.on_timer(now(), failed_);
        mark(*each);
    }
    const auto failed = std::move(failed_);
    failed_.clear();
    fail_all(failed);
    pending_refs::waiting waiting;
    while (refs_.take_expired(now(), waiting))
        fail(waiting, error_code::peer_expired, wire::describe(error_code::peer_expired).meaning);
    return is_waiting;
}

// ---- out -----------------------------------------------------------------------------------------

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
        return fail({to, std::string{server}, {}}, error_code::peer_refused,
                    "the original daemon takes messages for handlers only, not for users");
    }
    wire::deliver_message message;
    message.budget_ms = static_cast<std::uint32_t>(known_->deadline.count());
    message.is_for_everybody = what.is_for_everybody;
    message.type_token = what.type_token;
    message.sender = what.sender;
    message.users = wire::user_list{what.users};
    message.data = what.data;
    std::vector<std::string> recipients;
    if (to.report != 0) {
        for (const std::string_view user : what.users) recipients.push_back(std::string{user}.append("@").append(server));
        if (what.is_for_everybody) recipients.push_back(std::string{"*@"}.append(server));
    }
    send(server, message, to, std::move(recipients));
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
    std::vector<std::string> recipients;
    if (to.report != 0) recipients.emplace_back(server);
    send(server, message, to, std::move(recipients));
}

void shard_peers::submit_legacy(std::string_view address, const exchange::remote_submission& what,
                                const acknowledgement& to) {
    pending_refs::waiting waiting{to, std::string{address}, {}};
    if (to.report != 0) waiting.recipients.emplace_back(address);
    listener_.send_legacy(std::string{address}, legacy_frame(what.type_token, what.data),
                          [this, &home = shard_, waiting = std::move(waiting)](error_code code, const std::string& reason) {
                              auto ended = std::make_unique<std::pair<pending_refs::waiting, std::string>>(waiting, reason);
                              home.post([this, code, ended = std::move(ended)](exchange::shard&) {
                                  if (code == error_code::none) tell(ended->first.to, partial_outcome{});
                                  else fail(ended->first, code, ended->second);
                              });
                          });
}

void shard_peers::reply(const exchange::remote_origin& to, std::string_view type_token, std::string_view data,
                        std::string_view id_token) {
    send(to.server, wire::reply_message{to.session, id_token, type_token, data}, {}, {});
}

void shard_peers::finish(const exchange::remote_origin& origin, const partial_outcome& outcome) {
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
    send(origin.server, message, {}, {});
}

void shard_peers::send(std::string_view server, const wire::link_message& message, const acknowledgement& to,
                       std::vector<std::string> recipients) {
    pending_refs::waiting waiting{to, std::string{server}, std::move(recipients)};
    if (wire::check_link_message(message) != wire::link_error::none)
        return fail(waiting, error_code::bad_command, "it has a name or a type that other servers do not take");
    if (wire::link_message_size(message) + wire::max_link_overhead > known_->frame_limit)
        return fail(waiting, error_code::too_large, "it is larger than peering.message_size lets through");
    const unsigned home = home_shard(server, shard_.settings().shards);
    scratch_.clear();
    wire::append_link_message(scratch_, message);
    if (home == shard_.index()) return offer(scratch_, std::move(waiting));
    auto given = std::make_unique<std::pair<std::string, pending_refs::waiting>>(scratch_, std::move(waiting));
    shard_.post_to(home, [there = all_[home], given = std::move(given)](exchange::shard&) {
        there->offer(given->first, std::move(given->second));
    });
}

/// On the server's home shard: gives the message its place in the flow.
void shard_peers::offer(std::string& body, pending_refs::waiting waiting) {
    if (!known_->find(waiting.server))
        return fail(waiting, error_code::peer_unknown, wire::describe(error_code::peer_unknown).meaning);
    flow& on = flow_of(waiting.server);
    std::uint64_t ref = 0;
    auto deadline = flow_sender::no_deadline;
    if (waiting.to.is_wanted()) {
        deadline = now() + known_->deadline;
        ref = refs_.add(std::move(waiting), deadline);
        set_ref(body.data(), ref);
    }
    shard_.wake_sweep();
    mark(on);
    if (on.sender.offer(now(), body, deadline, ref)) return;
    ++on.refused;
    if (ref == 0 || !refs_.take(ref, waiting)) return;
    if (on.next_hop.empty()) fail(waiting, error_code::peer_unreachable, "there is no way to that server now, and its queue is full (peering.queue_messages, queue_bytes)");
    else fail(waiting, error_code::busy, "the queue to that server is full (peering.queue_messages, queue_bytes)");
}

void shard_peers::fail(const pending_refs::waiting& waiting, error_code code, std::string_view reason) {
    if (!waiting.to.is_wanted()) return;
    const auto error = wire::as_status_error(code, reason);
    partial_outcome outcome;
    outcome.error_code = error.code;
    outcome.error_reason = error.reason;
    outcome.is_temporary = error.temporary;
    for (const std::string& recipient : waiting.recipients)
        outcome.missed.push_back({recipient, std::string{error.code}});
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

void shard_peers::tell(const acknowledgement& to, partial_outcome outcome) {
    if (!to.is_wanted()) return;
    // Not at once even here: the command that asked may still be executing.
    auto given = std::make_unique<partial_outcome>(std::move(outcome));
    shard_.post_to(to.shard, [to, given = std::move(given)](exchange::shard& there) {
        there.commands().arrived(to, *given);
    });
}

std::vector<flow_load> shard_peers::load() const {
    std::vector<flow_load> loads;
    for (const auto& [server, each] : flows_) {
        loads.push_back({server, each->sender.queued_messages(), each->sender.queued_bytes(), each->received,
                         each->duplicates, each->refused, each->sender.counters()});
    }
    return loads;
}

}  // namespace bester::peering
