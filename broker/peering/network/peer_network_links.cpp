// peer_network: links and their end.
#include <asio/post.hpp>

#include <algorithm>
#include <array>
#include <new>
#include <utility>

#include "exchange/undo.hpp"
#include "log/log.hpp"
#include "peering/link/link_choice.hpp"
#include "peering/network/peer_network_parts.hpp"

namespace bester::peering {

namespace {

std::uint64_t now_ms() {
    using namespace std::chrono;
    return static_cast<std::uint64_t>(duration_cast<milliseconds>(steady_clock::now().time_since_epoch()).count());
}

/// Returns whether one side found the other at fault.
bool is_violation(std::string_view code) {
    constexpr std::array codes{"bad_frame", "bad_message", "too_large", "flood", "peer_refused"};
    return std::find(codes.begin(), codes.end(), code) != codes.end();
}

}  // namespace

/// Returns why this link is not wanted; none if it is.
std::optional<link_refusal> peer_network::parts::may_link(const made_link& made, bool is_dialled_by_us) const {
    const std::string& server = made.hello.server;
    const peer_record* const peer = find(server);
    const bool is_known = peer && peer->is_configured;
    if (!is_known && !any_peer_ && !settings_.discovery)
        return link_refusal{"peer_unknown",
                            "server " + around_.server_name + " has no entry for " + server + " among its peers",
                            false};
    const peer_settings* const entry = entry_for(server);
    const bool is_plain = !made.certificate;
    if (is_plain && (!entry || entry->transport != link_transport::plain))
        return link_refusal{std::string{peer_refused_code}, "the entry of " + server + " wants TLS", false};
    if (peer && peer->is_drained) return link_refusal{"drained", "the link was drained by an administrator", true};
    if (!peer || !peer->link) return {};
    const std::uint64_t heard = peer->link->gauge->last_heard_ms;
    const std::uint64_t now = now_ms();
    const link_candidate current{peer->link->is_dialled_by_us, std::chrono::milliseconds{now > heard ? now - heard : 0},
                                 peer->link->incarnation};
    const link_candidate candidate{is_dialled_by_us, std::chrono::milliseconds{0}, made.hello.incarnation};
    if (choose_link(current, candidate, around_.server_name, server, peer->link->heartbeat) == link_decision::replace)
        return {};
    return link_refusal{"duplicate", "there is a link to " + server + " already", true};
}

void peer_network::parts::stand(made_link made, bool is_dialled_by_us, const std::string& address) {
    // Another link may have been made during the hello.
    if (const auto refused = may_link(made, is_dialled_by_us)) {
        coroutines::spawn(control_, refuse_link(made.connection, *refused), [](std::exception_ptr) {});
        return;
    }
    const std::string server = made.hello.server;
    auto offer = std::make_unique<link_offer>();  // before there is a descriptor to own
    auto [fd, cipher] = made.connection->release();
    if (fd < 0) {
        // Its time was over, or it had to give way, just after the last frame had been written.
        if (peer_record* const peer = find(server)) {
            note_failure(*peer, {"connection_lost", made.connection->why_closed(), true}, address);
            if (wants_link(*peer)) dial_later(*peer);
        }
        return;
    }
    // All that may fail comes first: then the link stands and its shard will get it, or neither.
    offer->fd = fd;
    offer->cipher = std::move(cipher);
    peer_record& peer = record_of(server);
    current_link link;
    link.id = ++last_link_;
    link.incarnation = made.hello.incarnation;
    link.is_dialled_by_us = is_dialled_by_us;
    link.has_adverts = has_adverts() && (made.hello.has_discovery || made.hello.has_routing);
    link.address = address;
    link.heartbeat = effective_heartbeat(rules().own, made.hello);
    link.certificate = made.certificate;
    link.gauge = std::make_shared<link_gauge>();
    link.gauge->last_heard_ms = now_ms();
    offer->id = link.id;
    offer->server = server;
    offer->incarnation = link.incarnation;
    offer->heartbeat = link.heartbeat;
    offer->peer_frame_limit = made.hello.frame_limit;
    offer->gauge = link.gauge;
    if (!peer.is_configured && any_peer_) {
        peer.entry.types = any_peer_->types;
        peer.entry.send_types = any_peer_->send_types;
        peer.entry.accept_types = any_peer_->accept_types;
    }
    tell_of(peer,
            "peer " + server + ": linked " + (is_dialled_by_us ? "to " : "from ") + address +
                (made.certificate ? ", TLS" : ", plain") + (peer.link ? ", in place of the link before" : ""),
            false);
    if (made.certificate) {
        const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
        const auto left = tls::days_left(*made.certificate, now);
        if (left < 30) tell_of(peer, "peer " + server + ": its certificate expires in " + tls::days_text(left));
    }
    offers_.reserve(offers_.size() + 1);
    exchange::undo forget_link{[&] {
        try {
            if (!peer.link) known_.on_link_down(server, clock::now());
        } catch (const std::bad_alloc&) {
            // It has been forgotten; what could not be told is told with the next change.
        }
    }};
    if (has_adverts()) known_.on_link_up(server, made.round_trip, clock::now());
    offers_.push_back(std::move(offer));
    forget_link.done();
    peer.timer.cancel();
    ++peer.generation;
    peer.is_waiting = peer.is_dialling = false;
    peer.frame_limit = made.hello.frame_limit;
    peer.logged_error.clear();
    peer.since = std::chrono::system_clock::now();
    peer.link = std::move(link);
    have_links_changed_ = true;
    change();
}

/// After publish(), since a shard that gets a link must know its server.
void peer_network::parts::adopt_offers() noexcept {
    for (std::unique_ptr<link_offer>& offer : offers_) {
        peer_record* const peer = find(offer->server);
        if (peer && peer->link && peer->link->id == offer->id) peer->link->is_given = true;
        const std::string_view server = offer->server;
        on_home_surely(server, [given = std::move(offer)](shard_peers& there) { there.adopt(std::move(*given)); });
    }
    offers_.clear();
}

void peer_network::parts::end_link(peer_record& peer, const link_refusal& why) {
    const std::string& server = peer.entry.name;
    if (!offers_.empty()) settle_changes();
    on_home(server, [server = std::string{server}, id = peer.link->id,
                     why = std::make_unique<link_refusal>(why)](shard_peers& there) { there.part(server, id, *why); });
}

void peer_network::parts::link_closed(std::string server, std::uint64_t id, std::string code, std::string reason) {
    asio::post(control_, [weak = weak_from_this(), server = std::move(server), id, code = std::move(code),
                          reason = std::move(reason)] {
        if (const auto self = weak.lock()) self->link_ended(server, id, code, reason);
    });
}

void peer_network::parts::link_ended(const std::string& server, std::uint64_t id, const std::string& code,
                                     const std::string& reason) {
    peer_record* const peer = find(server);
    if (!peer || !peer->link || peer->link->id != id) return;  // the link was replaced
    // What others depend on comes before what is only said.
    peer->link.reset();
    have_links_changed_ = true;
    if (known_.links().contains(server)) known_.on_link_down(server, clock::now());
    // Servers that do not understand each other would otherwise link and part again and again at full speed.
    if (!is_violation(code)) peer->attempts = 0;
    if (wants_link(*peer)) dial_later(*peer);
    tell_of(*peer, "peer " + server + ": link lost: " + code + ": " + reason, !is_stopping_);
    peer->since = std::chrono::system_clock::now();
    peer->last_error = peer_error{code, reason, peer->since};
    if (!wants_link(*peer)) forget_if_idle(server);
    change();
}

void peer_network::parts::send_legacy(std::string address, std::string frame,
                                      std::function<void(wire::error_code, std::string)> done) {
    asio::post(control_, [weak = weak_from_this(), address = std::move(address), frame = std::move(frame),
                          done = std::move(done)]() mutable {
        const auto self = weak.lock();
        if (!self) return done(wire::error_code::peer_unreachable, "the broker is stopping");
        self->legacy_->set_most_connections(self->settings_.legacy_connections);
        self->legacy_->send(std::move(address), std::move(frame), self->settings_.deadline,
                            self->settings_.queue_messages, std::move(done));
    });
}

void peer_network::parts::round_trip(std::string server, std::chrono::microseconds took) {
    asio::post(control_, [weak = weak_from_this(), server = std::move(server), took] {
        const auto self = weak.lock();
        if (!self) return;
        const peer_record* const peer = self->find(server);
        if (!peer || !peer->link || !self->known_.links().contains(server)) return;
        self->known_.on_round_trip(server, took, clock::now());
        self->change();
    });
}

}  // namespace bester::peering
