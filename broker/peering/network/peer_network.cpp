#include "peering/network/peer_network.hpp"

#include <asio/post.hpp>

#include <algorithm>
#include <atomic>
#include <random>
#include <stdexcept>

#include "log/log.hpp"
#include "peering/network/peer_network_parts.hpp"

namespace bester::peering {

using namespace std::chrono_literals;

namespace {

constexpr auto expiry_notice = std::chrono::days{30};
constexpr auto certificate_interval = 12h;
constexpr auto stop_poll = 20ms;

std::uint64_t random_number() {
    std::random_device source;
    return std::uint64_t{source()} << 32 | source();
}

std::chrono::milliseconds wall_clock() {
    return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch());
}

link_state_settings state_settings(const network_surroundings& around, std::uint64_t incarnation,
                                   const peering_settings& settings) {
    link_state_settings made;
    made.server = around.server_name;
    made.incarnation = incarnation_text(incarnation);
    made.addresses = settings.advertise;
    made.is_transit = settings.routing;
    made.most_learned = settings.learned;
    return made;
}

route_settings routing_settings(const peering_settings& settings) {
    route_settings made;
    made.hop_limit = settings.hops;
    return made;
}

}  // namespace

peer_network::parts::parts(asio::io_context& control, std::vector<exchange::shard*> shards, network_surroundings around,
                           const peering_settings& settings, const std::vector<peer_settings>& peers)
    : control_{control},
      shards_{std::move(shards)},
      around_{std::move(around)},
      settings_{settings},
      incarnation_{random_number()},
      changes_timer_{control},
      legacy_{std::make_shared<legacy_sender>(control)},
      known_{state_settings(around_, incarnation_, settings), wall_clock(), clock::now()},
      routes_{routing_settings(settings)},
      topology_timer_{control},
      certificate_timer_{control},
      stop_timer_{control} {
    auto context = load_context(settings_);
    if (!context) throw std::runtime_error{context.error()};
    context_ = std::move(*context);
    take_peers(peers);
    const auto first_flow = static_cast<std::uint64_t>(wall_clock().count());
    for (exchange::shard* shard : shards_) {
        shard_peers_.push_back(std::make_unique<shard_peers>(*shard, all_shard_peers_, *this, first_flow,
                                                             std::make_shared<const peer_view>()));
        all_shard_peers_.push_back(shard_peers_.back().get());
    }
    publish();
}

void peer_network::parts::start() {
    for (const std::string& address : settings_.listen) listen(address);
    for (auto& [name, peer] : peers_)
        if (wants_link(*peer)) dial_now(*peer);
    watch_certificate();
    settle();
    for (const std::string& address : settings_.legacy)
        log::warning("peering.legacy: messages to the original daemon at {} go unprotected, and are not answered",
                     address);
}

// ---- settings ------------------------------------------------------------------------------------

peer_network::parts::loaded_context peer_network::parts::load_context(const peering_settings& settings) const {
    if (settings.certificate.empty()) return std::shared_ptr<const tls::context>{};
    tls::context_settings wanted;
    wanted.certificate_file = settings.certificate;
    wanted.key_file = settings.key;
    wanted.authority_files = {settings.authority};
    wanted.alpn = {"bester-link/1"};
    auto loaded = tls::context::load(wanted);
    if (!loaded) return tl::unexpected("peering: " + loaded.error().reason);
    if (!tls::has_name(*(*loaded)->certificate(), around_.server_name))
        return tl::unexpected("peering.certificate: " + settings.certificate +
                              " is not for this server: server.name is \"" + around_.server_name +
                              "\"; bester ca issue " + around_.server_name);
    return *loaded;
}

tl::expected<void, std::string> peer_network::parts::check(const peering_settings& settings) const {
    auto loaded = load_context(settings);
    if (!loaded) return tl::unexpected(loaded.error());
    return {};
}

void peer_network::parts::watch_certificate() {
    if (context_ && context_->certificate()) {
        const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
        const auto& own = *context_->certificate();
        const auto left = tls::days_left(own, now);
        if (left < 0)
            log::error(
                "peering: the certificate {} expired {} ago: peers refuse it; bester ca renew {}, then "
                "bester reload",
                settings_.certificate, tls::days_text(-left), around_.server_name);
        else if (own.not_after - now < expiry_notice)
            log::warning("peering: the certificate {} expires in {}, on {}; bester ca renew {}, then bester reload",
                         settings_.certificate, tls::days_text(left), tls::format_time(own.not_after),
                         around_.server_name);
    }
    certificate_timer_.expires_after(certificate_interval);
    certificate_timer_.async_wait([weak = weak_from_this()](std::error_code error) {
        if (const auto self = weak.lock(); self && !error) self->watch_certificate();
    });
}

