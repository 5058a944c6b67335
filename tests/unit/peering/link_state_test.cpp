#include "peering/routing/link_state.hpp"

#include <catch2/catch.hpp>

using namespace bester::peering;
using namespace std::chrono_literals;

namespace {

using time_point = link_state::time_point;

constexpr time_point start{1000s};
constexpr auto wall = std::chrono::milliseconds(1'700'000'000'000);

link_state_settings named(const char* name) {
    return {.server = name, .incarnation = "0000000000000001", .addresses = {std::string(name) + ":7001"}};
}

advert about(const char* server, std::uint64_t version, std::vector<advert_link> links = {}) {
    return {.server = server, .mark = {version, "0000000000000001"}, .links = std::move(links), .is_transit = true};
}

/// Everything that waits for `peer`, as "known" or as the names of servers.
std::vector<std::string> taken(link_state& state, const char* peer, time_point now) {
    std::vector<std::string> names;
    while (const auto message = state.next_message(peer, now)) {
        const auto* said = std::get_if<advert>(&*message);
        names.push_back(said ? said->server : "known");
    }
    return names;
}

std::optional<advert> own_advert_for(link_state& state, const char* peer, time_point now) {
    while (const auto message = state.next_message(peer, now))
        if (const auto* said = std::get_if<advert>(&*message); said && said->server == state.own_name()) return *said;
    return std::nullopt;
}

using names = std::vector<std::string>;

/// Would the link of this peer be given a message?
bool has_message(const link_state& state, std::string_view peer) {
    return link_state{state}.next_message(peer, start).has_value();
}

}  // namespace

TEST_CASE("link state: a new link gets a summary, its answer what it lacks", "[peering]") {
    link_state state(named("a"), wall, start);
    state.on_link_up("b", 5ms, start);
    state.on_message(about("x", 3), "b", start);
    state.on_message(about("y", 3), "b", start);
    state.on_link_up("c", 5ms, start);
    CHECK(taken(state, "c", start) == names{"known"});
    state.on_message(database_summary{}, "c", start);
    CHECK(taken(state, "c", start) == names{"x", "y"});
    state.on_timer(start + 100ms);
    CHECK(taken(state, "c", start) == names{"a"});
    const database_summary summary{{{"x", {3, "0000000000000001"}}, {"y", {2, "ffffffffffffffff"}}}};
    state.on_message(summary, "c", start);
    CHECK(taken(state, "c", start) == names{"a", "y"});
    CHECK_FALSE(has_message(state, "c"));
    CHECK_FALSE(state.next_message("nobody", start));
}

TEST_CASE("link state: news goes to all links but its own and those that the origin has", "[peering]") {
    link_state state(named("a"), wall, start);
    for (const char* peer : {"b", "c", "d"}) {
        state.on_link_up(peer, 5ms, start);
        taken(state, peer, start);
    }
    CHECK(state.on_message(about("x", 5, {{"d", 1ms}}), "b", start).verdict == advert_verdict::news);
    CHECK_FALSE(has_message(state, "b"));
    CHECK_FALSE(has_message(state, "d"));
    CHECK(taken(state, "c", start) == names{"x"});

    // A neighbour's advert is not sent back to it, whoever brings it.
    state.on_message(about("c", 5), "b", start);
    CHECK_FALSE(has_message(state, "c"));
    CHECK(taken(state, "d", start) == names{"c"});

    // Only the newest one is sent, and none to a link that brought it meanwhile.
    state.on_message(about("x", 6), "b", start);
    state.on_message(about("x", 7), "c", start);
    CHECK_FALSE(has_message(state, "c"));
    const auto sent = state.next_message("d", start);
    REQUIRE(sent);
    CHECK(std::get<advert>(*sent).mark.version == 7);
    CHECK_FALSE(has_message(state, "d"));
    CHECK(has_message(state, "b"));
    CHECK(state.on_message(about("x", 7), "b", start).verdict == advert_verdict::old);
    CHECK_FALSE(has_message(state, "b"));
}

