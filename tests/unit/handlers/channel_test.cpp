#include "open_channel.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "failing_allocation.hpp"

using namespace bester;
using namespace bester::handlers;
using namespace std::chrono_literals;
using nlohmann::json;

TEST_CASE("channel: answers are matched by id, in any order", "[handlers]") {
    open_channel it{echo_settings()};
    for (const char* id : {"a", "b", "c"}) it.submit(id);
    const json a = it.receive_message("a");
    const json b = it.receive_message("b");
    const json c = it.receive_message("c");
    it.answer(b);
    CHECK(it.session.statuses.wait_for_next() == "\"b\" good");
    it.answer(c);
    it.answer(b);  // again: it is nobody's by now
    it.answer(a);
    CHECK(it.session.statuses.wait_for_next() == "\"c\" good");
    CHECK(it.session.statuses.wait_for_next() == "\"a\" good");
    CHECK(it.count(exchange::counter::answers) == 3);
    CHECK(it.count(exchange::counter::answers_unknown) == 1);
}

TEST_CASE("channel: a place that is used again has another id, and a late answer misses it", "[handlers]") {
    auto settings = echo_settings();
    settings.window = 1;
    settings.deadline = 100ms;
    settings.ping_timeout = 60s;
    open_channel it{settings};
    it.submit("late");
    const json late = it.receive_message("late");
    CHECK(it.session.statuses.wait_for_next() == "\"late\" handler_timeout");
    CHECK(it.receive() == json{{"kind", "ping"}});
    it.submit("next");
    const json next = it.receive_message("next");
    CHECK(next.at("id") != late.at("id"));
    it.answer(late);
    it.answer(next);
    CHECK(it.session.statuses.wait_for_next() == "\"next\" good");
    CHECK(it.count(exchange::counter::answers_unknown) == 1);
    CHECK(it.count(exchange::counter::handler_timeouts) == 1);
    CHECK(it.listener.losses.empty());
}

TEST_CASE("channel: what does not fit into the window waits for a deadline that is missed", "[handlers]") {
    auto settings = echo_settings();
    settings.window = 4;  // two on each of two shards
    settings.deadlines = {{"echo", 300ms}};
    settings.ping_timeout = 60s;
    open_channel it{settings};
    for (const char* id : {"a", "b", "c"}) it.submit(id);
    it.receive_message("a");
    const json b = it.receive_message("b");
    it.answer(b);
    CHECK(it.session.statuses.wait_for_next() == "\"b\" good");
    const json c = it.receive_message("c");
    CHECK(c.at("deadline").get<std::uint64_t>() <= 300);  // what it waited is taken off
    it.answer(c);
    CHECK(it.session.statuses.wait_for_next() == "\"c\" good");
    CHECK(it.session.statuses.wait_for_next() == "\"a\" handler_timeout");
}

TEST_CASE("channel: the commands of a late answer are refused where they want a report", "[handlers]") {
    open_channel it{echo_settings()};
    it.send({{"kind", "answer"},
             {"id", 99},
             {"commands",
              {{{"command", "sendGroup"}, {"group", "g"}, {"type", "t"}},
               {{"command", "sendGroup"}, {"group", "g"}, {"type", "t"}, {"report", "r"}}}}});
    const json refused = it.receive();
    CHECK(refused.at("kind") == "refused");
    CHECK(refused.at("report") == "r");
    CHECK(refused.at("index") == 1);
    CHECK(refused.at("code") == "handler_timeout");
}

TEST_CASE("channel: pings are asked and answered as long as an answer is owed", "[handlers]") {
    auto settings = echo_settings();
    settings.ping_interval = 50ms;
    settings.ping_timeout = 60s;
    open_channel it{settings};
    it.submit("a");
    const json a = it.receive_message("a");
    for (int i = 0; i < 3; ++i) {
        CHECK(it.receive() == json{{"kind", "ping"}});
        it.send({{"kind", "pong"}});
    }
    it.answer(a);
    CHECK(it.session.statuses.wait_for_next() == "\"a\" good");
    CHECK(it.listener.losses.empty());
}

TEST_CASE("channel: without a pong the instance hangs, and what it holds fails", "[handlers]") {
    auto settings = echo_settings();
    settings.ping_interval = 50ms;
    settings.ping_timeout = 100ms;
    open_channel it{settings};
    it.submit("a");
    it.receive_message("a");
    const auto [reason, why] = it.listener.losses.wait_for_next();
    CHECK(why == loss::hanging);
    CHECK(reason == "it did not answer a ping within 0.1 s (ping_timeout)");
    CHECK(it.session.statuses.wait_for_next() == "\"a\" handler_failed");
}

