// peer_network: listening and dialling.
#include <asio/ip/v6_only.hpp>
#include <asio/post.hpp>

#include <algorithm>
#include <random>
#include <stdexcept>
#include <utility>

#include "exchange/undo.hpp"
#include "log/log.hpp"
#include "peering/link/host_port.hpp"
#include "peering/network/peer_network_parts.hpp"

namespace bester::peering {

namespace {

constexpr auto accept_pause = std::chrono::milliseconds{100};
/// A learned server may not exist, so it is dialled less often.
constexpr double patience_with_learned = 20;

/// Doubling, with jitter, so that many servers do not dial one in step.
std::chrono::milliseconds pause_before(const peer_record& peer, const peering_settings& settings) {
    thread_local std::minstd_rand random{std::random_device{}()};
    const unsigned attempts = peer.attempts;
    double longest = static_cast<double>(settings.longest_delay.count());
    if (!peer.is_configured) longest *= patience_with_learned;
    double wanted = static_cast<double>(settings.initial_delay.count());
    for (unsigned i = 1; i < attempts && wanted < longest; ++i) wanted *= 2;
    wanted = std::min(wanted, longest) * std::uniform_real_distribution<double>{0.5, 1.0}(random);
    return std::chrono::milliseconds{static_cast<std::int64_t>(wanted)};
}

asio::ip::tcp::endpoint endpoint_of(const std::string& address) {
    const auto [host, port] = split_host_port(address);
    std::error_code error;
    const auto ip = asio::ip::make_address(host, error);
    if (error) throw std::runtime_error{"peering.listen: not an address: " + address};
    return {ip, static_cast<std::uint16_t>(std::stoul(port))};
}

/// What an exception has left of an attempt to link.
void fail_by_itself(setup_result& result) {
    result = tl::unexpected(setup_failure{{}, {"internal_error", "an unexpected error while the link was made", true}});
}
void fail_by_itself(bool& is_said) { is_said = false; }

}  // namespace

template <class Awaitable, class Done>
void peer_network::parts::run(Awaitable&& work, Done done) {
    coroutines::spawn(
        control_, std::forward<Awaitable>(work),
        [weak = weak_from_this(), done = std::move(done)](std::exception_ptr escaped, auto result) mutable {
            const auto self = weak.lock();
            if (!self) return;
            if (escaped) fail_by_itself(result);
            done(*self, std::move(result));
        });
}

void peer_network::parts::listen(const std::string& address) {
    const auto endpoint = endpoint_of(address);
    asio::ip::tcp::acceptor acceptor{control_};
    std::error_code error;
    acceptor.open(endpoint.protocol(), error);
    if (!error) acceptor.set_option(asio::socket_base::reuse_address{true}, error);
    if (!error && endpoint.address().is_v6()) acceptor.set_option(asio::ip::v6_only{true}, error);
    if (!error) acceptor.bind(endpoint, error);
    if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
    if (!error) acceptor.non_blocking(true, error);
    if (error) throw std::runtime_error{"peering.listen: cannot listen on " + address + ": " + error.message()};
    listening_.push_back({address, std::move(acceptor)});
    log::info("peering: listening on {}", bound_addresses().back());
    accept_on(listening_.size() - 1);
}

std::vector<std::string> peer_network::parts::bound_addresses() const {
    std::vector<std::string> bound;
    for (const listening& each : listening_) {
        std::error_code error;
        const auto endpoint = each.acceptor.local_endpoint(error);
        const std::string host =
            endpoint.address().is_v6() ? '[' + endpoint.address().to_string() + ']' : endpoint.address().to_string();
        bound.push_back(error ? each.address : host + ':' + std::to_string(endpoint.port()));
    }
    return bound;
}

void peer_network::parts::accept_on(std::size_t index) {
    listening_[index].acceptor.async_wait(
        asio::ip::tcp::acceptor::wait_read, [weak = weak_from_this(), index](std::error_code error) {
            const auto self = weak.lock();
            if (!self || self->is_stopping_) return;
            self->listening_[index].is_waiting = false;
            asio::ip::tcp::socket socket{self->control_};
            if (!error) self->listening_[index].acceptor.accept(socket, error);
            if (!error || error == asio::error::would_block) {
                self->accept_on(index);  // first, so that nothing keeps it from going on
                if (!error) self->take_connection(std::move(socket));
                return;
            }
            // For example, there are no descriptors: do not retry at once.
            log::error("peering: cannot accept: {}", error.message());
            const auto pause = std::make_shared<asio::steady_timer>(self->control_, accept_pause);
            pause->async_wait([weak, index, pause](std::error_code) {
                const auto again = weak.lock();
                if (!again || again->is_stopping_) return;
                again->listening_[index].is_waiting = false;
                again->accept_on(index);
            });
            self->listening_[index].is_waiting = true;
        });
    listening_[index].is_waiting = true;
}

/// Closes a connection for a new one: the oldest of the address that has the most, preferably one that has sent
/// nothing. So neither silence nor numbers keep others out.
void peer_network::parts::make_room_for(const link_connection& newcomer) {
    std::erase_if(greeted_, [](const auto& each) { return each.expired(); });
    while (greeted_.size() >= settings_.handshakes) {
        std::map<std::string_view, std::size_t> sizes{{newcomer.neighbourhood(), 1}};
        std::vector<std::shared_ptr<link_connection>> live;
        for (const auto& each : greeted_) {
            if (const auto& kept = live.emplace_back(each.lock())) ++sizes[kept->neighbourhood()];
        }
        const auto gives_way_before = [&](const auto& a, const auto& b) {
            if (!a || !b) return !a && b;
            return std::pair{sizes[a->neighbourhood()], !a->has_begun()} >
                   std::pair{sizes[b->neighbourhood()], !b->has_begun()};
        };
        const auto chosen = std::min_element(live.begin(), live.end(), gives_way_before);
        if (*chosen) (*chosen)->give_way();
        greeted_.erase(greeted_.begin() + (chosen - live.begin()));
    }
}

void peer_network::parts::take_connection(asio::ip::tcp::socket socket) {
    const auto connection = std::make_shared<link_connection>(std::move(socket), settings_.handshake_timeout);
    make_room_for(*connection);
    greeted_.push_back(connection);
    run(greet_link(connection, rules()),
        [weak = std::weak_ptr{connection}, address = connection->remote()](parts& self, setup_result result) {
            std::erase_if(self.greeted_,
                          [&](const auto& each) { return !each.owner_before(weak) && !weak.owner_before(each); });
            self.greeted(std::move(result), address);
        });
}

/// Writes a line that a stranger can cause. It is a call site of its own, so that a flood of these lines hides no line
/// about a server of the config.
void peer_network::parts::tell_of_stranger(const std::string& line, bool is_warning) {
    log::line(is_warning ? log::level::warning : log::level::info, "{}", line);
}

/// Writes a line about a peer, which counts as a stranger if the config does not name it.
void peer_network::parts::tell_of(const peer_record& peer, const std::string& line, bool is_warning) {
    if (!peer.is_configured) return tell_of_stranger(line, is_warning);
    log::line(is_warning ? log::level::warning : log::level::info, "{}", line);
}

/// A server that dialled this one has sent its hello.
void peer_network::parts::greeted(setup_result result, std::string remote) {
    if (is_stopping_) return;
    if (!result) {
        const setup_failure& failed = result.error();
        peer_record* const peer = failed.server.empty() ? nullptr : find(failed.server);
        if (peer && peer->is_configured) return note_failure(*peer, failed.why, remote);
        return tell_of_stranger("peering: a connection from " + remote + " was refused: " + failed.why.code + ": " +
                                failed.why.reason);
    }
    const std::string server = result->hello.server;
    if (auto refused = may_link(*result, false)) {
        if (refused->code != "duplicate")
            tell_of_stranger("peer " + server + ": a link from " + remote + " was refused: " + refused->code + ": " +
                             refused->reason);
        coroutines::spawn(control_, refuse_link(result->connection, *refused), [](std::exception_ptr) {});
    } else {
        auto connection = result->connection;
        auto made = std::make_shared<made_link>(std::move(*result));
        run(welcome_link(*made, rules()), [made, remote](parts& self, bool is_said) {
            if (is_said && !self.is_stopping_) self.stand(std::move(*made), false, remote);
        });
    }
    // The server is up, so a pending dial need not wait.
    if (peer_record* const peer = find(server); peer && peer->is_waiting && wants_link(*peer)) dial_later(*peer);
}

bool peer_network::parts::wants_link(const peer_record& peer) const noexcept {
    return !is_stopping_ && !peer.link && !peer.is_drained && !peer.entry.addresses.empty();
}

void peer_network::parts::dial_later(peer_record& peer) {
    if (!wants_link(peer) || peer.is_dialling) return;
    const auto pause = pause_before(peer, settings_);
    peer.is_waiting = true;
    const std::uint64_t generation = ++peer.generation;
    peer.timer.expires_after(pause);
    peer.timer.async_wait([weak = weak_from_this(), server = peer.entry.name, generation](std::error_code error) {
        const auto self = weak.lock();
        if (error || !self) return;
        peer_record* const waiting = self->find(server);
        if (waiting && waiting->generation == generation && self->wants_link(*waiting)) self->dial_now(*waiting);
    });
}

void peer_network::parts::dial_now(peer_record& peer) {
    peer.timer.cancel();
    peer.is_waiting = false;
    std::shared_ptr<const bool> place;
    if (!peer.is_configured) {
        std::erase_if(dials_, [](const auto& each) { return each.expired(); });
        if (dials_.size() >= settings_.dials) {
            if (!std::exchange(peer.is_queued, true)) dials_waiting_.push_back(peer.entry.name);
            return;
        }
        place = std::make_shared<const bool>(true);
        dials_.push_back(place);
    }
    ++peer.attempts;
    const std::uint64_t generation = ++peer.generation;
    const std::string server = peer.entry.name;
    const std::string address = peer.entry.addresses[peer.next_address++ % peer.entry.addresses.size()];
    peer.is_dialling = true;
    exchange::undo dial_again{[&] { peer.is_dialling = false; }};
    run(dial_link(address, server, peer.entry.transport, rules()),
        [server, generation, address, place = std::move(place)](parts& self, setup_result result) mutable {
            place.reset();
            self.dialled(server, generation, address, std::move(result));
            self.dial_waiting();
        });
    dial_again.done();
}

void peer_network::parts::go_on() {
    for (std::size_t i = 0; i < listening_.size() && !is_stopping_; ++i)
        if (!listening_[i].is_waiting) accept_on(i);
    for (auto& [name, peer] : peers_)
        if (wants_link(*peer) && !peer->is_waiting && !peer->is_queued) dial_later(*peer);
    dial_waiting();
    settle_at_once();
}

/// Dials the servers whose turn it is, as long as there are places.
void peer_network::parts::dial_waiting() {
    while (!dials_waiting_.empty()) {
        std::erase_if(dials_, [](const auto& each) { return each.expired(); });
        if (dials_.size() >= settings_.dials) return;
        peer_record* const peer = find(dials_waiting_.front());
        dials_waiting_.pop_front();
        if (!peer || !std::exchange(peer->is_queued, false)) continue;
        if (wants_link(*peer) && !peer->is_dialling && !peer->is_waiting) dial_now(*peer);
    }
}

void peer_network::parts::dialled(const std::string& server, std::uint64_t generation, const std::string& address,
                                  setup_result result) {
    peer_record* const peer = find(server);
    if (!peer || peer->generation != generation || is_stopping_) return;  // a connection that was made closes by itself
    peer->is_dialling = false;
    if (!result) {
        if (wants_link(*peer)) dial_later(*peer);
        // The other side refused because its own link exists, or soon will.
        if (result.error().why.code != "duplicate" || !peer->link) note_failure(*peer, result.error().why, address);
        if (!wants_link(*peer) && !peer->is_configured) forget_if_idle(server);
        return;
    }
    if (auto refused = may_link(*result, true)) {
        coroutines::spawn(control_, refuse_link(result->connection, *refused), [](std::exception_ptr) {});
        if (wants_link(*peer)) dial_later(*peer);
        return;
    }
    stand(std::move(*result), true, address);
}

void peer_network::parts::note_failure(peer_record& peer, const link_refusal& why, std::string_view address) {
    peer.last_error = peer_error{why.code, why.reason, std::chrono::system_clock::now()};
    const std::string line = why.code + ": " + why.reason;
    // A repeated error is logged only now and then.
    const bool is_news = line != peer.logged_error;
    const bool is_due = peer.attempts != 0 && (peer.attempts & (peer.attempts - 1)) == 0;
    if (!is_news && !is_due) return;
    peer.logged_error = line;
    tell_of(peer, "peer " + peer.entry.name + ": no link by " + std::string{address} + " (attempt " +
                      std::to_string(peer.attempts) + "): " + line);
}

}  // namespace bester::peering