TEST_CASE("link state: the higher version wins, then the higher incarnation", "[peering]") {
    link_state state(named("a"), wall, start);
    state.on_link_up("b", 5ms, start);
    const auto give = [&](std::uint64_t version, const char* incarnation) {
        advert said = about("x", version);
        said.mark.incarnation = incarnation;
        return state.on_message(said, "b", start).verdict;
    };
    CHECK(give(5, "5000000000000000") == advert_verdict::news);
    CHECK(give(5, "5000000000000000") == advert_verdict::old);
    CHECK(give(5, "4fffffffffffffff") == advert_verdict::old);
    CHECK(give(4, "ffffffffffffffff") == advert_verdict::old);
    CHECK(give(5, "5000000000000001") == advert_verdict::news);
    CHECK(give(6, "0000000000000000") == advert_verdict::news);
}

TEST_CASE("link state: what comes from nowhere, malformed or expired is refused and counted", "[peering]") {
    link_state state(named("a"), wall, start);
    CHECK(state.on_message(about("x", 5), "b", start).verdict == advert_verdict::refused);
    state.on_link_up("b", 5ms, start);
    CHECK(state.on_text("{}", "b", start).verdict == advert_verdict::refused);
    CHECK_FALSE(state.on_text("{}", "b", start).reason.empty());
    advert dead = about("x", 5);
    dead.age = 70min;
    CHECK(state.on_message(dead, "b", start).verdict == advert_verdict::refused);
    CHECK(state.count().refused == 4);
    CHECK(state.on_text(encode(about("x", 5)), "b", start).verdict == advert_verdict::news);
    CHECK(state.servers().contains("x"));
}

TEST_CASE("link state: the database is bounded in servers and in links", "[peering]") {
    auto settings = named("a");
    settings.most_servers = 3;
    settings.most_links = 4;
    link_state state(settings, wall, start);
    state.on_link_up("b", 5ms, start);
    CHECK(state.on_message(about("x", 1, {{"p", 1ms}, {"q", 1ms}, {"r", 1ms}}), "b", start).verdict ==
          advert_verdict::news);
    CHECK(state.on_message(about("y", 1, {{"p", 1ms}, {"q", 1ms}}), "b", start).verdict == advert_verdict::refused);
    CHECK(state.on_message(about("y", 1, {{"p", 1ms}}), "b", start).verdict == advert_verdict::news);
    CHECK(state.on_message(about("z", 1), "b", start).verdict == advert_verdict::refused);
    CHECK(state.count().over_limit == 2);
    // What a server no longer says makes room.
    CHECK(state.on_message(about("x", 2), "b", start).verdict == advert_verdict::news);
    CHECK(state.on_message(about("y", 2, {{"p", 1ms}, {"q", 1ms}, {"r", 1ms}}), "b", start).verdict ==
          advert_verdict::news);
}

TEST_CASE("link state: gained links are told together, after a moment, once in an interval", "[peering]") {
    link_state state(named("a"), wall, start);
    state.on_link_up("b", 5ms, start);
    state.on_link_up("c", 7ms, start + 50ms);
    CHECK(taken(state, "b", start + 50ms) == names{"known"});
    CHECK(state.next_deadline() == start + 100ms);
    state.on_timer(start + 99ms);
    CHECK_FALSE(has_message(state, "b"));
    state.on_timer(start + 100ms);
    const auto told = own_advert_for(state, "b", start + 100ms);
    REQUIRE(told);
    CHECK(told->links == std::vector<advert_link>{{"b", 5ms}, {"c", 7ms}});
    CHECK(told->addresses == names{"a:7001"});
    CHECK(told->mark.version == static_cast<std::uint64_t>(wall.count()) + 100);

    state.on_link_up("d", 5ms, start + 200ms);
    CHECK(state.next_deadline() == start + 1100ms);
    state.on_timer(start + 1099ms);
    CHECK_FALSE(has_message(state, "b"));
    state.on_timer(start + 1100ms);
    CHECK(own_advert_for(state, "b", start + 1100ms)->links.size() == 3);
    CHECK(state.next_deadline() == start + 1100ms + 30min);
}