TEST_CASE("channel: told only, an instance that hangs goes on", "[handlers]") {
    auto settings = echo_settings();
    settings.ping_interval = 50ms;
    settings.ping_timeout = 100ms;
    settings.hang = hang_action::tell;
    open_channel it{settings};
    it.submit("a");
    const json a = it.receive_message("a");
    while (it.count(exchange::counter::handler_hangs) == 0) {}
    it.answer(a);
    CHECK(it.session.statuses.wait_for_next() == "\"a\" good");
    CHECK(it.listener.losses.empty());
    // And is judged anew.
    it.submit("b");
    while (it.count(exchange::counter::handler_hangs) == 1) {}
}

TEST_CASE("channel: who does not know pings is not asked, and hangs when it is silent for long", "[handlers]") {
    auto settings = echo_settings();
    settings.ping_interval = 1ms;
    settings.ping_timeout = 1ms;
    settings.silence_timeout = 300ms;
    open_channel it{settings, false};
    it.submit("a");
    it.receive_message("a");
    it.submit("b");
    it.receive_message("b");  // and no ping before it
    CHECK(it.listener.losses.wait_for_next().first == "it was silent for 0.3 s (silence_timeout)");
}

TEST_CASE("channel: a handler that somebody started by hand has no deadline and is not judged", "[handlers]") {
    auto settings = echo_settings();
    settings.start = start_mode::manual;
    settings.deadline = settings.ping_interval = settings.ping_timeout = 20ms;
    open_channel it{settings};
    it.submit("a");
    const json a = it.receive_message("a");
    CHECK_FALSE(a.contains("deadline"));
    std::this_thread::sleep_for(300ms);
    it.answer(a);
    CHECK(it.session.statuses.wait_for_next() == "\"a\" good");
    CHECK(it.listener.losses.empty());
}

TEST_CASE("channel: in a drain nobody is judged, and the last answer ends it", "[handlers]") {
    auto settings = echo_settings();
    settings.ping_interval = settings.ping_timeout = 20ms;
    open_channel it{settings};
    it.submit("a");
    const json a = it.receive_message("a");
    it.drain();
    std::this_thread::sleep_for(300ms);
    CHECK(it.listener.drained.empty());
    it.answer(a);
    CHECK(it.session.statuses.wait_for_next() == "\"a\" good");
    CHECK(it.listener.drained.wait_for_next() == 0);
    CHECK(it.listener.losses.empty());
}

TEST_CASE("channel: a frame that is not understood is said to the handler, with its place", "[handlers]") {
    open_channel it{echo_settings()};
    it.send_bytes(wire::make_frame(R"({"kind":"push","commands":[}])"));
    const json error = it.receive();
    CHECK(error.at("code") == "protocol_error");
    CHECK(error.at("reason").get<std::string>().find("no JSON as expected at byte 27 (29 bytes): ") !=
          std::string::npos);
    CHECK(it.listener.losses.wait_for_next().second == loss::broken);
}

TEST_CASE("channel: what the instance held when it is lost fails, and what it was not given is not lost",
          "[handlers]") {
    const bool is_idempotent = GENERATE(false, true);
    auto settings = echo_settings();
    settings.idempotent = is_idempotent;
    settings.window = 1;
    settings.deadline = 400ms;
    settings.ping_timeout = 60s;
    open_channel it{settings};
    it.submit("held");
    it.receive_message("held");
    it.submit("waits");
    it.send_bytes(std::string(4, '\0'));  // no frame
    CHECK(it.listener.losses.wait_for_next().second == loss::broken);
    // Nobody else is there to take them: what may still be given to another instance waits for one.
    std::vector<std::string> ends{it.session.statuses.wait_for_next(), it.session.statuses.wait_for_next()};
    std::sort(ends.begin(), ends.end());
    CHECK(ends == std::vector<std::string>{is_idempotent ? "\"held\" handler_unavailable" : "\"held\" handler_failed",
                                           "\"waits\" handler_unavailable"});
}

