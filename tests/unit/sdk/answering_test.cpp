#include <catch2/catch.hpp>

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>

#include "running_handler.hpp"

using namespace sdk_test;
using namespace std::chrono_literals;
using bester::message;
using bester::reply;
using bester::responder;

namespace {

void echo(bester::handler& handler) {
    handler.on_message([](const message& m) { return reply(m.raw()); });
}

}  // namespace

TEST_CASE("handler: says hello on one channel for each shard", "[sdk]") {
    std::atomic<bool> has_config{false};
    running_handler it{3};
    it.handler.on_welcome(
        [&](const bester::welcome& w) { has_config = w.config.at("interval") == "1s" && w.shards == 3; });
    echo(it.handler);
    it.launch();
    const json welcome{{"config", {{"interval", "1s"}}}, {"key", "k1"}};
    CHECK(it.broker.accept_hello() ==
          json{{"kind", "hello"}, {"protocol", 1}, {"handler", "test"}, {"ping", true}, {"ready", true}});
    it.broker.welcome(welcome);
    CHECK(it.broker.accept_hello() ==
          json{{"kind", "hello"}, {"protocol", 1}, {"handler", "test"}, {"key", "k1"}, {"shard", 1}});
    it.broker.welcome(welcome);
    CHECK(it.broker.accept_hello().at("shard") == 2);
    it.broker.welcome(welcome);
    it.send_message(2, 1, "any", "text");
    CHECK(it.receive(2) == reply_of(1, "text"));
    CHECK(has_config);
    it.send_message(0, 2, "any", "text");
    CHECK(it.receive(0) == reply_of(2, "text"));
    CHECK(it.broker.is_ready());
}

TEST_CASE("handler: gives the message's fields to the function", "[sdk]") {
    running_handler it;
    it.handler.on_message([](const message& m) {
        return reply({{"type", m.type()},
                      {"user", m.user()},
                      {"session", m.session()},
                      {"server", m.server()},
                      {"request", m.is_request()},
                      {"data", m.data()},
                      {"shard", m.shard()},
                      {"id", m.id()},
                      {"roles", m.roles()},
                      {"has_deadline", m.deadline() < std::chrono::steady_clock::now() + 61s}});
    });
    it.start();
    it.send_message(0, 9, "letter", {{"to", "gustav"}});
    CHECK(it.receive() == reply_of(9, {{"type", "letter"},
                                       {"user", "tina"},
                                       {"session", "s-tina"},
                                       {"server", "home"},
                                       {"request", true},
                                       {"data", {{"to", "gustav"}}},
                                       {"shard", 0},
                                       {"id", 9},
                                       {"roles", json::array()},
                                       {"has_deadline", true}}));
}

TEST_CASE("handler: a frame may arrive in pieces, cut anywhere", "[sdk]") {
    running_handler it;
    echo(it.handler);
    it.start();
    const std::string bytes =
        it.broker.frame_of(it.message(1, "t", "Grüße")) + it.broker.frame_of(it.message(2, "t", 2));
    for (std::size_t cut = 1; cut < bytes.size(); ++cut) {
        CAPTURE(cut);
        it.broker.send_bytes(0, std::string_view{bytes}.substr(0, cut));
        // The first half has been read for sure when what was sent before it is answered.
        if (cut > it.broker.frame_of(it.message(1, "t", "Grüße")).size()) REQUIRE(it.receive() == reply_of(1, "Grüße"));
        it.broker.send_bytes(0, std::string_view{bytes}.substr(cut));
        if (cut <= it.broker.frame_of(it.message(1, "t", "Grüße")).size())
            REQUIRE(it.receive() == reply_of(1, "Grüße"));
        REQUIRE(it.receive() == reply_of(2, 2));
    }
}

TEST_CASE("handler: messages larger than its buffer pass", "[sdk]") {
    running_handler it;
    echo(it.handler);
    it.start({{"limits", {{"message_size", 4 << 20}}}});
    const std::string large(3 << 20, 'x');
    it.send_message(0, 1, "t", large);
    CHECK(it.receive() == reply_of(1, large));
    it.send_message(0, 2, "t", "small");
    CHECK(it.receive() == reply_of(2, "small"));
}

