#pragma once

#include "peering/routing/link_state.hpp"
#include "peering/routing/routes.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <queue>
#include <random>
#include <string>
#include <tuple>
#include <vector>

namespace bester::peering {

/// Servers that run link_state and routes in virtual time, joined by links with delays. A cut link
/// loses what is in flight; its ends notice after two heartbeats. One thread; throws nothing.
class simulated_network {
public:
    using time_point = link_state::time_point;
    using microseconds = std::chrono::microseconds;
    static constexpr auto heartbeat = std::chrono::milliseconds(100);
    static constexpr unsigned hop_limit = 8;

    struct totals {
        std::uint64_t adverts = 0;  ///< messages that carry one
        std::uint64_t summaries = 0;
        std::uint64_t frames_sent = 0;
        std::uint64_t frames_arrived = 0;
        std::uint64_t most_hops = 0;  ///< that any frame crossed
    };

    simulated_network(std::size_t servers, route_settings routes, unsigned seed);

    /// A link that is down; of those that do not forward, make_dead_end is called first.
    std::size_t add_link(std::size_t a, std::size_t b, microseconds delay);
    void make_dead_end(std::size_t server);
    void raise_link(std::size_t link);
    void cut_link(std::size_t link);
    void stop_server(std::size_t server);
    /// As a new process, with all of its links; `clock_error` is added to its wall clock.
    void start_server(std::size_t server, std::chrono::milliseconds clock_error);
    void send_frame(std::size_t from, std::size_t to);
    void measure_round_trips(double jitter);

    void run_for(time_point::duration time);
    /// Until nothing moves any more, the hold times of all routes included.
    void settle();

    std::size_t size() const { return servers_.size(); }
    std::size_t link_count() const { return links_.size(); }
    bool is_up(std::size_t link) const { return links_[link].is_up; }
    bool is_running(std::size_t server) const { return servers_[server].state != nullptr; }
    std::pair<std::size_t, std::size_t> ends(std::size_t link) const { return links_[link].ends; }
    const route_table& table(std::size_t server) const { return *servers_[server].ways->table(); }
    link_state& state(std::size_t server) { return *servers_[server].state; }
    const totals& count() const { return totals_; }
    std::uint64_t adverts_made() const;
    const std::string& name(std::size_t server) const { return servers_[server].name; }
    static std::size_t number(std::string_view name);
    std::mt19937& random() { return random_; }

    /// What the routes should cost, computed another way: costs[h][from][to] in µs of the cheapest
    /// path of at most h links; `unreachable` without one.
    using cost_table = std::vector<std::vector<std::uint64_t>>;
    std::array<cost_table, hop_limit + 1> true_costs() const;

private:
    struct simulated_link {
        std::pair<std::size_t, std::size_t> ends;
        microseconds delay;
        bool is_up = false;
        unsigned generation = 0;  // of the stream: what belongs to an older one is lost
    };
    struct simulated_server {
        std::string name;
        std::unique_ptr<link_state> state;
        std::unique_ptr<routes> ways;
        std::vector<std::size_t> links;
        std::vector<std::size_t> peers;
        bool is_transit = true;
        unsigned starts = 0;
        std::optional<time_point> timer;
    };
    enum class kind { timer, link_up, link_down, message, frame };
    struct event {
        kind what = kind::timer;
        std::size_t server = 0;
        std::size_t link = 0;
        unsigned generation = 0;
        std::optional<link_state_message> message{};
        std::size_t destination = 0;
        unsigned hops_left = 0;
    };
    /// When, which of two at the same time, and where in pending_.
    using turn = std::tuple<time_point, std::uint64_t, std::size_t>;

    void push(time_point at, event what);
    void handle(time_point at, const event& what);
    void forward(const event& frame);
    void send_messages(std::size_t server);
    std::size_t link_between(std::size_t from, std::size_t to) const;
    std::size_t other_end(std::size_t link, std::size_t server) const;

    route_settings route_settings_;
    std::mt19937 random_;
    time_point now_{std::chrono::hours(1)};
    std::vector<simulated_server> servers_;
    std::vector<simulated_link> links_;
    std::priority_queue<turn, std::vector<turn>, std::greater<>> turns_;
    std::vector<event> pending_;
    std::vector<std::size_t> free_;  // places in pending_
    std::uint64_t order_ = 0;
    totals totals_;
    std::uint64_t made_before_ = 0;  // by servers that were stopped
};

}  // namespace bester::peering