TEST_CASE("link state: a lost link is told at once, but a flapping one not for ever", "[peering]") {
    link_state state(named("a"), wall, start);
    state.on_link_up("b", 5ms, start);
    state.on_link_up("c", 5ms, start);
    state.on_timer(start + 100ms);
    taken(state, "b", start + 100ms);
    const auto before = state.count().made;
    state.on_link_down("c", start + 110ms);
    CHECK(own_advert_for(state, "b", start + 110ms)->links.size() == 1);
    CHECK(state.count().made == before + 1);
    CHECK(state.loss_revision() == 1);

    time_point now = start + 110ms;
    for (int i = 0; i < 1000; ++i, now += 10ms) {
        state.on_link_up("c", 5ms, now);
        state.on_timer(now);
        state.on_link_down("c", now + 5ms);
        state.on_timer(now + 5ms);
    }
    CHECK(state.count().made <= before + 1 + 4 + 10);
}

TEST_CASE("link state: a link that came back before it was told lost is told on trial", "[peering]") {
    auto settings = named("a");
    settings.loss_burst = 1;
    link_state state(settings, wall, start);
    state.on_link_up("b", 5ms, start);
    state.on_link_up("c", 5ms, start);
    state.on_timer(start + 100ms);
    const auto made = state.count().made;
    state.on_link_down("c", start + 200ms);
    state.on_link_up("c", 5ms, start + 300ms);
    state.on_timer(start + 1100ms);
    CHECK(state.count().made == made + 1);
    CHECK(own_advert_for(state, "b", start + 2s)->links[1].cost == most_link_cost);
}

TEST_CASE("link state: a link that was lost is told as the last resort until it held", "[peering]") {
    link_state state(named("a"), wall, start);
    const auto told_at = [&](time_point now) {
        state.on_timer(now);
        const auto told = own_advert_for(state, "b", now);
        return told && told->links.size() == 2 ? std::optional(told->links[1].cost) : std::nullopt;
    };
    state.on_link_up("b", 5ms, start);
    state.on_link_up("c", 5ms, start);
    CHECK(told_at(start + 1s) == 5ms);
    state.on_link_down("c", start + 10s);
    state.on_link_up("c", 5ms, start + 20s);
    CHECK(told_at(start + 21s) == most_link_cost);
    CHECK(state.next_deadline() == start + 25s);
    CHECK_FALSE(told_at(start + 24s));
    state.on_timer(start + 25s);
    CHECK(told_at(start + 26s) == 5ms);
    // After a long time it is a link like any other; and so is a stream that takes another's place.
    state.on_link_down("c", start + 100s);
    state.on_link_up("c", 6ms, start + 161s);
    CHECK(told_at(start + 162s) == 6ms);
    state.on_link_up("c", 9ms, start + 170s);
    CHECK(told_at(start + 172s) == 9ms);
}

TEST_CASE("link state: a cost is smoothed and told when it moved enough", "[peering]") {
    link_state state(named("a"), wall, start);
    state.on_link_up("b", 8ms, start);
    state.on_timer(start + 100ms);
    taken(state, "b", start + 100ms);
    time_point now = start + 10s;
    const auto measure = [&](std::chrono::microseconds round_trip) {
        state.on_round_trip("b", round_trip, now += 10s);
        state.on_timer(now += 10s);
        return own_advert_for(state, "b", now);
    };
    CHECK_FALSE(measure(16ms));
    CHECK(state.links().find("b")->second.cost() == 9ms);
    CHECK_FALSE(measure(9ms));
    const auto told = measure(33ms);
    REQUIRE(told);
    CHECK(told->links == std::vector<advert_link>{{"b", 12ms}});
    // A quarter of what was told last counts from there.
    CHECK_FALSE(measure(12ms));
    // From 200 to 400 µs is twice as much, and nothing.
    state.on_link_up("b", 200us, now);
    state.on_timer(now += 10s);
    CHECK(own_advert_for(state, "b", now));
    for (int i = 0; i < 50; ++i) {
        CHECK_FALSE(measure(400us));
    }
    CHECK(state.links().find("b")->second.cost() > 390us);
    state.on_round_trip("nobody", 1ms, now);
    CHECK(state.links().size() == 1);
}