TEST_CASE("channel: messages of which no byte was written are not lost, whatever was queued between them",
          "[handlers]") {
    auto settings = echo_settings();
    settings.deadline = 500ms;
    settings.ping_timeout = 60s;
    settings.queue_bytes = std::size_t{64} << 20;
    open_channel it{settings};
    constexpr std::size_t count = 20;
    const std::size_t size = GENERATE(3'000, 30'000, 100'000);
    const std::string query = R"({"kind":"query","id":1,"query":"isClient","user":"tina"})";
    for (std::size_t i = 0; i < count; ++i) {
        it.submit("m" + std::to_string(i), size);
        it.send_bytes(wire::make_frame(query));
        while (it.count(exchange::counter::queries) <= i) std::this_thread::yield();
    }
    it.on_shard([&](exchange::shard&) { it.close(); });
    const std::size_t begun = it.sizes_to_the_end().size();  // a message and the result of a query in turn
    std::vector<std::string> ended, expected;
    for (std::size_t i = 0; i < count; ++i) {
        ended.push_back(it.session.statuses.wait_for_next());
        const bool was_begun = 2 * i < begun;
        expected.push_back("\"m" + std::to_string(i) + (was_begun ? "\" handler_failed" : "\" handler_unavailable"));
    }
    std::sort(ended.begin(), ended.end());
    std::sort(expected.begin(), expected.end());
    CHECK(ended == expected);
    CHECK((size == 3'000 || begun < 2 * count));
}

TEST_CASE("channel: a frame that comes after those of a channel that has closed goes on when these are executed",
          "[handlers]") {
    open_channel it{echo_settings()};
    const auto query = [](int id) {
        return wire::make_frame(json{{"kind", "query"}, {"id", id}, {"query", "isClient"}, {"user", "tina"}}.dump());
    };
    const json push{{"kind", "push"}, {"after", {{"1", 3}}}, {"commands", json::array()}};
    it.send_bytes(query(1) + wire::make_frame(push.dump()) + query(2));
    CHECK(it.receive().at("id") == 1);
    // It has asked the other shard, where nobody tells it of anything any more.
    CHECK(it.count(exchange::counter::pushes) == 0);
    it.progress->executed[1] = 3;
    CHECK(it.receive().at("id") == 2);
    CHECK(it.count(exchange::counter::pushes) == 1);
    CHECK(it.listener.losses.empty());
}

TEST_CASE("channel: a message that could not be handed over takes no place in the window", "[handlers]") {
    for (std::size_t number = 1;; ++number) {
        open_channel it{echo_settings()};
        failed_attempt attempt;
        it.on_shard([&](exchange::shard&) { attempt = fail_allocation(number, [&] { it.submit_here("a"); }); });
        CHECK(it.in_flight() == (attempt.has_thrown ? 0 : 1));
        it.submit("b");
        if (!attempt.has_thrown) it.receive_message("a");
        it.answer(it.receive_message("b"));
        CHECK(it.session.statuses.wait_for_next() == "\"b\" good");
        if (!attempt.has_failed) break;
    }
}

TEST_CASE("channel: each message that it held is ended once, whatever fails at its end", "[handlers]") {
    auto settings = echo_settings();
    settings.idempotent = GENERATE(false, true);
    std::size_t failures = 0;
    for (std::size_t number = 1;; ++number) {
        CAPTURE(number, settings.idempotent);
        open_channel it{settings};
        for (const char* id : {"a", "b", "c"}) it.submit(id);
        for (const char* id : {"a", "b", "c"}) it.receive_message(id);
        // Until the test asks again, on the shard's thread.
        std::optional<failing_allocation> failing;
        it.on_shard([&](exchange::shard&) {
            failing.emplace(number);
            it.close();
        });
        bool has_failed = false;
        it.on_shard([&](exchange::shard&) {});
        it.on_shard([&](exchange::shard&) {
            has_failed = failing->has_failed();
            failing.reset();
        });
        it.on_shard([&](exchange::shard&) { it.remove_handler(); });
        std::vector<std::string> ended;
        for (int i = 0; i < 3; ++i) ended.push_back(it.session.statuses.wait_for_next());
        std::sort(ended.begin(), ended.end());
        CHECK(ended[0].starts_with("\"a\" handler_"));
        CHECK(ended[1].starts_with("\"b\" handler_"));
        CHECK(ended[2].starts_with("\"c\" handler_"));
        it.on_shard([&](exchange::shard&) {});
        CHECK(it.session.statuses.empty());
        if (!has_failed) break;
        ++failures;
    }
    CHECK(failures > 0);
}