void peer_network::parts::take_peers(const std::vector<peer_settings>& peers) {
    any_peer_.reset();
    for (const peer_settings& entry : peers)
        if (entry.name == any_peer) any_peer_ = entry;
    for (auto& [name, peer] : peers_) peer->is_configured = false;
    for (const peer_settings& entry : peers) {
        if (entry.name == any_peer) continue;
        peer_record& peer = record_of(entry.name);
        peer.is_configured = true;
        peer.entry = entry;
    }
}

const peer_settings* peer_network::parts::entry_for(std::string_view server) const {
    const peer_record* const peer = find(server);
    if (peer && peer->is_configured) return &peer->entry;
    return any_peer_ ? &*any_peer_ : nullptr;
}

peer_record* peer_network::parts::find(std::string_view server) const {
    const auto found = peers_.find(server);
    return found == peers_.end() ? nullptr : found->second.get();
}

peer_record& peer_network::parts::record_of(std::string_view server) {
    if (peer_record* const found = find(server)) return *found;
    auto made = std::make_unique<peer_record>(control_);
    made->entry.name = server;
    return *peers_.emplace(std::string{server}, std::move(made)).first->second;
}

/// A server that is neither configured nor linked nor known by advert is forgotten.
void peer_network::parts::forget_if_idle(const std::string& server) {
    const auto found = peers_.find(server);
    if (found == peers_.end()) return;
    const peer_record& peer = *found->second;
    if (peer.is_configured || peer.link || peer.is_dialling || peer.is_drained || known_.servers().contains(server))
        return;
    peers_.erase(found);
}

setup_rules peer_network::parts::rules() const {
    setup_rules made;
    made.own.server = around_.server_name;
    made.own.incarnation = incarnation_;
    made.own.heartbeat = settings_.heartbeat;
    made.own.frame_limit = settings_.message_size;
    made.own.has_discovery = settings_.discovery;
    made.own.has_routing = settings_.routing;
    made.context = context_;
    made.limit = settings_.handshake_timeout;
    made.allow_plain = settings_.allow_plain;
    made.pace = pace_;
    return made;
}

void peer_network::parts::apply(const peering_settings& settings, const std::vector<peer_settings>& peers) {
    auto context = load_context(settings);
    if (context) context_ = std::move(*context);
    const bool had_adverts = has_adverts();
    const bool is_advertising_otherwise =
        settings.advertise != settings_.advertise || settings.routing != settings_.routing;
    const bool are_links_otherwise = settings.discovery != settings_.discovery || settings.routing != settings_.routing;
    settings_ = settings;
    std::map<std::string, peer_settings> before;
    for (const auto& [name, peer] : peers_)
        if (peer->is_configured) before.emplace(name, peer->entry);
    take_peers(peers);
    watch_certificate();
    known_.set_most_learned(settings_.learned);
    if (is_advertising_otherwise) known_.advertise(settings_.advertise, settings_.routing, clock::now());
    std::vector<std::string> names;
    for (const auto& [name, peer] : peers_) names.push_back(name);
    for (const std::string& name : names) {
        peer_record& peer = *find(name);
        const auto was = before.find(name);
        if (was != before.end() && !peer.is_configured) {
            peer.is_drained = false;
            ++peer.generation;
            peer.is_waiting = peer.is_dialling = false;
            peer.timer.cancel();
            peer.entry = {};
            peer.entry.name = name;
            if (peer.link) end_link(peer, {"removed", "this server is no longer in the config there", false});
            forget_if_idle(name);
            continue;
        }
        if (peer.link && !peer.is_configured && !any_peer_ && !settings_.discovery) {
            end_link(peer, {"removed", "the entry for any server is no longer in the config there", false});
            continue;
        }
        const bool is_dialled_otherwise = was != before.end() && (was->second.addresses != peer.entry.addresses ||
                                                                  was->second.transport != peer.entry.transport);
        if (is_dialled_otherwise) peer.next_address = 0;
        if (peer.link &&
            (are_links_otherwise || (is_dialled_otherwise && was->second.transport != peer.entry.transport)))
            end_link(peer, {"reconfigured", "the link is made anew with other settings", true});
        if (wants_link(peer) && !peer.is_dialling) dial_now(peer);
    }
    if (had_adverts && !has_adverts()) topology_timer_.cancel();
    publish();
    settle();
}