TEST_CASE("link state: costs stay within what an advert may say", "[peering]") {
    link_state state(named("a"), wall, start);
    state.on_link_up("b", 0ms, start);
    state.on_link_up("c", 1h, start);
    CHECK(state.links().find("b")->second.cost() == 1us);
    CHECK(state.links().find("c")->second.cost() == 60s);
}

TEST_CASE("link state: an advert of itself that is newer is overtaken", "[peering]") {
    link_state state(named("a"), wall, start);
    state.on_link_up("b", 5ms, start);
    state.on_timer(start + 100ms);
    taken(state, "b", start + 100ms);
    const auto future = static_cast<std::uint64_t>(wall.count()) + 1'000'000;
    advert old_life = about("a", future, {{"z", 1ms}});
    old_life.mark.incarnation = "ffffffffffffffff";
    CHECK(state.on_message(old_life, "b", start + 10s).verdict == advert_verdict::old);
    CHECK(state.next_deadline() == start + 10s + 100ms);
    state.on_timer(start + 11s);
    const auto told = own_advert_for(state, "b", start + 11s);
    REQUIRE(told);
    CHECK(told->mark.version == future + 1);
    CHECK(told->links.size() == 1);
    CHECK(state.count().conflicts == 1);
    // Its own echo is nothing; neither is something older, nor something that cannot be overtaken.
    CHECK(state.on_message(*told, "b", start + 12s).verdict == advert_verdict::old);
    old_life.mark.version = most_advert_version;
    CHECK(state.on_message(old_life, "b", start + 12s).verdict == advert_verdict::refused);
    state.on_timer(start + 20s);
    CHECK_FALSE(has_message(state, "b"));
}

TEST_CASE("link state: two servers of one name quarrel slowly", "[peering]") {
    link_state state(named("a"), wall, start);
    state.on_link_up("b", 5ms, start);
    time_point now = start;
    const auto made = state.count().made;
    for (int i = 0; i < 1000; ++i, now += 10ms) {
        advert other = about("a", state.servers().find("a")->second.said.mark.version + 1);
        state.on_message(other, "b", now);
        state.on_timer(now);
    }
    CHECK(state.count().made - made <= 11);
}

TEST_CASE("link state: adverts are refreshed, and forgotten if they are not", "[peering]") {
    link_state_settings settings = named("a");
    settings.reach_interval = 10h;
    link_state state(settings, wall, start);
    state.on_link_up("b", 5ms, start);
    state.on_timer(start + 100ms);
    taken(state, "b", start + 100ms);
    state.on_message(about("x", 1), "b", start + 1s);
    advert aged = about("y", 1);
    aged.age = 69min;
    state.on_message(aged, "b", start + 1s);
    CHECK(state.next_deadline() == start + 1s + 1min);
    state.on_timer(start + 61s);
    CHECK_FALSE(state.servers().contains("y"));
    CHECK(state.next_deadline() == start + 100ms + 30min);
    state.on_timer(start + 100ms + 30min);
    state.on_timer(state.next_deadline());
    CHECK(own_advert_for(state, "b", start + 31min));
    // A refresh is no change of the graph for others.
    const auto revision = state.revision();
    state.on_message(about("x", 2), "b", start + 40min);
    CHECK(state.revision() == revision);
    state.on_timer(start + 71min);
    CHECK(state.servers().contains("x"));
    state.on_timer(start + 110min);
    CHECK_FALSE(state.servers().contains("x"));
    CHECK(state.servers().contains("a"));
    CHECK(state.count().expired == 2);
    CHECK(state.revision() > revision);
}

TEST_CASE("link state: an advert that is passed on grows older", "[peering]") {
    link_state state(named("a"), wall, start);
    state.on_link_up("b", 5ms, start);
    state.on_link_up("c", 5ms, start);
    taken(state, "c", start);
    advert said = about("x", 1);
    said.age = 10s;
    state.on_message(said, "b", start);
    const auto sent = state.next_message("c", start + 1500500us);
    REQUIRE(sent);
    CHECK(std::get<advert>(*sent).age == 11501ms);
}

