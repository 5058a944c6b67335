#include "peering/routing/routes.hpp"
#include "peering/routing/link_state.hpp"

#include <catch2/catch.hpp>
#include <map>

using namespace bester::peering;
using namespace std::chrono_literals;

namespace {

using time_point = routes::time_point;
using names = std::vector<std::string>;

constexpr time_point start{1000s};

struct edge {
    const char* a;
    const char* b;
    std::chrono::microseconds cost;
};

/// Server "a" amid a network that is given as edges; the adverts of all others come by magic.
class network {
public:
    explicit network(std::vector<edge> edges, route_settings settings = {})
        : state({.server = "a", .incarnation = "0000000000000001", .gather = 0ms}, 1s, start), ways(settings) {
        set(std::move(edges), start);
    }

    /// Makes the network these edges. Own links that are new go up, the missing go down.
    route_changes set(std::vector<edge> edges, time_point now) {
        std::map<std::string, std::vector<advert_link>> links;
        for (const edge& e : edges) {
            links[e.a].push_back({e.b, e.cost});
            links[e.b].push_back({e.a, e.cost});
        }
        const auto own = links["a"];
        links.erase("a");
        const auto has_own = [&](const std::string& peer) {
            return std::any_of(own.begin(), own.end(), [&](const auto& link) { return link.peer == peer; });
        };
        for (const auto& [peer, link] : link_state::by_name<own_link>(state.links())) {
            if (!has_own(peer)) {
                state.on_link_down(peer, now);
            }
        }
        for (const auto& link : own) {
            if (!state.links().contains(link.peer) || state.links().find(link.peer)->second.cost() != link.cost) {
                state.on_link_up(link.peer, link.cost, now);
            }
        }
        for (auto& [name, list] : links) {
            std::sort(list.begin(), list.end(), [](const auto& x, const auto& y) { return x.peer < y.peer; });
            if (!own.empty()) {
                // A neighbour speaks for itself.
                const std::string& from = state.links().contains(name) ? name : own[0].peer;
                say({.server = name, .links = list, .is_transit = !dead_ends.contains(name)}, from, now);
            }
        }
        state.on_timer(now + 1s);
        return ways.update(state, now + 1s);
    }

    void say(advert said, const std::string& from, time_point now) {
        said.mark = {++version, "0000000000000001"};
        REQUIRE(state.on_message(said, from, now).verdict == advert_verdict::news);
    }

    std::string next(const char* destination, unsigned hops = 8, const char* came_from = "") const {
        return std::string(ways.table()->next_hop(destination, hops, came_from));
    }

    std::set<std::string> dead_ends;
    std::uint64_t version = 1;
    link_state state;
    routes ways;
};

}  // namespace

TEST_CASE("routes: the cheapest path wins, with its servers between", "[peering]") {
    network net({{"a", "b", 1ms}, {"b", "c", 1ms}, {"c", "d", 1ms}, {"a", "d", 9ms}});
    CHECK(net.next("b") == "b");
    CHECK(net.next("c") == "b");
    CHECK(net.next("d") == "b");
    const route* way = net.ways.table()->find("d");
    REQUIRE(way);
    CHECK(way->via == names{"b", "c"});
    CHECK(way->hops == 3);
    CHECK(way->cost() == 3ms);
    CHECK(net.ways.table()->find("b")->via.empty());
    CHECK(net.next("a").empty());
    CHECK(net.next("nobody").empty());
    CHECK(net.ways.table()->all().size() == 3);
}

TEST_CASE("routes: a frame with fewer hops left takes a shorter path or none", "[peering]") {
    network net({{"a", "b", 1ms}, {"b", "c", 1ms}, {"c", "d", 1ms}, {"a", "e", 5ms}, {"e", "d", 5ms}});
    CHECK(net.next("d", 8) == "b");
    CHECK(net.next("d", 3) == "b");
    CHECK(net.next("d", 2) == "e");
    CHECK(net.next("d", 1).empty());
    CHECK(net.next("d", 0).empty());
    CHECK(net.next("b", 1) == "b");
}

TEST_CASE("routes: nothing goes back to where it came from", "[peering]") {
    network net({{"a", "b", 1ms}, {"b", "c", 1ms}});
    CHECK(net.next("c", 8, "b").empty());
    CHECK(net.next("c", 8, "x") == "b");
}

