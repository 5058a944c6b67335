#include "simulated_network.hpp"

#include <algorithm>

namespace bester::peering {

using namespace std::chrono_literals;

simulated_network::simulated_network(std::size_t servers, route_settings routes, unsigned seed)
    : route_settings_(routes), random_(seed), servers_(servers) {
    for (std::size_t number = 0; number < servers; ++number) {
        const std::string digits = std::to_string(number);
        servers_[number].name = "s" + std::string(4 - digits.size(), '0') + digits;
        start_server(number, 0ms);
    }
}

std::size_t simulated_network::number(std::string_view name) {
    std::size_t number = 0;
    for (const char c : name.substr(1)) {
        number = number * 10 + static_cast<std::size_t>(c - '0');
    }
    return number;
}

std::size_t simulated_network::add_link(std::size_t a, std::size_t b, microseconds delay) {
    for (const auto& [from, to] : {std::pair(a, b), std::pair(b, a)}) {
        servers_[from].links.push_back(links_.size());
        servers_[from].peers.push_back(to);
    }
    links_.push_back({{a, b}, delay});
    return links_.size() - 1;
}

void simulated_network::make_dead_end(std::size_t server) {
    servers_[server].is_transit = false;
    servers_[server].state->advertise({}, false, now_);
}

void simulated_network::raise_link(std::size_t number) {
    simulated_link& raised = links_[number];
    if (raised.is_up || !is_running(raised.ends.first) || !is_running(raised.ends.second)) {
        return;
    }
    raised.is_up = true;
    ++raised.generation;
    // Two round trips of handshakes; the one that dialled is ready half a round trip earlier.
    push(now_ + raised.delay * 4, {kind::link_up, raised.ends.first, number, raised.generation});
    push(now_ + raised.delay * 5, {kind::link_up, raised.ends.second, number, raised.generation});
}

void simulated_network::cut_link(std::size_t number) {
    simulated_link& cut = links_[number];
    if (!cut.is_up) {
        return;
    }
    cut.is_up = false;
    ++cut.generation;
    for (const std::size_t end : {cut.ends.first, cut.ends.second}) {
        const auto noticed = heartbeat + heartbeat * (random_() % 1000) / 1000;
        push(now_ + noticed, {kind::link_down, end, number, cut.generation});
    }
}

void simulated_network::stop_server(std::size_t number) {
    simulated_server& stopped = servers_[number];
    for (const std::size_t link : stopped.links) {
        cut_link(link);
    }
    made_before_ += stopped.state->count().made;
    stopped.state.reset();
    stopped.ways.reset();
    stopped.timer.reset();
}

void simulated_network::start_server(std::size_t number, std::chrono::milliseconds clock_error) {
    simulated_server& started = servers_[number];
    std::string incarnation(16, '0');
    for (char& digit : incarnation) {
        digit = "0123456789abcdef"[random_() % 16];
    }
    const auto wall =
        std::chrono::duration_cast<std::chrono::milliseconds>(now_.time_since_epoch()) + 1'700'000'000'000ms;
    started.state = std::make_unique<link_state>(
        link_state_settings{.server = name(number), .incarnation = incarnation, .is_transit = started.is_transit},
        wall + clock_error, now_);
    started.ways = std::make_unique<routes>(route_settings_);
    for (const std::size_t link : started.links) {
        raise_link(link);
    }
}

void simulated_network::send_frame(std::size_t from, std::size_t to) {
    if (is_running(from)) {
        ++totals_.frames_sent;
        event frame{kind::frame, from};
        frame.link = links_.size();  // it came over none
        frame.destination = to;
        frame.hops_left = hop_limit;
        push(now_, std::move(frame));
    }
}

void simulated_network::measure_round_trips(double jitter) {
    for (const simulated_link& measured : links_) {
        for (const auto& [from, to] : {measured.ends, std::pair(measured.ends.second, measured.ends.first)}) {
            if (measured.is_up) {
                const double factor = 1 + jitter * (static_cast<double>(random_() % 2001) / 1000 - 1);
                const auto sample = std::chrono::duration_cast<microseconds>(measured.delay * 2 * factor);
                servers_[from].state->on_round_trip(name(to), sample, now_);
                send_messages(from);
            }
        }
    }
}

void simulated_network::run_for(time_point::duration time) {
    const time_point end = now_ + time;
    while (!turns_.empty() && std::get<time_point>(turns_.top()) <= end) {
        const auto [at, order, place] = turns_.top();
        turns_.pop();
        const event next = std::move(pending_[place]);
        free_.push_back(place);
        now_ = at;
        handle(at, next);
    }
    now_ = end;
}

void simulated_network::settle() {
    run_for(15s);
    for (int round = 0; round < 2; ++round) {
        for (simulated_server& each : servers_) {
            if (each.ways) {
                each.ways->update(*each.state, now_);
            }
        }
        run_for(route_settings_.hold + 1s);
    }
    for (simulated_server& each : servers_) {
        if (each.ways) {
            each.ways->update(*each.state, now_);
        }
    }
}

std::uint64_t simulated_network::adverts_made() const {
    std::uint64_t made = made_before_;
    for (const simulated_server& each : servers_) {
        made += each.state ? each.state->count().made : 0;
    }
    return made;
}

void simulated_network::push(time_point at, event what) {
    if (free_.empty()) {
        free_.push_back(pending_.size());
        pending_.emplace_back();
    }
    turns_.emplace(at, ++order_, free_.back());
    pending_[free_.back()] = std::move(what);
    free_.pop_back();
}

void simulated_network::handle(time_point at, const event& what) {
    simulated_server& here = servers_[what.server];
    if (!here.state) {
        return;
    }
    if (what.what == kind::frame) {
        forward(what);
        return;
    }
    if (what.what == kind::timer) {
        if (here.timer != at) {
            return;
        }
        here.timer.reset();
        here.state->on_timer(now_);
    } else if (links_[what.link].generation != what.generation) {
        return;
    } else {
        const std::string& peer = name(other_end(what.link, what.server));
        switch (what.what) {
            case kind::link_up: here.state->on_link_up(peer, links_[what.link].delay * 2, now_); break;
            case kind::link_down: here.state->on_link_down(peer, now_); break;
            default: here.state->on_message(*what.message, peer, now_); break;
        }
    }
    send_messages(what.server);
}

void simulated_network::send_messages(std::size_t number) {
    simulated_server& here = servers_[number];
    for (const auto& [peer, link] : here.state->links()) {
        if (!link.is_summary_due && link.waiting.empty()) {
            continue;
        }
        const std::size_t to = simulated_network::number(peer);
        const std::size_t way = link_between(number, to);
        while (links_[way].is_up) {
            auto message = here.state->next_message(peer, now_);
            if (!message) {
                break;
            }
            ++(std::holds_alternative<advert>(*message) ? totals_.adverts : totals_.summaries);
            push(now_ + links_[way].delay, {kind::message, to, way, links_[way].generation, std::move(message)});
        }
    }
    const auto deadline = std::max(here.state->next_deadline(), now_);
    if (!here.timer || deadline < *here.timer) {
        here.timer = deadline;
        push(deadline, {kind::timer, number});
    }
}

void simulated_network::forward(const event& frame) {
    totals_.most_hops = std::max<std::uint64_t>(totals_.most_hops, hop_limit - frame.hops_left);
    if (frame.server == frame.destination) {
        ++totals_.frames_arrived;
        return;
    }
    const bool is_own = frame.link == links_.size();
    if (!is_own && links_[frame.link].generation != frame.generation) {
        return;
    }
    simulated_server& here = servers_[frame.server];
    here.ways->update(*here.state, now_);
    const std::string came_from = is_own ? std::string{} : name(other_end(frame.link, frame.server));
    const auto next = here.ways->table()->next_hop(name(frame.destination), frame.hops_left, came_from);
    if (next.empty()) {
        return;
    }
    const std::size_t way = link_between(frame.server, number(next));
    if (!links_[way].is_up) {
        return;
    }
    event onward = frame;
    onward.server = number(next);
    onward.link = way;
    onward.generation = links_[way].generation;
    --onward.hops_left;
    push(now_ + links_[way].delay, std::move(onward));
}

std::size_t simulated_network::link_between(std::size_t from, std::size_t to) const {
    const auto& peers = servers_[from].peers;
    return servers_[from].links[static_cast<std::size_t>(std::find(peers.begin(), peers.end(), to) - peers.begin())];
}

std::size_t simulated_network::other_end(std::size_t link, std::size_t server) const {
    const auto& ends = links_[link].ends;
    return ends.first == server ? ends.second : ends.first;
}

// From the destination backwards, over the links as they are and not as they are told.
std::array<simulated_network::cost_table, simulated_network::hop_limit + 1> simulated_network::true_costs() const {
    std::array<cost_table, hop_limit + 1> costs;
    costs.fill(cost_table(size(), std::vector<std::uint64_t>(size(), shortest_paths::unreachable)));
    for (unsigned hops = 1; hops <= hop_limit; ++hops) {
        costs[hops] = costs[hops - 1];
        for (const simulated_link& way : links_) {
            if (!way.is_up) {
                continue;
            }
            const auto cost = static_cast<std::uint64_t>((way.delay * 2).count());
            for (const auto& [from, next] : {way.ends, std::pair(way.ends.second, way.ends.first)}) {
                auto& here = costs[hops][from];
                const auto& rest = costs[hops - 1][next];
                here[next] = std::min(here[next], cost);
                for (std::size_t to = 0; servers_[next].is_transit && to < size(); ++to) {
                    if (rest[to] != shortest_paths::unreachable && to != from && rest[to] + cost < here[to]) {
                        here[to] = rest[to] + cost;
                    }
                }
            }
        }
    }
    return costs;
}

}  // namespace bester::peering