TEST_CASE("link state: what expires is no longer sent", "[peering]") {
    link_state state(named("a"), wall, start);
    state.on_link_up("b", 5ms, start);
    state.on_link_up("c", 5ms, start);
    taken(state, "c", start);
    state.on_message(about("x", 1), "b", start);
    CHECK(has_message(state, "c"));
    state.on_timer(start + 71min);
    CHECK(taken(state, "c", start + 71min) == names{"a"});
}

TEST_CASE("link state: discovery dials those with addresses, without link, not configured", "[peering]") {
    link_state state(named("a"), wall, start);
    state.on_link_up("b", 5ms, start);
    for (const char* name : {"b", "c", "d", "e"}) {
        advert said = about(name, 1);
        if (*name != 'e') {
            said.addresses = {std::string(name) + ":7001", "10.0.0.1:7001"};
        }
        state.on_message(said, "b", start);
    }
    const auto found = state.dial_candidates({"d"});
    REQUIRE(found.size() == 1);
    CHECK(found[0].server == "c");
    CHECK(found[0].addresses == names{"c:7001", "10.0.0.1:7001"});
    state.on_link_down("b", start);
    CHECK(state.dial_candidates({}).size() == 3);
}

TEST_CASE("link state: a reload's addresses are told", "[peering]") {
    link_state state(named("a"), wall, start);
    state.on_link_up("b", 5ms, start);
    state.on_timer(start + 100ms);
    taken(state, "b", start + 100ms);
    state.advertise({"other:1"}, false, start + 10s);
    state.on_timer(start + 11s);
    const auto told = own_advert_for(state, "b", start + 11s);
    REQUIRE(told);
    CHECK(told->addresses == names{"other:1"});
    CHECK_FALSE(told->is_transit);
    state.advertise({"other:1"}, false, start + 20s);
    state.on_timer(start + 21s);
    CHECK_FALSE(has_message(state, "b"));
}

TEST_CASE("link state: a version may be a day ahead of the clock, and a step ahead of the one before", "[peering]") {
    link_state state(named("a"), wall, start);
    state.on_link_up("b", 5ms, start);
    const auto highest = static_cast<std::uint64_t>((wall + 24h + 10s).count());
    const auto verdict = [&](std::uint64_t version) {
        return state.on_message(about("x", version), "b", start + 10s).verdict;
    };
    CHECK(verdict(highest + 1) == advert_verdict::refused);
    CHECK(verdict(most_advert_version) == advert_verdict::refused);
    CHECK(verdict(highest) == advert_verdict::news);
    const std::uint64_t step = std::uint64_t{1} << 20;
    CHECK(verdict(highest + step + 1) == advert_verdict::refused);
    CHECK(verdict(highest + step) == advert_verdict::news);
    CHECK(state.on_message(about("a", most_advert_version), "b", start + 10s).verdict == advert_verdict::refused);
    CHECK(state.on_message(about("a", highest), "b", start + 10s).verdict == advert_verdict::old);
    CHECK(state.count().conflicts == 1);
}

TEST_CASE("link state: a neighbour that speaks for itself is not spoken for", "[peering]") {
    link_state state(named("a"), wall, start);
    state.on_link_up("b", 5ms, start);
    state.on_link_up("s", 5ms, start);
    SECTION("after its own advert") { state.on_message(about("s", 5), "s", start); }
    SECTION("after its summary, if its advert was known") {
        state.on_message(about("s", 5), "b", start);
        state.on_message(database_summary{{{"s", {5, "0000000000000001"}}}}, "s", start);
    }
    state.on_timer(start + 100ms);
    taken(state, "s", start + 100ms);
    advert forged = about("s", 900);
    forged.addresses = {"10.6.6.6:666"};
    CHECK(state.on_message(forged, "b", start + 1s).verdict == advert_verdict::old);
    CHECK(state.servers().find("s")->second.said.mark.version == 5);
    CHECK(state.count().rumours == 1);
    // It hears what is said of it, and goes above that.
    const auto told = state.next_message("s", start + 2s);
    REQUIRE(told);
    CHECK(std::get<advert>(*told).mark.version == 900);
    CHECK(std::get<advert>(*told).age == 1s);
    CHECK_FALSE(has_message(state, "s"));
    CHECK(state.on_message(about("s", 901), "s", start + 3s).verdict == advert_verdict::news);
    state.on_link_down("s", start + 4s);
    CHECK(state.servers().find("s")->second.said.mark.version == 901);
}