TEST_CASE("routes: paths have at most hop_limit links", "[peering]") {
    const std::vector<edge> chain = {{"a", "b", 1ms}, {"b", "c", 1ms}, {"c", "d", 1ms},
                                     {"d", "e", 1ms}, {"e", "f", 1ms}, {"f", "g", 1ms},
                                     {"g", "h", 1ms}, {"h", "i", 1ms}, {"i", "j", 1ms}};
    network net(chain);
    CHECK(net.next("i") == "b");
    CHECK(net.ways.table()->find("i")->hops == 8);
    CHECK(net.next("j").empty());
    network shorter(chain, {.hop_limit = 1});
    CHECK(shorter.next("b") == "b");
    CHECK(shorter.next("c").empty());
}

TEST_CASE("routes: only links that both ends advertise, at the larger cost", "[peering]") {
    network net({{"a", "b", 1ms}, {"a", "c", 3ms}});
    net.say({.server = "b", .links = {{"a", 1ms}, {"d", 1ms}}, .is_transit = true}, "b", start);
    net.say({.server = "d", .links = {}, .is_transit = true}, "b", start);
    net.ways.update(net.state, start + 10s);
    CHECK(net.next("d").empty());
    net.say({.server = "d", .links = {{"b", 4ms}}, .is_transit = true}, "b", start);
    net.ways.update(net.state, start + 20s);
    CHECK(net.next("d") == "b");
    CHECK(net.ways.table()->find("d")->cost() == 5ms);
}

TEST_CASE("routes: only servers that forward are passed through; a destination needs not", "[peering]") {
    network net({});
    net.dead_ends = {"b", "d"};
    net.set({{"a", "b", 1ms}, {"b", "d", 1ms}, {"a", "c", 9ms}, {"c", "d", 9ms}}, start + 10s);
    CHECK(net.next("b") == "b");
    CHECK(net.next("d") == "c");
}

TEST_CASE("routes: a direct link is usable before any advert, but leads no further", "[peering]") {
    link_state state({.server = "a", .incarnation = "0000000000000001"}, 1s, start);
    routes ways({});
    state.on_link_up("b", 5ms, start);
    auto changes = ways.update(state, start);
    CHECK(changes.gained == names{"b"});
    CHECK(ways.table()->next_hop("b", 1, "") == "b");
    state.on_message(advert{.server = "b", .mark = {1, "0000000000000001"}, .links = {{"c", 1ms}}, .is_transit = true},
                     "b", start);
    state.on_message(advert{.server = "c", .mark = {1, "0000000000000001"}, .links = {{"b", 1ms}}, .is_transit = true},
                     "b", start);
    CHECK(ways.update(state, start + 1s).is_empty());
    CHECK_FALSE(ways.table()->find("c"));
    state.on_message(
        advert{.server = "b", .mark = {2, "0000000000000001"}, .links = {{"a", 1ms}, {"c", 1ms}}, .is_transit = true},
        "b", start + 1s);
    CHECK(ways.update(state, start + 2s).gained == names{"c"});
}

TEST_CASE("routes: ties are broken by hops, then by name", "[peering]") {
    network net({{"a", "c", 1ms}, {"a", "b", 1ms}, {"c", "d", 1ms}, {"b", "d", 1ms}});
    CHECK(net.next("d") == "b");
    network direct({{"a", "b", 1ms}, {"b", "d", 1ms}, {"a", "d", 2ms}});
    CHECK(direct.next("d") == "d");
}

TEST_CASE("routes: a way that works is left only for a clearly better one, after the hold time", "[peering]") {
    const auto with_other = [](std::chrono::microseconds cost) {
        return std::vector<edge>{{"a", "b", 10ms}, {"b", "d", 10ms}, {"a", "c", cost / 2}, {"c", "d", cost / 2}};
    };
    network net(with_other(30ms));
    CHECK(net.next("d") == "b");
    time_point now = start + 10s;
    SECTION("not for 20 %") {
        net.set(with_other(16ms), now);
        net.ways.update(net.state, now + 1h);
        CHECK(net.next("d") == "b");
        CHECK(net.ways.table()->find("d")->via == names{"b"});
        CHECK(net.ways.table()->find("d")->cost() == 20ms);
        CHECK_FALSE(net.ways.next_update(net.state));
    }
    SECTION("for more, when the time is over") {
        net.set(with_other(15ms), now);
        CHECK(net.next("d") == "b");
        const auto due = net.ways.next_update(net.state);
        REQUIRE(due);
        CHECK(*due == now + 1s + 5s);
        CHECK(net.ways.update(net.state, *due - 1ms).is_empty());
        CHECK(net.ways.update(net.state, *due).moved == names{"d"});
        CHECK(net.next("d") == "c");
    }
    SECTION("not if it was better for a moment only") {
        for (int i = 0; i < 10; ++i, now += 10s) {
            net.set(with_other(12ms), now);
            net.set(with_other(30ms), now + 2s);
            CHECK(net.next("d") == "b");
        }
    }
    SECTION("not for less than a millisecond") {
        network small({{"a", "b", 1000us}, {"b", "d", 100us}, {"a", "c", 1100us}, {"c", "d", 100us}});
        small.set({{"a", "b", 1000us}, {"b", "d", 100us}, {"a", "c", 100us}, {"c", "d", 100us}}, now);
        small.ways.update(small.state, now + 1h);
        CHECK(small.next("d") == "b");
    }
}

