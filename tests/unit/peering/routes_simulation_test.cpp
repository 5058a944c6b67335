#include "simulated_network.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <numeric>

using namespace bester::peering;
using namespace std::chrono_literals;

namespace {

constexpr auto unreachable = shortest_paths::unreachable;
constexpr route_settings exact{.margin = 0, .least_gain = 0us, .hold = 0ms};

struct terrain {
    simulated_network net;
    std::vector<double> x;
};

/// Servers on a plane, each linked to its nearest ones, some to far ones; a few do not forward.
terrain random_terrain(std::size_t servers, std::size_t far_links, route_settings settings, unsigned seed) {
    terrain made{simulated_network(servers, settings, seed), {}};
    auto& random = made.net.random();
    const auto part = [&] { return static_cast<double>(random() % 100'000) / 100'000; };
    std::vector<double> y;
    for (std::size_t i = 0; i < servers; ++i) {
        made.x.push_back(part());
        y.push_back(part());
        if (i % 20 == 7) {
            made.net.make_dead_end(i);
        }
    }
    std::set<std::pair<std::size_t, std::size_t>> linked;
    const auto connect = [&](std::size_t a, std::size_t b) {
        if (a != b && linked.insert(std::minmax(a, b)).second) {
            const double distance = std::hypot(made.x[a] - made.x[b], y[a] - y[b]);
            made.net.add_link(
                a, b, std::chrono::microseconds(100 + static_cast<int>(distance * (10'000 + random() % 10'000))));
        }
    };
    for (std::size_t a = 0; a < servers; ++a) {
        std::vector<std::size_t> near(servers);
        std::iota(near.begin(), near.end(), 0);
        std::partial_sort(near.begin(), near.begin() + 3, near.end(), [&](std::size_t p, std::size_t q) {
            return std::hypot(made.x[a] - made.x[p], y[a] - y[p]) < std::hypot(made.x[a] - made.x[q], y[a] - y[q]);
        });
        std::for_each(near.begin() + 1, near.begin() + 3, [&](std::size_t b) { connect(a, b); });
    }
    for (std::size_t i = 0; i < far_links; ++i) {
        const std::size_t a = random() % servers;
        connect(a, random() % servers);
    }
    return made;
}

void raise_all(simulated_network& net) {
    for (std::size_t link = 0; link < net.link_count(); ++link) {
        net.raise_link(link);
    }
}

/// Walks from server to server by their tables. Empty: it arrived as it should.
std::string walk(simulated_network& net, std::size_t from, std::size_t to) {
    std::set<std::size_t> visited{from};
    std::size_t at = from;
    std::string came_from;
    for (unsigned left = simulated_network::hop_limit; at != to; --left) {
        const auto next = net.table(at).next_hop(net.name(to), left, came_from);
        if (next.empty()) {
            return "no way on at " + net.name(at);
        }
        came_from = net.name(at);
        at = simulated_network::number(next);
        if (!visited.insert(at).second) {
            return "a circle at " + came_from;
        }
    }
    return {};
}

/// Compares each table with what is true; walks from each `stride`th server to all others.
std::vector<std::string> wrongs(simulated_network& net, const route_settings& settings, std::size_t stride) {
    std::vector<std::string> found;
    const auto costs = net.true_costs();
    for (std::size_t from = 0; from < net.size(); ++from) {
        if (!net.is_running(from)) {
            continue;
        }
        const auto& least = costs[settings.hop_limit][from];
        std::size_t reachable = 0;
        for (const route& way : net.table(from).all()) {
            const std::uint64_t best = least[simulated_network::number(way.destination)];
            const auto cost = static_cast<std::uint64_t>(way.cost().count());
            const auto most = std::max(static_cast<double>(best) / (1 - settings.margin),
                                       static_cast<double>(best) + static_cast<double>(settings.least_gain.count()));
            if (best == unreachable || cost < best || static_cast<double>(cost) > most) {
                found.push_back(net.name(from) + " to " + way.destination + " for " + std::to_string(cost) +
                                " instead of " + std::to_string(best));
            }
            ++reachable;
        }
        for (std::size_t to = 0; to < net.size(); ++to) {
            if (to == from || least[to] == unreachable) {
                continue;
            }
            --reachable;
            const std::string problem = from % stride == 0 ? walk(net, from, to) : "";
            if (!problem.empty()) {
                found.push_back(net.name(from) + " to " + net.name(to) + ": " + problem);
            }
        }
        if (reachable != 0) {
            found.push_back(net.name(from) + " does not know all it can reach");
        }
    }
    return found;
}

/// Who sends to whom: some servers to the one that is the most links away from each.
std::vector<std::pair<std::size_t, std::size_t>> far_pairs(simulated_network& net) {
    std::vector<std::pair<std::size_t, std::size_t>> pairs;
    for (const std::size_t from : {0, 17, 34}) {
        const auto ways = net.table(from).all();
        const auto farthest =
            std::max_element(ways.begin(), ways.end(), [](auto& a, auto& b) { return a.hops < b.hops; });
        pairs.emplace_back(from, net.number(farthest->destination));
    }
    return pairs;
}

void run_with_traffic(simulated_network& net, const std::vector<std::pair<std::size_t, std::size_t>>& pairs) {
    for (int i = 0; i < 10; ++i) {
        for (const auto& [from, to] : pairs) {
            net.send_frame(from, to);
        }
        net.run_for(100ms);
    }
}

using strings = std::vector<std::string>;

}  // namespace

TEST_CASE("routes simulation: all tables agree with the truth whatever fails", "[peering]") {
    // Without hysteresis the costs are the same to the microsecond.
    const bool is_exact = GENERATE(true, false);
    CAPTURE(is_exact);
    const route_settings settings = is_exact ? exact : route_settings{};
    const std::size_t servers = is_exact ? 60 : 200;
    auto [net, x] = random_terrain(servers, servers / 4, settings, is_exact ? 1 : 2);
    auto& random = net.random();
    raise_all(net);
    net.settle();
    CHECK(wrongs(net, settings, 20) == strings{});
    const auto pairs = far_pairs(net);
    std::size_t ways = 0;
    for (std::size_t from = 0; from < net.size(); ++from) {
        ways += net.table(from).all().size();
    }
    CHECK(ways > net.size() * net.size() / 2);  // though eight links do not lead everywhere

    // Links fail and are mended, servers crash and come back, one of them with its clock set back.
    const std::vector<std::size_t> crashed = {10, 33, 50};
    for (const std::size_t server : crashed) {
        net.cut_link(random() % net.link_count());
        net.cut_link(random() % net.link_count());
        net.stop_server(server);
        net.run_for(std::chrono::milliseconds(random() % 400));
        net.raise_link(random() % net.link_count());
    }
    run_with_traffic(net, pairs);
    net.settle();
    CHECK(wrongs(net, settings, 20) == strings{});
    for (const std::size_t server : crashed) {
        net.start_server(server, server == 33 ? -1h : 0ms);
    }
    raise_all(net);

    // The network falls apart in two, and is joined again.
    std::size_t cut = 0;
    for (std::size_t link = 0; link < net.link_count(); ++link) {
        const auto [a, b] = net.ends(link);
        if ((x[a] < 0.1) != (x[b] < 0.1)) {
            net.cut_link(link);
            ++cut;
        }
    }
    CHECK(cut > 5);
    run_with_traffic(net, pairs);
    raise_all(net);
    run_with_traffic(net, pairs);
    net.settle();
    CHECK(wrongs(net, settings, 20) == strings{});
    CHECK(net.state(33).count().conflicts > 0);
    CHECK(net.count().most_hops <= simulated_network::hop_limit);
    CHECK(net.count().frames_arrived > 0);
    CHECK(net.count().frames_arrived < net.count().frames_sent);
}

TEST_CASE("routes simulation: an advert crosses each link at most once in each direction", "[peering]") {
    auto [net, x] = random_terrain(60, 20, {}, 3);
    raise_all(net);
    net.settle();
    for (int i = 0; i < 5; ++i) {
        const std::size_t link = net.random()() % net.link_count();
        const auto made = net.adverts_made();
        const auto sent = net.count().adverts;
        net.cut_link(link);
        net.run_for(10s);
        CHECK(net.adverts_made() - made == 2);
        CHECK(net.count().adverts - sent <= 2 * 2 * net.link_count());
        net.raise_link(link);
        net.run_for(20s);
        // Each end tells of the loss, of the return, and of the end of the trial.
        CHECK(net.adverts_made() - made == 6);
        CHECK(net.count().adverts - sent <= 6 * 2 * net.link_count() + 2 * net.size());
    }
}

TEST_CASE("routes simulation: in a full mesh a change costs each server two messages", "[peering]") {
    simulated_network net(40, {}, 4);
    for (std::size_t a = 0; a < net.size(); ++a) {
        for (std::size_t b = 0; b < a; ++b) {
            net.add_link(a, b, std::chrono::microseconds(200 + net.random()() % 800));
        }
    }
    raise_all(net);
    net.run_for(10s);
    const auto made = net.adverts_made();
    const auto sent = net.count().adverts;
    net.cut_link(7);
    net.run_for(10s);
    CHECK(net.adverts_made() - made == 2);
    CHECK(net.count().adverts - sent <= 2 * 2 * net.size());
}

TEST_CASE("routes simulation: measurements that jitter move nothing", "[peering]") {
    auto [net, x] = random_terrain(60, 20, {}, 5);
    raise_all(net);
    net.settle();
    const auto sent = net.count().adverts;
    for (int i = 0; i < 20; ++i) {
        net.measure_round_trips(0.3);
        net.run_for(15s);
    }
    CHECK(net.count().adverts == sent);
}

TEST_CASE("routes simulation: after a link's death frames take another way within moments", "[peering]") {
    auto [net, x] = random_terrain(50, 30, {}, 6);
    raise_all(net);
    net.settle();
    const auto longest = 12 * 29ms;  // a few links of the longest delay
    for (int i = 0; i < 8; ++i) {
        const std::size_t from = net.random()() % net.size();
        const std::size_t to = (from + 1 + net.random()() % (net.size() - 1)) % net.size();
        const route* way = net.table(from).find(net.name(to));
        if (!way || way->via.empty()) {
            continue;
        }
        const std::size_t last = simulated_network::number(way->via.back());
        std::size_t link = 0;
        while (net.ends(link) != std::pair(last, to) && net.ends(link) != std::pair(to, last)) {
            ++link;
        }
        net.cut_link(link);
        const bool has_another = net.true_costs()[simulated_network::hop_limit][from][to] != unreachable;
        net.run_for(2 * simulated_network::heartbeat + longest);
        const auto arrived = net.count().frames_arrived;
        net.send_frame(from, to);
        net.run_for(1s);
        CHECK((net.count().frames_arrived == arrived + 1) == has_another);
        net.raise_link(link);
        net.settle();
    }
}
