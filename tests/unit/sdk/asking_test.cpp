#include <catch2/catch.hpp>

#include <atomic>
#include <thread>

#include "running_handler.hpp"

using namespace sdk_test;
using namespace std::chrono_literals;
using bester::message;
using bester::reply;

namespace {

/// For functions that have nothing but the wire to say what they heard.
bool tell(bester::handler& handler, const json& data) {
    return handler.push(bester::send_group("heard", data).type("heard"));
}
/// So many data, on two channels. Which of them has the last snapshot is a matter of time; what was told first
/// goes with it, and what channel 0 waited with comes last, on channel 0.
std::vector<json> heard_on_both(running_handler& it, std::size_t count) {
    std::vector<json> by_channel[2];
    for (std::size_t i = 0; i < count; ++i) {
        const auto received = it.broker.receive_any(5s);
        if (!received) throw std::runtime_error{"not so many were told"};
        by_channel[received->shard].push_back(json(received->frame).at("commands").at(0).at("data"));
    }
    auto& all = by_channel[1];
    all.insert(all.end(), by_channel[0].begin(), by_channel[0].end());
    return all;
}
json heard(running_handler& it, unsigned shard = 0) { return it.receive(shard).at("commands").at(0).at("data"); }

}  // namespace

TEST_CASE("pushes: from any thread, while there is a connection", "[sdk]") {
    std::atomic<bool> is_welcome{false};
    running_handler it;
    CHECK_FALSE(it.handler.push(bester::join("g", "s")));
    it.handler.on_welcome([&](const bester::welcome&) {
        tell(it.handler, "from welcome");
        is_welcome = true;
    });
    it.start({{"limits", {{"message_size", 100'000}}}});
    CHECK(heard(it) == "from welcome");
    CHECK(it.handler.push({bester::join("g", "s"), bester::send_group("g", 1).type("t")}));
    CHECK(it.receive() == json{{"kind", "push"},
                               {"commands",
                                {{{"command", "join"}, {"group", "g"}, {"sessions", {"s"}}},
                                 {{"command", "sendGroup"}, {"group", "g"}, {"data", 1}, {"type", "t"}}}}});
    CHECK_FALSE(tell(it.handler, std::string(100'000, 'x')));
    it.handler.post([&] { tell(it.handler, "posted"); });
    CHECK(heard(it) == "posted");
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i)
        threads.emplace_back([&, i] {
            for (int n = 0; n < 50; ++n) tell(it.handler, {{"thread", i}, {"number", n}});
        });
    std::vector<int> next(4, 0);
    for (int i = 0; i < 200; ++i) {
        const json data = heard(it);
        CHECK(data.at("number") == next.at(data.at("thread").get<std::size_t>())++);
    }
    for (auto& thread : threads) thread.join();
}

TEST_CASE("pushes: from within a message's function they go before its answer, on its channel", "[sdk]") {
    running_handler it{2};
    it.handler.on_message([&](const message&) {
        tell(it.handler, "first");
        return reply("second");
    });
    it.start();
    it.send_message(1, 1, "t");
    CHECK(heard(it, 1) == "first");
    CHECK(it.receive(1) == reply_of(1, "second"));
}

TEST_CASE("reports: come to the function that the command was given", "[sdk]") {
    running_handler it;
    it.handler.on_message([&](const message&) {
        return bester::answer{
            bester::send_clients("a", 1).report([&](const bester::delivery_report& r) {
                tell(it.handler, {{"delivered", r.delivered}, {"failed", r.failed.size()}});
            }),
            bester::send_clients("b", 1).report([&](const bester::delivery_report& r) {
                tell(it.handler,
                     {{"code", r.failed.at(0).code}, {"who", r.failed.at(0).recipient}, {"more", r.has_more_failures}});
            })};
    });
    it.start();
    it.send_message(0, 1, "t");
    const json answer = it.receive();
    const json first = answer.at("commands").at(0).at("report");
    const json second = answer.at("commands").at(1).at("report");
    CHECK(first != second);
    const json lost{{"recipient", "b"}, {"code", "recipient_offline"}};
    it.broker.send(0, {{"kind", "report"}, {"report", second}, {"delivered", 0}, {"failed", {lost}}, {"more", true}});
    CHECK(heard(it) == json{{"code", "recipient_offline"}, {"who", "b"}, {"more", true}});
    it.broker.send(0, {{"kind", "report"}, {"report", first}, {"delivered", 2}, {"failed", json::array()}});
    CHECK(heard(it) == json{{"delivered", 2}, {"failed", 0}});
    it.broker.send(0, {{"kind", "report"}, {"report", "unknown"}});
    it.broker.send(0, {{"kind", "report"}, {"report", first}});
    it.send_message(0, 2, "t");
    CHECK(it.receive().at("kind") == "answer");  // it lives on, and nothing was told twice
}

TEST_CASE("reports: a command that is refused as a whole calls its function, with the code", "[sdk]") {
    running_handler it;
    it.handler.on_message([&](const message&, bester::responder r) {
        (void)it.handler.push(
            bester::send_group("nobody", 1)
                .type("t")
                .report([r = std::move(r)](const bester::delivery_report& report) mutable {
                    r.answer(bester::refuse(report.was_refused() ? report.code : "was_not_refused", report.reason));
                }));
    });
    it.start();
    it.send_message(0, 1, "t");
    const json number = it.receive().at("commands").at(0).at("report");
    // One that is refused in a part only: the report is still to come.
    it.broker.send(0, {{"kind", "refused"}, {"index", 0}, {"code", "command_forbidden"}, {"reason", "a part"}});
    CHECK_FALSE(it.broker.receive_any(50ms));
    it.broker.send(
        0, {{"kind", "refused"}, {"index", 0}, {"code", "command_forbidden"}, {"reason", "no"}, {"report", number}});
    CHECK(it.receive().at("error") == json{{"code", "command_forbidden"}, {"reason", "no"}, {"temporary", false}});
    it.broker.send(0, {{"kind", "report"}, {"report", number}, {"delivered", 1}});
    CHECK_FALSE(it.broker.receive_any(50ms));
}

TEST_CASE("reports: a lost connection calls their functions", "[sdk]") {
    std::atomic<int> lost{0};
    running_handler it;
    it.handler.on_message([&](const message&) {
        return bester::answer{bester::send_clients("a", 1).report(
            [&](const bester::delivery_report& r) { lost += r.code == "connection_lost" ? 1 : 0; })};
    });
    it.start();
    it.send_message(0, 1, "t");
    it.receive();
    it.broker.close_channels();
    it.broker.attach();
    CHECK(lost == 1);
}

TEST_CASE("pings: are answered on their channel, and announced", "[sdk]") {
    running_handler it{2};
    it.handler.on_message([](const message&) { return reply("here"); });
    CHECK(it.start().at("ping") == true);
    for (const unsigned shard : {1U, 0U, 1U}) {
        it.broker.send(shard, {{"kind", "ping"}});
        CHECK(it.receive(shard) == json{{"kind", "pong"}});
    }
}

TEST_CASE("pings: between long calls the handler says by itself that its loop turns", "[sdk]") {
    running_handler it;
    std::vector<bester::responder> kept;
    it.handler.on_message([&](const message& m, bester::responder r) {
        std::this_thread::sleep_for(1100ms);
        if (m.id() == 3) r.answer(reply("third"));
        kept.push_back(std::move(r));
    });
    it.start();
    // All in one read: a ping behind them would have to wait for all of them.
    std::string all;
    for (unsigned id = 1; id <= 3; ++id)
        all += bester::testing::scripted_broker::frame_of(running_handler::message(id, "t"));
    it.broker.send_bytes(0, all);
    CHECK(it.receive() == json{{"kind", "pong"}});
    CHECK(it.receive() == json{{"kind", "pong"}});
    CHECK(it.receive() == reply_of(3, "third"));
}

TEST_CASE("answers: do not wait for the long calls behind them", "[sdk]") {
    running_handler it;
    std::atomic<bool> may_go_on{false};
    it.handler.on_message([&](const message& m) {
        std::this_thread::sleep_for(30ms);
        while (m.id() == 2 && !may_go_on) std::this_thread::sleep_for(1ms);
        return reply(m.id());
    });
    it.start();
    it.broker.send_bytes(0, bester::testing::scripted_broker::frame_of(running_handler::message(1, "t")) +
                                bester::testing::scripted_broker::frame_of(running_handler::message(2, "t")));
    CHECK(it.receive() == reply_of(1, 1));
    may_go_on = true;
    CHECK(it.receive() == reply_of(2, 2));
}

TEST_CASE("events: messages wait for the snapshots of all channels", "[sdk]") {
    running_handler it{3};
    std::atomic<bool> has_snapshot{false};
    it.handler.on_snapshot([&](const bester::snapshot&) { has_snapshot = true; });
    it.handler.on_message([&](const message&) { return reply(has_snapshot.load()); });
    it.start();
    const json snapshot{{"kind", "snapshot"}, {"clients", json::array()}, {"more", false}};
    it.broker.send(0, snapshot);
    it.broker.send(1, snapshot);
    for (unsigned id = 1; id <= 100; ++id) it.send_message(id % 2, id, "t");
    CHECK_FALSE(it.broker.receive_any(50ms));
    it.broker.send(2, snapshot);
    for (unsigned id = 1; id <= 100; ++id) CHECK(it.receive(id % 2) == reply_of(id, true));
}

TEST_CASE("events: what linked servers are there is known before a message on any channel", "[sdk]") {
    running_handler it{2};
    it.handler.on_snapshot([&](const bester::snapshot& s) { tell(it.handler, s.peers); });
    it.handler.on_peer_up([](const std::string&) {});
    it.handler.on_message([](const message&) { return reply("here"); });
    it.start();
    it.send_message(1, 1, "t");
    CHECK_FALSE(it.broker.receive_any(50ms));
    it.broker.send(0, {{"kind", "snapshot"}, {"peers", {"north"}}, {"clients", json::array()}, {"more", false}});
    CHECK(heard(it) == json{"north"});
    CHECK(it.receive(1).at("commands") == reply_of(1, "here").at("commands"));
}

TEST_CASE("refusals of commands are told", "[sdk]") {
    running_handler it;
    it.handler.on_refused([&](const bester::refused_command& r) {
        tell(it.handler, {{"id", r.message_id ? json(*r.message_id) : json()}, {"index", r.index}, {"code", r.code}});
    });
    it.start();
    it.broker.send(0, {{"kind", "refused"}, {"id", 7}, {"index", 2}, {"code", "unknown_command"}, {"reason", "x"}});
    CHECK(heard(it) == json{{"id", 7}, {"index", 2}, {"code", "unknown_command"}});
    it.broker.send(0, {{"kind", "refused"}, {"index", 0}, {"code", "no_sender"}, {"reason", "x"}});
    CHECK(heard(it) == json{{"id", nullptr}, {"index", 0}, {"code", "no_sender"}});
}

TEST_CASE("queries: each result comes to its function", "[sdk]") {
    running_handler it;
    auto& h = it.handler;
    h.on_welcome([&](const bester::welcome&) {
        h.is_client("tina", [&](auto r) { tell(h, {r->is_online, r->sessions}); });
        h.list_group("news", [&](auto r) { tell(h, r->at(1).user); });
        h.list_peers([&](auto r) { tell(h, *r); });
        h.server_info([&](auto r) { tell(h, {r->server, r->uptime.count()}); });
        h.list_group("bad", [&](auto r) { tell(h, {bool{r}, r.failure().code}); });
    });
    it.start();
    std::map<std::string, json> queries;
    for (int i = 0; i < 5; ++i) {
        const json query = it.receive();
        CHECK(query.at("kind") == "query");
        queries[query.at("query").get<std::string>() + query.value("group", "") + query.value("user", "")] = query;
    }
    const auto answer = [&](const char* query, json result) {
        result["kind"] = "result";
        result["id"] = queries.at(query).at("id");
        it.broker.send(0, result);
        return heard(it);
    };
    CHECK(answer("serverInfo", {{"server", "home"}, {"version", "1"}, {"uptime", 17}}) == json{"home", 17});
    CHECK(answer("listPeers", {{"peers", {"a", "b"}}}) == json{"a", "b"});
    CHECK(answer("isClienttina", {{"online", true}, {"sessions", 2}}) == json{true, 2});
    CHECK(answer("listGroupnews",
                 {{"sessions", {{{"session", "1"}, {"user", "x"}}, {{"session", "2"}, {"user", "y"}}}}}) == "y");
    CHECK(answer("listGroupbad", {{"error", {{"code", "bad_query"}, {"reason", "x"}}}}) == json{false, "bad_query"});
}

TEST_CASE("queries: listClients asks for all pages", "[sdk]") {
    running_handler it;
    auto& h = it.handler;
    h.on_welcome([&](const bester::welcome&) {
        h.list_clients([&](auto r) { tell(h, {r->size(), r->back().user, r->back().sessions}); });
    });
    it.start();
    const auto client = [](const char* user) { return json{{"user", user}, {"sessions", 2}}; };
    json query = it.receive();
    CHECK_FALSE(query.contains("after"));
    it.broker.send(
        0, {{"kind", "result"}, {"id", query.at("id")}, {"clients", {client("a"), client("b")}}, {"more", true}});
    query = it.receive();
    CHECK(query.at("after") == "b");
    it.broker.send(0, {{"kind", "result"}, {"id", query.at("id")}, {"clients", {client("c")}}, {"more", false}});
    CHECK(heard(it) == json{3, "c", 2});
}

TEST_CASE("queries: a lost connection ends them", "[sdk]") {
    std::atomic<int> lost{0};
    std::atomic<int> welcomes{0};
    running_handler it;
    it.handler.on_welcome([&](const bester::welcome&) {
        if (++welcomes == 1)
            it.handler.is_client("tina", [&](auto r) { lost += r.failure().code == "connection_lost" ? 1 : 0; });
    });
    it.start();
    it.receive();
    it.broker.close_channels();
    it.broker.attach();
    CHECK(lost == 1);
}

TEST_CASE("timers: call again and again, and once", "[sdk]") {
    int ticks = 0;
    bester::timer_id ticker{};
    running_handler it;
    it.handler.on_welcome([&](const bester::welcome&) {
        ticker = it.handler.every(2ms, [&] {
            tell(it.handler, ++ticks);
            if (ticks == 3) it.handler.cancel(ticker);
            if (ticks == 3) it.handler.after(5ms, [&] { tell(it.handler, "once"); });
            throw std::runtime_error{"a timer's mistake stops nothing"};
        });
    });
    it.start();
    CHECK(heard(it) == 1);
    CHECK(heard(it) == 2);
    CHECK(heard(it) == 3);
    CHECK(heard(it) == "once");
}

TEST_CASE("events: one snapshot of all shards comes first, then what changes", "[sdk]") {
    running_handler it{2};
    auto& h = it.handler;
    h.on_snapshot([&](const bester::snapshot& s) {
        json users = json::array();
        for (const auto& client : s.clients) users.push_back(client.user + client.groups.at(0));
        tell(h, {users, s.peers});
    });
    h.on_connected([&](const bester::client_session& c) { tell(h, "+" + c.user); });
    h.on_disconnected([&](const bester::client_session& c) { tell(h, "-" + c.session); });
    h.on_peer_up([&](const std::string& peer) { tell(h, "up " + peer); });
    h.on_peer_down([&](const std::string& peer) { tell(h, "down " + peer); });
    h.on_message([](const message&) { return reply("here"); });
    const json hello = it.start();
    CHECK(hello.at("events") == json{"clients", "peers"});
    const auto clients = [](const char* user) { return json{{{"session", "s"}, {"user", user}, {"groups", {"-g"}}}}; };
    const auto event = [&](unsigned shard, const char* what, const char* session, const char* user) {
        it.broker.send(shard, {{"kind", "event"},
                               {"sequence", 1},
                               {"event", what},
                               {"session", session},
                               {"user", user},
                               {"peer", user}});
    };
    it.broker.send(0, {{"kind", "snapshot"}, {"clients", clients("a")}, {"peers", {"north"}}, {"more", true}});
    it.broker.send(0, {{"kind", "snapshot"}, {"clients", clients("b")}, {"more", false}});
    event(0, "connected", "s1", "early");
    it.send_message(0, 1, "t");
    // Both wait for the snapshot of the other channel.
    CHECK_FALSE(it.broker.receive_any(50ms));
    it.broker.send(1, {{"kind", "snapshot"}, {"clients", clients("c")}});
    const auto told = heard_on_both(it, 3);
    REQUIRE(told.size() == 3);
    CHECK(told[0].at(0).size() == 3);
    CHECK(told[0].at(1) == json{"north"});
    CHECK(told[1] == "+early");
    CHECK(told[2] == "here");
    event(0, "disconnected", "s1", "early");
    CHECK(heard(it) == "-s1");
    event(0, "peer_up", "", "north");
    CHECK(heard(it) == "up north");
    event(0, "peer_down", "", "north");
    CHECK(heard(it) == "down north");
}

TEST_CASE("events: a group's size is the sum over the shards, told when it changes", "[sdk]") {
    running_handler it{2};
    auto& h = it.handler;
    h.on_snapshot([&](const bester::snapshot& s) {
        std::string groups;
        for (const auto& each : s.groups) groups += each.group + std::to_string(each.sessions);
        tell(h, groups);
    });
    h.on_groups([&](const bester::group_size& g) { tell(h, g.group + "=" + std::to_string(g.sessions)); });
    h.on_message([](const message&) { return reply("here"); });
    const json hello = it.start();
    CHECK(hello.at("events") == json{"groups"});
    const auto event = [&](unsigned shard, const char* group, unsigned sessions) {
        it.broker.send(
            shard, {{"kind", "event"}, {"sequence", 1}, {"event", "group"}, {"group", group}, {"sessions", sessions}});
    };
    it.broker.send(0, {{"kind", "snapshot"}, {"groups", {{{"group", "a"}, {"sessions", 2}}}}, {"more", true}});
    it.broker.send(0, {{"kind", "snapshot"}, {"groups", {{{"group", "b"}, {"sessions", 1}}}}, {"more", false}});
    event(0, "a", 5);
    it.broker.send(1, {{"kind", "snapshot"}, {"groups", {{{"group", "a"}, {"sessions", 3}}}}, {"more", false}});
    CHECK(heard_on_both(it, 4) == std::vector<json>{"a5b1", "a=5", "b=1", "a=8"});
    event(1, "a", 0);
    CHECK(heard(it, 1) == "a=5");
    event(0, "b", 0);
    CHECK(heard(it) == "b=0");
    event(0, "a", 4);
    event(0, "a", 4);
    CHECK(heard(it) == "a=4");
    event(1, "c", 1);
    CHECK(heard(it, 1) == "c=1");
}

TEST_CASE("events: a WebSocket session says on which path it came, and with which query", "[sdk]") {
    running_handler it;
    auto& h = it.handler;
    const auto described = [](const bester::client_session& c) { return json{c.user, c.path, c.query}; };
    h.on_snapshot([&](const bester::snapshot& s) {
        json all = json::array();
        for (const auto& client : s.clients) all.push_back(described(client));
        tell(h, all);
    });
    h.on_connected([&](const bester::client_session& c) { tell(h, described(c)); });
    it.start();
    it.broker.send(0, {{"kind", "snapshot"},
                       {"more", false},
                       {"clients",
                        {{{"session", "s1"}, {"user", "a"}, {"path", "/v1/chat"}, {"query", "x=1&y"}},
                         {{"session", "s2"}, {"user", "b"}}}}});
    CHECK(heard(it) == json{{"a", "/v1/chat", "x=1&y"}, {"b", "", ""}});
    it.broker.send(0, {{"kind", "event"},
                       {"sequence", 1},
                       {"event", "connected"},
                       {"session", "s3"},
                       {"user", "c"},
                       {"path", "/v1/chat"},
                       {"query", "nogreet=1"}});
    CHECK(heard(it) == json{"c", "/v1/chat", "nogreet=1"});
}
