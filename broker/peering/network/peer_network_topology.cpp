// peer_network: knowledge of servers without a link, and the shards' view.
#include <asio/post.hpp>

#include <algorithm>
#include <set>
#include <utility>

#include "peering/network/peer_network_parts.hpp"

#include "exchange/undo.hpp"
#include "log/log.hpp"

namespace bester::peering {

namespace {

/// Returns the types that this entry lets cross.
void take_entry(peer_facts& facts, const peer_settings& entry) {
    facts.send = {entry.types, entry.send_types};
    facts.accept = {entry.types, entry.accept_types};
    facts.rate = entry.rate;
    if (entry.users == peer_settings{}.users) return;
    facts.rights.emplace().users = entry.users;
}

/// How long adverts are read without other work, and without settling their changes.
constexpr std::chrono::milliseconds adverts_turn{10};
constexpr std::chrono::milliseconds adverts_settling{250};
/// Changes are settled again after ten times the duration of the last settling, at most this time: settling costs more
/// the more servers there are, and so takes at most a tenth of the time however many links come and go.
constexpr std::chrono::milliseconds longest_changes_settling{100};

}  // namespace

void peer_network::parts::publish() {
    has_new_servers_ = false;
    auto view = std::make_shared<peer_view>();
    view->own_name = around_.server_name;
    view->routes = routes_.table();
    view->is_routing = settings_.routing;
    view->hops = settings_.routing ? settings_.hops : 1;
    view->flows.most_messages = settings_.queue_messages;
    view->flows.most_bytes = settings_.queue_bytes;
    view->flows.resume_window = settings_.resume;
    view->flows.resend_after = std::clamp<std::chrono::milliseconds>(
        2 * settings_.heartbeat, std::chrono::milliseconds{200}, std::chrono::milliseconds{5'000});
    view->deadline = settings_.deadline;
    view->legacy = {settings_.legacy.begin(), settings_.legacy.end()};
    view->frame_limit = settings_.message_size;
    view->unanswered = settings_.unanswered;
    view->unanswered_bytes = settings_.unanswered_bytes;
    for (const auto& [name, peer] : peers_) {
        const peer_settings* const entry = entry_for(name);
        // A removed server is unknown already while its link says goodbye.
        if (!entry && !settings_.discovery && !known_.servers().contains(name)) continue;
        peer_facts facts;
        facts.is_configured = peer->is_configured;
        facts.frame_limit = peer->frame_limit;
        if (entry) take_entry(facts, *entry);
        view->servers.emplace(name, std::move(facts));
        if (peer->link) view->links.emplace(name, peer->link->id);
    }
    if (has_adverts()) {
        for (const auto& [name, server] : known_.servers()) {
            if (name == around_.server_name || view->servers.contains(name)) continue;
            peer_facts facts;
            if (any_peer_) take_entry(facts, *any_peer_);
            view->servers.emplace(name, std::move(facts));
        }
    }
    const std::shared_ptr<const peer_view> shared = std::move(view);
    on_all([shared](shard_peers& there) { there.apply(shared); });
    tell_reached();
}

/// Handlers are told of servers that are reached by a link or a route.
void peer_network::parts::tell_reached() {
    std::set<std::string, std::less<>> reached;
    for (const auto& [name, peer] : peers_)
        if (peer->link) reached.insert(name);
    if (settings_.routing)
        for (const route& each : routes_.table()->all()) reached.insert(each.destination);
    reached.erase(around_.server_name);
    const auto tell = [&](const std::string& server, bool is_reached) {
        on_all(
            [server = std::string{server}, is_reached](shard_peers& there) { there.tell_reached(server, is_reached); });
    };
    for (const std::string& server : reached_)
        if (!reached.contains(server)) tell(server, false);
    for (const std::string& server : reached)
        if (!reached_.contains(server)) tell(server, true);
    reached_ = std::move(reached);
}

/// Called after a link was made, lost or measured: settles the changes, now or when that is due.
void peer_network::parts::change() {
    if (std::exchange(has_changes_, true)) return;
    if (clock::now() >= changes_due_) return settle_changes();
    changes_timer_.expires_at(changes_due_);
    changes_timer_.async_wait([weak = weak_from_this()](std::error_code error) {
        const auto self = weak.lock();
        if (!error && self && self->has_changes_) self->settle_changes();
    });
}

void peer_network::parts::settle_at_once() {
    if (has_changes_) settle_changes();
}

void peer_network::parts::settle_changes() {
    const auto begun = clock::now();
    const bool have_links_changed = std::exchange(have_links_changed_, false);
    has_changes_ = false;
    exchange::undo settle_again{[&] {
        has_changes_ = true;
        have_links_changed_ = have_links_changed_ || have_links_changed;
    }};
    if (have_links_changed) publish();
    adopt_offers();
    settle();
    settle_again.done();
    const auto ended = clock::now();
    changes_due_ = ended + std::min<clock::duration>(9 * (ended - begun), longest_changes_settling);
}

/// Settles changes: routes, adverts to send, servers to dial.
void peer_network::parts::settle() {
    if (!has_adverts() || has_ended_) return;
    if (!routes_.update(known_, clock::now()).is_empty()) publish();
    // While stopping, only routes for waiting messages are computed.
    if (!is_stopping_) {
        send_adverts();
        discover();
    }
    arm_topology_timer();
}

void peer_network::parts::send_adverts() {
    for (const auto& [name, peer] : peers_) {
        if (!peer->link || !peer->link->has_adverts || !peer->link->is_given) continue;
        while (auto text = known_.next_text(name, clock::now())) {
            on_home(name, [name = name, text = std::make_unique<std::string>(std::move(*text))](shard_peers& there) {
                there.send_advert(name, *text);
            });
        }
    }
}

/// Servers that are no longer known are no longer dialled.
void peer_network::parts::forget_learned() {
    for (auto it = peers_.begin(); it != peers_.end();) {
        const peer_record& peer = *it->second;
        const bool is_kept = peer.is_configured || peer.link || peer.is_drained || known_.servers().contains(it->first);
        if (is_kept) ++it;
        else it = peers_.erase(it);
    }
}

void peer_network::parts::discover() {
    if (!settings_.discovery) return;
    forget_learned();
    std::set<std::string, std::less<>> configured;
    for (const auto& [name, peer] : peers_)
        if (peer->is_configured) configured.insert(name);
    for (dial_candidate& candidate : known_.dial_candidates(configured)) {
        if (candidate.server == around_.server_name) continue;
        peer_record& peer = record_of(candidate.server);
        const bool is_news = peer.entry.addresses != candidate.addresses;
        peer.entry.addresses = std::move(candidate.addresses);
        if (!wants_link(peer) || peer.is_dialling || peer.is_queued || (peer.is_waiting && !is_news)) continue;
        if (is_news)
            tell_of_stranger("peer " + candidate.server + ": learned of it at " + peer.entry.addresses.front(), false);
        dial_now(peer);
    }
}

void peer_network::parts::arm_topology_timer() {
    auto next = known_.next_deadline();
    if (const auto update = routes_.next_update(known_)) next = std::min(next, *update);
    if (next == clock::time_point::max()) return;
    topology_timer_.expires_at(next);
    topology_timer_.async_wait([weak = weak_from_this()](std::error_code error) {
        const auto self = weak.lock();
        if (error || !self) return;
        self->known_.on_timer(clock::now());
        self->settle();
    });
}

void peer_network::parts::advert(std::string server, std::string json, std::shared_ptr<link_gauge> gauge) {
    asio::post(control_, [weak = weak_from_this(),
                          what = waiting_advert{std::move(server), std::move(json), std::move(gauge)}]() mutable {
        const auto self = weak.lock();
        if (!self) return;
        self->adverts_.push_back(std::move(what));
        if (self->adverts_.size() == 1) self->read_adverts_later();
    });
}

/// In parts, so that the control thread can accept clients and answer the admin meanwhile.
void peer_network::parts::read_adverts_later() {
    asio::post(control_, [weak = weak_from_this()] {
        const auto self = weak.lock();
        if (!self) return;
        const auto until = clock::now() + adverts_turn;
        do {
            self->read_advert(self->adverts_.front());
            self->adverts_.pop_front();
        } while (!self->adverts_.empty() && clock::now() < until);
        if (!self->adverts_.empty()) self->read_adverts_later();
        // Settling costs more than reading them if many servers are known.
        if (self->adverts_.empty() || clock::now() >= self->adverts_settled_ + adverts_settling) self->settle_adverts();
    });
}

void peer_network::parts::read_advert(const waiting_advert& what) {
    --what.gauge->adverts_waiting;
    what.gauge->advert_bytes_waiting -= what.json.size();
    if (!has_adverts()) return;
    const peer_record* const peer = find(what.server);
    // Adverts of an earlier link may be older than the first ones of this link.
    if (!peer || !peer->link || peer->link->gauge != what.gauge) return;
    const auto servers = known_.servers().size();
    const advert_outcome outcome = known_.on_text(what.json, what.server, clock::now());
    if (outcome.verdict == advert_verdict::refused)
        tell_of_stranger("peer " + what.server + ": an advert was refused: " + outcome.reason);
    if (known_.servers().size() != servers) has_new_servers_ = true;
}

void peer_network::parts::settle_adverts() {
    adverts_settled_ = clock::now();
    if (!has_adverts()) return;
    if (has_new_servers_) publish();
    settle();
}

}  // namespace bester::peering