TEST_CASE("routes: a way that broke is left at once, and taken again after the hold time", "[peering]") {
    const std::vector<edge> all = {{"a", "b", 10ms}, {"b", "d", 10ms}, {"a", "c", 30ms}, {"c", "d", 30ms}};
    const std::vector<edge> rest = {{"b", "d", 10ms}, {"a", "c", 30ms}, {"c", "d", 30ms}};
    network net(all);
    CHECK(net.next("d") == "b");
    CHECK(net.next("b") == "b");
    SECTION("our own link: without waiting for the interval") {
        net.state.on_link_up("x", 1ms, start + 10s);
        net.ways.update(net.state, start + 10s);
        net.state.on_link_down("b", start + 10s + 1ms);
        const auto changes = net.ways.update(net.state, start + 10s + 1ms);
        CHECK(changes.moved == names{"b", "d"});
        CHECK(net.next("d") == "c");
        CHECK(net.next("b") == "c");
    }
    SECTION("another's link: within the interval") {
        net.state.on_link_up("x", 1ms, start + 10s);
        net.ways.update(net.state, start + 10s);
        net.say({.server = "b", .links = {{"a", 10ms}}, .is_transit = true}, "b", start + 10s);
        CHECK(net.ways.update(net.state, start + 10s + 99ms).is_empty());
        CHECK(net.ways.next_update(net.state) == start + 10s + 100ms);
        CHECK(net.ways.update(net.state, start + 10s + 100ms).moved == names{"d"});
        CHECK(net.next("d") == "c");
        CHECK(net.next("b") == "b");
    }
    SECTION("it comes back") {
        net.set(rest, start + 10s);
        CHECK(net.next("d") == "c");
        net.set(all, start + 20s);
        CHECK(net.next("d") == "c");
        CHECK(net.next("b") == "c");
        CHECK(net.state.next_deadline() == start + 25s);
        net.state.on_timer(start + 25s);
        net.ways.update(net.state, start + 25s);
        CHECK(net.next("d") == "b");
        CHECK(net.next("b") == "b");
    }
    SECTION("it comes back when nothing else is left") {
        net.set({{"b", "d", 10ms}}, start + 10s);
        net.set({{"a", "b", 10ms}, {"b", "d", 10ms}}, start + 20s);
        CHECK(net.next("d") == "b");
    }
    SECTION("it flaps") {
        net.set(rest, start + 10s);
        for (int i = 0; i < 20; ++i) {
            net.set(all, start + 12s + i * 4s);
            net.set(rest, start + 14s + i * 4s);
            CHECK(net.next("d") == "c");
        }
    }
    SECTION("all of it") {
        CHECK(net.set({{"b", "d", 10ms}}, start + 10s).lost == names{"b", "c", "d"});
        CHECK(net.ways.table()->all().empty());
    }
}

TEST_CASE("routes: a next hop that is no longer nearer to the destination is left at once", "[peering]") {
    network net({{"a", "b", 2ms}, {"b", "d", 2ms}, {"a", "d", 5ms}});
    CHECK(net.next("d") == "b");
    // By b it costs 6.2 ms now, by no means 20 % more than 5.2; but b's best way is by us.
    net.set({{"a", "b", 500us}, {"b", "d", 5700us}, {"a", "d", 5200us}}, start + 10s);
    CHECK(net.next("d") == "d");
}

TEST_CASE("routes: an older table stays as it was", "[peering]") {
    network net({{"a", "b", 1ms}});
    const auto before = net.ways.table();
    net.set({}, start + 10s);
    CHECK(before->next_hop("b", 8, "") == "b");
    CHECK(net.next("b").empty());
}
