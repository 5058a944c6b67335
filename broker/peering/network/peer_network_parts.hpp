#pragma once

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/steady_timer.hpp>

#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "coroutines/spawn.hpp"
#include "exchange/shard.hpp"
#include "peering/link/legacy_sender.hpp"
#include "peering/link/link_setup.hpp"
#include "peering/network/peer_network.hpp"
#include "peering/network/peer_record.hpp"
#include "peering/routing/link_state.hpp"
#include "peering/routing/routes.hpp"
#include "peering/shard/peer_view.hpp"
#include "peering/shard/shard_peers.hpp"

namespace bester::peering {

/// The inside of peer_network: dialling (peer_network_dialling.cpp), links (peer_network_links.cpp), knowledge of other
/// servers (peer_network_topology.cpp), status (peer_network_status.cpp). All on the control thread, apart from
/// link_listener's functions.
class peer_network::parts final : public link_listener, public std::enable_shared_from_this<parts> {
public:
    using clock = std::chrono::steady_clock;

    parts(asio::io_context& control, std::vector<exchange::shard*> shards, network_surroundings around,
          const peering_settings& settings, const std::vector<peer_settings>& peers);

    void start();
    tl::expected<void, std::string> check(const peering_settings& settings) const;
    void apply(const peering_settings& settings, const std::vector<peer_settings>& peers);
    void stop(clock::time_point deadline, std::function<void()> done);
    void go_on();
    void end_all();
    tl::expected<void, std::string> retry(std::string_view server);
    tl::expected<void, std::string> drain(std::string_view server);
    /// Settles all changes now.
    void settle_at_once();
    json::json_value status() const;
    std::vector<std::string> bound_addresses() const;

    // Called by the shards.
    void link_closed(std::string server, std::uint64_t id, std::string code, std::string reason) override;
    void round_trip(std::string server, std::chrono::microseconds took) override;
    void advert(std::string server, std::string json, std::shared_ptr<link_gauge> gauge) override;
    void send_legacy(std::string address, std::string frame,
                     std::function<void(wire::error_code, std::string)> done) override;

private:
    struct waiting_advert {
        std::string server;
        std::string json;
        std::shared_ptr<link_gauge> gauge;
    };
    using loaded_context = tl::expected<std::shared_ptr<const tls::context>, std::string>;

    struct listening {
        std::string address;
        asio::ip::tcp::acceptor acceptor;
        bool is_waiting = false;  ///< for a connection, or until it is to wait for one again
    };

    // Settings.
    loaded_context load_context(const peering_settings& settings) const;
    void take_peers(const std::vector<peer_settings>& peers);
    const peer_settings* entry_for(std::string_view server) const;
    peer_record* find(std::string_view server) const;
    peer_record& record_of(std::string_view server);
    void forget_if_idle(const std::string& server);
    bool has_adverts() const noexcept { return settings_.discovery || settings_.routing; }
    setup_rules rules() const;
    void watch_certificate();
    void turn_inwards();
    void when_all_is_sent(clock::time_point deadline, std::function<void()> done);

    // Listening and dialling.
    void listen(const std::string& address);
    void accept_on(std::size_t index);
    void make_room_for(const link_connection& newcomer);
    void take_connection(asio::ip::tcp::socket socket);
    void greeted(setup_result result, std::string remote);
    bool wants_link(const peer_record& peer) const noexcept;
    void dial_later(peer_record& peer);
    void dial_now(peer_record& peer);
    void dial_waiting();
    void dialled(const std::string& server, std::uint64_t generation, const std::string& address, setup_result result);
    void tell_of_stranger(const std::string& line, bool is_warning = true);
    void tell_of(const peer_record& peer, const std::string& line, bool is_warning = true);
    void note_failure(peer_record& peer, const link_refusal& why, std::string_view address);

    // Links.
    void change();
    void settle_changes();
    void adopt_offers() noexcept;
    std::optional<link_refusal> may_link(const made_link& made, bool is_dialled_by_us) const;
    void stand(made_link made, bool is_dialled_by_us, const std::string& address);
    void end_link(peer_record& peer, const link_refusal& why);
    void link_ended(const std::string& server, std::uint64_t id, const std::string& code, const std::string& reason);

    // Knowledge of other servers, and the shards' view of it.
    void publish();
    void tell_reached();
    void settle();
    void send_adverts();
    void read_adverts_later();
    void read_advert(const waiting_advert& what);
    void settle_adverts();
    void forget_learned();
    void discover();
    void arm_topology_timer();

    template <class Work>
    void on_home(std::string_view server, Work work) {
        const unsigned home = home_shard(server, static_cast<unsigned>(shards_.size()));
        shards_[home]->post(
            [there = shard_peers_[home].get(), work = std::move(work)](exchange::shard&) mutable { work(*there); });
    }
    /// The same for what must not be lost: where there is no memory for it, waits for some.
    template <class Work>
    void on_home_surely(std::string_view server, Work work) noexcept {
        const unsigned home = home_shard(server, static_cast<unsigned>(shards_.size()));
        shards_[home]->post_surely(
            [there = shard_peers_[home].get(), work = std::move(work)](exchange::shard&) mutable { work(*there); });
    }
    template <class Work>
    void on_all(Work work) {
        for (std::size_t i = 0; i < shards_.size(); ++i)
            shards_[i]->post([there = shard_peers_[i].get(), work](exchange::shard&) { work(*there); });
    }
    /// Runs a coroutine; an exception that leaves it is logged.
    template <class Awaitable, class Done>
    void run(Awaitable&& work, Done done);

    asio::io_context& control_;
    std::vector<exchange::shard*> shards_;
    network_surroundings around_;
    peering_settings settings_;
    std::optional<peer_settings> any_peer_;
    std::uint64_t incarnation_;
    std::shared_ptr<const tls::context> context_;
    std::vector<listening> listening_;
    std::deque<std::weak_ptr<link_connection>> greeted_;  ///< connections without a hello, the oldest first
    std::shared_ptr<handshake_pace> pace_ = std::make_shared<handshake_pace>();
    std::map<std::string, std::unique_ptr<peer_record>, std::less<>> peers_;
    std::vector<std::weak_ptr<const bool>> dials_;  ///< one for each connection to a learned server
    std::deque<std::string> dials_waiting_;         ///< learned servers that wait for a place in dials_
    std::uint64_t last_link_ = 0;
    std::vector<std::unique_ptr<link_offer>> offers_;  ///< links that were made, for their shards
    bool has_changes_ = false;                         ///< changes are to be settled
    bool have_links_changed_ = false;                  ///< changed links are to be told to the shards
    clock::time_point changes_due_{};
    asio::steady_timer changes_timer_;
    std::shared_ptr<legacy_sender> legacy_;
    std::deque<waiting_advert> adverts_;  ///< not read yet
    clock::time_point adverts_settled_{};
    bool has_new_servers_ = false;  ///< new servers are to be told to the shards
    link_state known_;
    routes routes_;
    asio::steady_timer topology_timer_;
    asio::steady_timer certificate_timer_;
    std::set<std::string, std::less<>> reached_;  ///< servers that handlers know as reached
    bool is_stopping_ = false;
    bool has_ended_ = false;  ///< all links have been told of the end
    asio::steady_timer stop_timer_;
    std::vector<shard_peers*> all_shard_peers_;
    std::vector<std::unique_ptr<shard_peers>> shard_peers_;
};

}  // namespace bester::peering