TEST_CASE("link state: what others say of a neighbour counts when its link is lost", "[peering]") {
    link_state state(named("a"), wall, start);
    state.on_link_up("b", 5ms, start);
    state.on_link_up("s", 5ms, start);
    state.on_message(about("s", 5, {{"a", 1ms}, {"b", 1ms}}), "s", start);
    CHECK(state.on_message(about("s", 6, {{"b", 1ms}}), "b", start + 1s).verdict == advert_verdict::old);
    CHECK(state.servers().find("s")->second.said.links.size() == 2);
    state.on_link_down("s", start + 2s);
    CHECK(state.servers().find("s")->second.said.links.size() == 1);
}

TEST_CASE("link state: one neighbour is the first to tell of so many servers", "[peering]") {
    link_state_settings settings = named("a");
    settings.most_learned = 2;
    link_state state(settings, wall, start);
    for (const char* peer : {"b", "c"}) state.on_link_up(peer, 5ms, start);
    const auto verdict = [&](const char* server, const char* from) {
        return state.on_message(about(server, 1), from, start).verdict;
    };
    CHECK(verdict("x1", "b") == advert_verdict::news);
    CHECK(verdict("x2", "b") == advert_verdict::news);
    CHECK(verdict("x3", "b") == advert_verdict::refused);
    CHECK(verdict("b", "b") == advert_verdict::news);  // of itself it may
    CHECK(verdict("x3", "c") == advert_verdict::news);
    CHECK(verdict("x4", "c") == advert_verdict::news);
    CHECK(verdict("x5", "c") == advert_verdict::refused);
    // Newer ones of what is known are as good from anybody.
    CHECK(state.on_message(about("x1", 2), "c", start).verdict == advert_verdict::news);
    state.set_most_learned(3);
    CHECK(verdict("x5", "c") == advert_verdict::news);
    // When one is forgotten there is room for another.
    state.on_timer(start + 71min);
    CHECK_FALSE(state.servers().contains("x1"));
    CHECK(state.on_message(about("x6", 1), "b", start + 71min).verdict == advert_verdict::news);
}

TEST_CASE("link state: servers to which no chain of links leads are forgotten after ten minutes", "[peering]") {
    link_state state(named("a"), wall, start);
    state.on_link_up("b", 5ms, start);
    state.on_message(about("b", 1, {{"a", 1ms}, {"c", 1ms}}), "b", start);
    state.on_message(about("c", 1, {{"b", 1ms}, {"d", 1ms}}), "b", start);
    state.on_message(about("d", 1, {{"c", 1ms}}), "b", start);
    state.on_message(about("e", 1, {{"c", 1ms}}), "b", start);  // so it says; c does not
    const auto known = [&](time_point now) {
        while (state.next_deadline() <= now) state.on_timer(state.next_deadline());
        std::string all;
        for (const auto& [name, server] : state.servers()) all += name;
        return all;
    };
    CHECK(known(start + 10min) == "abcde");
    CHECK(known(start + 12min) == "abcd");
    state.on_message(about("c", 2, {{"b", 1ms}}), "b", start + 13min);
    CHECK(known(start + 22min) == "abcd");
    CHECK(known(start + 25min) == "abc");
    state.on_message(about("d", 2, {{"c", 1ms}}), "b", start + 25min);
    state.on_link_down("b", start + 26min);
    CHECK(known(start + 30min) == "abcd");
    // Whoever comes back in time is kept.
    state.on_link_up("b", 5ms, start + 30min);
    CHECK(known(start + 60min) == "abc");
}
