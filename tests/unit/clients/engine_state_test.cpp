#include "clients/engine/engine_state.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <string>
#include <vector>

namespace bester::clients {

namespace {

using life = engine_state::life;
using transport = engine_state::transport;

template <class State>
struct transition {
    std::string name;
    bool (*call)(engine_state&);
    std::vector<State> from;
    State to;
};

engine_state in(life which) {
    engine_state made;
    if (which == life::closing) made.close_later();
    if (which == life::closed) made.close();
    REQUIRE(made.now() == which);
    return made;
}

engine_state in(transport which) {
    engine_state made;
    made.attach(which);
    REQUIRE(made.carried_by() == which);
    return made;
}

life state_of(const engine_state& of, life) { return of.now(); }
transport state_of(const engine_state& of, transport) { return of.carried_by(); }

/// Each call, in each of the states `all`.
template <class State>
void check_table(const std::vector<transition<State>>& table, const std::vector<State>& all) {
    for (const auto& each : table)
        for (const State from : all) {
            CAPTURE(each.name, static_cast<int>(from));
            engine_state state = in(from);
            const bool is_one = std::find(each.from.begin(), each.from.end(), from) != each.from.end();
            CHECK(each.call(state) == is_one);
            CHECK(state_of(state, from) == (is_one ? each.to : from));
        }
}

}  // namespace

TEST_CASE("engine state: a session is closed once, at once or at the end of the turn", "[clients]") {
    check_table<life>(
        {{"close_later", [](engine_state& of) { return of.close_later(); }, {life::open}, life::closing},
         {"close", [](engine_state& of) { return of.close(); }, {life::open, life::closing}, life::closed}},
        {life::open, life::closing, life::closed});
}

TEST_CASE("engine state: a WebSocket takes over when it has been probed, and only one comes", "[clients]") {
    check_table<transport>(
        {{"attach to be probed",
          [](engine_state& of) { return of.attach(transport::offered); },
          {transport::http},
          transport::offered},
         {"attach one that has been",
          [](engine_state& of) { return of.attach(transport::probed); },
          {transport::http},
          transport::probed},
         {"attach for good",
          [](engine_state& of) { return of.attach(transport::websocket); },
          {transport::http},
          transport::websocket},
         {"attach nothing", [](engine_state& of) { return of.attach(transport::http); }, {}, transport::http},
         {"probe", [](engine_state& of) { return of.probe(); }, {transport::offered}, transport::probed},
         {"take_over", [](engine_state& of) { return of.take_over(); }, {transport::probed}, transport::websocket},
         {"detach",
          [](engine_state& of) { return of.detach(); },
          {transport::offered, transport::probed, transport::websocket},
          transport::http}},
        {transport::http, transport::offered, transport::probed, transport::websocket});
}

TEST_CASE("engine state: the questions agree with the states", "[clients]") {
    CHECK(in(life::open).is_open());
    CHECK_FALSE(in(life::closing).is_open());
    CHECK_FALSE(in(life::closing).is_closed());
    CHECK(in(life::closed).is_closed());
    CHECK_FALSE(in(transport::http).is_upgrading());
    CHECK(in(transport::offered).is_upgrading());
    CHECK(in(transport::probed).is_upgrading());
    CHECK(in(transport::probed).is_probed());
    CHECK_FALSE(in(transport::websocket).is_upgrading());
    CHECK(in(transport::websocket).is_on_websocket());
}

}  // namespace bester::clients