void peer_network::parts::turn_inwards() {
    is_stopping_ = true;
    for (listening& each : listening_) {
        std::error_code ignored;
        each.acceptor.close(ignored);
    }
    topology_timer_.cancel();
    certificate_timer_.cancel();
    changes_timer_.cancel();
    settle_at_once();
    for (auto& [name, peer] : peers_) {
        ++peer->generation;
        peer->timer.cancel();
    }
}

void peer_network::parts::end_all() {
    turn_inwards();
    has_ended_ = true;
    stop_timer_.cancel();
    for (auto& [name, peer] : peers_)
        if (peer->link) end_link(*peer, {"shutting_down", "the server is stopping", true});
}

void peer_network::parts::stop(clock::time_point deadline, std::function<void()> done) {
    turn_inwards();
    when_all_is_sent(deadline, std::move(done));
}

/// Asks the shards repeatedly; messages without a route are not waited for.
void peer_network::parts::when_all_is_sent(clock::time_point deadline, std::function<void()> done) {
    struct poll {
        explicit poll(std::size_t shards) : silent{shards} {}
        std::atomic<std::size_t> silent;
        std::atomic<bool> is_busy{false};
        std::function<void()> done;
    };
    const auto asked = std::make_shared<poll>(shards_.size());
    asked->done = std::move(done);
    on_all([asked, deadline, weak = weak_from_this(), &control = control_](const shard_peers& there) {
        if (there.is_sending()) asked->is_busy = true;
        if (--asked->silent > 0) return;
        asio::post(control, [asked, deadline, weak] {
            const auto self = weak.lock();
            if (!self) return;
            if (!asked->is_busy || clock::now() >= deadline) {
                self->end_all();
                return asked->done();
            }
            self->stop_timer_.expires_after(stop_poll);
            self->stop_timer_.async_wait([asked, deadline, weak](std::error_code error) {
                if (const auto again = weak.lock(); again && !error)
                    again->when_all_is_sent(deadline, std::move(asked->done));
            });
        });
    });
}

tl::expected<void, std::string> peer_network::parts::retry(std::string_view server) {
    peer_record* const peer = find(server);
    if (!peer) return tl::unexpected("there is no peer \"" + std::string{server} + '"');
    peer->is_drained = false;
    if (peer->link) return {};
    if (peer->entry.addresses.empty()) return tl::unexpected(std::string{"it has no addresses: it dials us"});
    peer->attempts = 0;
    if (!peer->is_dialling) dial_now(*peer);
    return {};
}

tl::expected<void, std::string> peer_network::parts::drain(std::string_view server) {
    peer_record* const peer = find(server);
    if (!peer) return tl::unexpected("there is no peer \"" + std::string{server} + '"');
    peer->is_drained = true;
    ++peer->generation;
    peer->is_waiting = peer->is_dialling = false;
    peer->timer.cancel();
    if (!peer->link) return {};
    log::info("peer {}: draining its link", server);
    on_home(server, [name = std::string{server}, id = peer->link->id](shard_peers& there) { there.drain(name, id); });
    return {};
}

// ---- the outside ---------------------------------------------------------------------------------

peer_network::peer_network(asio::io_context& control, std::vector<exchange::shard*> shards, network_surroundings around,
                           const peering_settings& settings, const std::vector<peer_settings>& peers)
    : parts_{std::make_shared<parts>(control, std::move(shards), std::move(around), settings, peers)} {}

peer_network::~peer_network() { parts_->end_all(); }
void peer_network::start() { parts_->start(); }
tl::expected<void, std::string> peer_network::check(const peering_settings& settings) const {
    return parts_->check(settings);
}
void peer_network::apply(const peering_settings& settings, const std::vector<peer_settings>& peers) {
    parts_->apply(settings, peers);
}
void peer_network::stop(std::chrono::steady_clock::time_point deadline, std::function<void()> done) {
    parts_->stop(deadline, std::move(done));
}
tl::expected<void, std::string> peer_network::retry(std::string_view server) { return parts_->retry(server); }
tl::expected<void, std::string> peer_network::drain(std::string_view server) { return parts_->drain(server); }
void peer_network::go_on() { parts_->go_on(); }
json::json_value peer_network::status() const {
    parts_->settle_at_once();
    return parts_->status();
}
std::vector<std::string> peer_network::bound_addresses() const { return parts_->bound_addresses(); }

}  // namespace bester::peering