TEST_CASE("handler: functions are chosen by type", "[sdk]") {
    running_handler it;
    it.handler.on_message("a", [](const message&) { return reply("a's"); });
    it.handler.on_message("b", [](const message&, responder r) { r.answer(reply("b's")); });
    it.start();
    it.send_message(0, 1, "b");
    CHECK(it.receive() == reply_of(1, "b's"));
    it.send_message(0, 2, "a");
    CHECK(it.receive() == reply_of(2, "a's"));
    it.send_message(0, 3, "c");
    CHECK(it.receive().at("error").at("code") == "unknown_type");
}

TEST_CASE("handler: what an author's function throws fails that message alone", "[sdk]") {
    running_handler it;
    it.handler.on_message("logic", [](const message&) -> bester::answer { throw std::logic_error{"secret detail"}; });
    it.handler.on_message("number", [](const message&) -> bester::answer { throw 7; });
    it.handler.on_message("refusal", [](const message&) -> bester::answer {
        throw bester::refusal{"moved", "away", bester::temporary};
    });
    it.handler.on_message("typed", [](const message& m) { return reply(m.get<int>() + 1); });
    it.handler.on_message("deferring", [](const message&, responder) { throw std::logic_error{"secret detail"}; });
    it.handler.on_message("bad code", [](const message&) { return bester::refuse("Not A Code", ""); });
    it.start();
    unsigned id = 0;
    const auto error_of = [&](const char* type, const json& data = nullptr) {
        it.send_message(0, ++id, type, data);
        const json answer = it.receive();
        CHECK(answer.at("id") == id);
        CHECK_FALSE(answer.contains("commands"));
        return answer.at("error");
    };
    for (const char* type : {"logic", "number", "deferring", "bad code"}) {
        CAPTURE(type);
        const json error = error_of(type);
        CHECK(error.at("code") == "handler_exception");
        CHECK(error.at("reason").get<std::string>().find("secret") == std::string::npos);
    }
    CHECK(error_of("refusal") == json{{"code", "moved"}, {"reason", "away"}, {"temporary", true}});
    CHECK(error_of("typed", "text").at("code") == "bad_data");
    it.send_message(0, ++id, "typed", 41);
    CHECK(it.receive() == reply_of(id, 42));
}

TEST_CASE("handler: answers may come later, in any order, from any thread", "[sdk]") {
    std::mutex mutex;
    std::map<int, responder> held;
    running_handler it;
    it.handler.on_message([&](const message& m, responder r) {
        const std::lock_guard lock{mutex};
        held.emplace(m.data().get<int>(), std::move(r));
        if (held.size() == 3) (void)it.handler.push(bester::join("all", "s1"));
    });
    it.start();
    for (unsigned id = 1; id <= 3; ++id) it.send_message(0, id, "t", id);
    CHECK(it.receive().at("kind") == "push");
    for (const int number : {2, 3, 1}) {
        std::thread{[&] {
            const std::lock_guard lock{mutex};
            held.at(number).answer(reply(number * 10));
            held.at(number).answer(reply("again"));  // ignored
        }}.join();
        CHECK(it.receive() == reply_of(static_cast<unsigned>(number), number * 10));
    }
    for (auto& [number, r] : held) CHECK(r.is_answered());
    held.clear();
    it.send_message(0, 4, "t", 4);
    it.broker.send(0, {{"kind", "drain"}});
    // Dropped without an answer: the sender is told.
    bool is_there = false;
    while (!is_there) {
        const std::lock_guard lock{mutex};
        is_there = held.count(4) == 1;
        held.clear();
    }
    CHECK(it.receive().at("error").at("code") == "handler_gave_no_answer");
    CHECK(it.await_exit() == 0);
}

TEST_CASE("handler: a responder may outlive its handler", "[sdk]") {
    std::optional<responder> kept;
    {
        running_handler it;
        it.handler.on_message([&](const message&, responder r) {
            kept.emplace(std::move(r));
            (void)it.handler.push(bester::join("seen", "s1"));
        });
        it.start();
        it.send_message(0, 1, "t");
        it.receive();
    }
    kept->answer(reply(1));
    CHECK(kept->is_answered());
}

