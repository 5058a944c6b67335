// shard_peers: links, routes and turns. Outgoing messages: shard_peers_outgoing.cpp; incoming frames:
// shard_peers_incoming.cpp.
#include "peering/shard/shard_peers.hpp"

#include <algorithm>
#include <cstring>

#include "exchange/undo.hpp"
#include "wire/names.hpp"

namespace bester::peering {

using wire::error_code;

namespace {

/// Messages on their way over a link of another shard, whose queue cannot be seen from here.
constexpr std::size_t most_blind = 1'000;
/// Received without an acknowledgement, unless nothing goes there for the length of a sweep.
constexpr std::size_t most_unsaid_bytes = std::size_t{64} << 10;

}  // namespace

shard_peers::shard_peers(exchange::shard& on, const std::vector<shard_peers*>& all, link_listener& listener,
                         std::uint64_t first_flow, std::shared_ptr<const peer_view> known)
    : turn_worker{exchange::work_phase::writing},
      shard_{on},
      all_{all},
      listener_{listener},
      first_flow_{first_flow},
      known_{std::move(known)} {
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
    const std::uint64_t id = offer.id;
    std::unique_ptr<peer_link> made;
    peer_link* placed = nullptr;
    std::string server;  // empty until it is copied; the link takes that of the offer
    // The network must know that the link is down, or it would never make another one.
    exchange::undo give_up{[&] {
        shard_.guarded("the end of a link that could not be taken", [&] {
            if (placed) placed->fail();
            else
                listener_.link_closed(server.empty() ? offer.server : server, id, "connection_lost",
                                      "no memory for it");
        });
    }};
    if (before != links_.end()) before->second->part({"replaced", "another link to this server takes its place", true});
    server = offer.server;
    made = std::make_unique<peer_link>(*this, shard_, std::move(offer), known_->frame_limit);
    peer_link& link = *made;
    if (before != links_.end()) {
        retired_.push_back(std::move(before->second));
        before->second = std::move(made);
    } else {
        links_.emplace(server, std::move(made));
    }
    placed = &link;
    link.begin();
    shard_.wake_sweep();
    if (flow* const which = find_flow(server)) find_way(*which);
    find_ways();
    give_up.done();
}

void shard_peers::part(std::string_view server, std::uint64_t id, const link_refusal& why) {
    peer_link* const link = find_link(server);
    if (!link || (id != 0 && link->id() != id)) return;
    // Arrived messages are still acknowledged, or their origin would wait and send them again.
    for (auto& [origin, each] : flows_) {
        if (each->next_hop != server || !each->receiver.is_acknowledgement_due()) continue;
        each->must_say = true;
        acknowledge(*each);
    }
    link->part(why);
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
    shard_.peer_observers().tell([&](exchange::peer_observer& observer) {
        if (is_reached) observer.on_peer_up(server);
        else observer.on_peer_down(server);
    });
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
        const auto old =
            std::find_if(retired_.begin(), retired_.end(), [&](const auto& r) { return r.get() == &link; });
        if (old == retired_.end()) return;
        shard_.bury(std::move(*old));
        retired_.erase(old);
    }
    find_ways();
}

void shard_peers::on_link_drained(const peer_link& link) {
    for (auto& [server, each] : flows_) {
        if (!each->waits_for_room || each->next_hop != link.server()) continue;
        each->waits_for_room = false;
        mark(*each);
    }
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

/// Checks whether the route to a server has changed: then frames on the old one may be lost.
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
    which.receiver.on_route_up();
    mark(which);
}

std::uint8_t shard_peers::own_hops() const noexcept {
    return static_cast<std::uint8_t>(known_->is_routing ? known_->hops - 1 : 0);
}

// ---- the end of a turn ---------------------------------------------------------------------------

void shard_peers::mark(flow& which) {
    if (which.is_dirty) return;
    dirty_.push_back(&which);
    which.is_dirty = true;
    if (is_write_due_) return;
    shard_.work_later(*this);
    is_write_due_ = true;
}

void shard_peers::work_in_turn() {
    is_write_due_ = false;
    writing_.swap(dirty_);
    for (flow* each : writing_) {
        each->is_dirty = false;
        shard_.guarded("a flow to another server", [&] {
            acknowledge(*each);
            pump(*each);
        });
    }
    writing_.clear();
}

/// Messages that arrived in order are acknowledged together with other frames to that server, or when there are many,
/// or by the next sweep: the acknowledgement is not urgent, and alone it would cost both servers as much as a message.
void shard_peers::acknowledge(flow& which) {
    if (!which.receiver.is_acknowledgement_due() || which.next_hop.empty()) return;
    const bool may_wait = !which.must_say && !which.receiver.is_acknowledgement_urgent() &&
                          which.unsaid_bytes < most_unsaid_bytes && !which.sender.has_unsent();
    if (may_wait) return shard_.wake_sweep();
    // A peer that sends requests without reading must not fill the memory; when it has read, on_link_drained marks the
    // flow.
    if (const peer_link* const link = find_link(which.next_hop); link && !link->has_room()) {
        which.waits_for_room = true;
        return;
    }
    which.must_say = false;
    which.unsaid_bytes = 0;
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
        else if (link && !link->takes(wire::message_frame_size(header, next->body.size())))
            withdraw(which, next->number);
        else if (link) link->send_message(header, next->body);
        else put(which, wire::message_frame{header, next->body});
    }
    which.waits_for_room = link != nullptr;
}

/// Puts a frame on the link of the next hop, on any shard.
void shard_peers::put(const flow& on, const wire::link_frame& frame) {
    if (peer_link* const link = find_link(on.next_hop)) return link->send(frame);
    const unsigned home = home_shard(on.next_hop, shard_.settings().shards);
    if (home == shard_.index()) return;
    auto given = std::make_unique<std::pair<std::string, std::string>>(on.next_hop, std::string{});
    wire::append_link_frame(given->second, frame);
    shard_.post_to(home, [there = all_[home], given = std::move(given)](exchange::shard&) {
        if (peer_link* const link = there->find_link(given->first)) pass(*link, given->second);
    });
}

bool shard_peers::sweep(std::uint64_t now_ms) {
    for (auto it = links_.begin(); it != links_.end();) {
        peer_link& link = *it->second;
        ++it;  // before the call, since a link that ends leaves the map
        link.sweep(now_ms);
    }
    end_drained();
    for (std::size_t i = retired_.size(); i-- > 0;)
        if (i < retired_.size()) retired_[i]->sweep(now_ms);
    bool is_waiting = !links_.empty() || !retired_.empty() || !refs_.empty();
    failed_.clear();
    for (auto& [server, each] : flows_) {
        if (each->receiver.is_acknowledgement_due()) {
            is_waiting = each->must_say = true;
            mark(*each);
        }
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

bool shard_peers::is_sending() const noexcept {
    return std::any_of(flows_.begin(), flows_.end(), [](const auto& each) {
        return !each.second->next_hop.empty() && each.second->sender.queued_messages() > 0;
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