TEST_CASE("handler: an answer that the broker would not take is a refusal", "[sdk]") {
    running_handler it;
    it.handler.on_message([](const message& m) { return reply(std::string(m.data().get<std::size_t>(), 'x')); });
    it.start({{"limits", {{"message_size", 2'000}}}});
    it.send_message(0, 1, "t", 3'000);
    CHECK(it.receive().at("error").at("code") == "answer_too_large");
    it.send_message(0, 2, "t", 1'500);
    CHECK(it.receive() == reply_of(2, std::string(1'500, 'x')));
}

TEST_CASE("handler: commands keep their order across channels", "[sdk]") {
    running_handler it{2};
    it.handler.on_message("join", [](const message&) { return bester::join("g"); });
    it.handler.on_message("reply", [](const message&) { return reply(1); });
    const bool is_ordered = GENERATE(true, false);
    if (!is_ordered) it.handler.unordered();
    it.start();
    const auto answer = [&](unsigned shard, unsigned id, const char* type) {
        it.send_message(shard, id, type);
        return it.receive(shard).value("after", json::object());
    };
    CHECK(answer(0, 1, "reply").empty());
    CHECK(answer(1, 1, "reply").empty());
    CHECK(answer(1, 2, "join") == (is_ordered ? json{{"0", 1}} : json::object()));
    CHECK(answer(0, 2, "reply") == (is_ordered ? json{{"1", 2}} : json::object()));
    CHECK(answer(1, 3, "reply").empty());
    CHECK(answer(0, 3, "join") == (is_ordered ? json{{"1", 3}} : json::object()));
}

TEST_CASE("handler: does not read what it cannot answer, and goes on when it can", "[sdk]") {
    running_handler it;
    echo(it.handler);
    it.start();
    const std::string text(60'000, 'x');
    unsigned sent = 0;
    std::string waiting;
    // The broker's side does not read: the handler must stop reading too.
    for (bool is_stuck = false; !is_stuck && sent < 5'000;) {
        if (waiting.empty()) waiting = it.broker.frame_of(it.message(++sent, "t", text));
        const std::size_t taken = it.broker.try_send_bytes(0, waiting, 300ms);
        waiting.erase(0, taken);
        is_stuck = taken == 0;
    }
    CHECK(sent < 200);  // some megabytes: what sockets and buffers hold
    unsigned received = 0;
    while (received < sent) {
        if (!waiting.empty()) waiting.erase(0, it.broker.try_send_bytes(0, waiting, 0ms));
        if (received + 1 < sent || waiting.empty()) REQUIRE(it.receive() == reply_of(++received, text));
    }
}

TEST_CASE("handler: functions may own what can only be moved", "[sdk]") {
    running_handler it;
    it.handler.on_message("now",
                          [word = std::make_unique<std::string>("now")](const message&) { return reply(*word); });
    it.handler.on_message("later", [word = std::make_unique<std::string>("later")](const message&, responder r) {
        r.answer(reply(*word));
    });
    it.start();
    it.send_message(0, 1, "now");
    CHECK(it.receive() == reply_of(1, "now"));
    it.send_message(0, 2, "later");
    CHECK(it.receive() == reply_of(2, "later"));
}

TEST_CASE("handler: a second function for the same is an error that is told at once", "[sdk]") {
    running_handler it;
    const auto now = [](const message&) { return reply("first"); };
    const auto later = [](const message&, responder r) { r.answer(reply("second")); };
    it.handler.on_message("t", now);
    it.handler.on_message("other", later);
    it.handler.on_message(now);
    CHECK_THROWS_WITH(it.handler.on_message("t", now), Catch::Contains("\"t\""));
    CHECK_THROWS_AS(it.handler.on_message("t", later), std::logic_error);
    CHECK_THROWS_AS(it.handler.on_message("other", now), std::logic_error);
    CHECK_THROWS_WITH(it.handler.on_message(later), Catch::Contains("all other types"));
    it.handler.on_welcome([](const bester::welcome&) {});
    CHECK_THROWS_WITH(it.handler.on_welcome([](const bester::welcome&) {}), Catch::Contains("on_welcome"));
    it.handler.on_refused([](const bester::refused_command&) {});
    CHECK_THROWS_WITH(it.handler.on_refused([](const bester::refused_command&) {}), Catch::Contains("on_refused"));
    it.start();
    it.send_message(0, 1, "t");
    CHECK(it.receive() == reply_of(1, "first"));
}
