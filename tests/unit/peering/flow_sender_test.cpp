#include "peering/flows/flow_sender.hpp"

#include "wire/link_message.hpp"

#include <catch2/catch.hpp>
#include <ostream>
#include <string>
#include <vector>

namespace bester::peering {

std::ostream& operator<<(std::ostream& out, const failed_message& failed) {
    return out << failed.ref << ' ' << to_string(failed.why);
}

namespace {

using namespace std::chrono_literals;
using enum wire::acknowledgement_kind;
using failures = std::vector<failed_message>;

constexpr std::uint64_t first_flow = 100;

/// A sender and a clock. What it wants to send is written down: "probe 100/3", "100/3 body".
struct fixture {
    explicit fixture(const flow_settings& settings = {4, 100'000, 120s, 5s}) : sender{settings, first_flow} {
        now += 1h;
    }

    bool offer(const std::string& body, std::uint64_t ref) {
        return sender.offer(now, body, flow_sender::no_deadline, ref);
    }
    bool offer_for(const std::string& body, std::uint64_t ref, std::chrono::milliseconds time) {
        return sender.offer(now, body, now + time, ref);
    }
    std::string send_one() {
        const bool is_something_expected = sender.has_unsent();
        const auto next = sender.next_to_send(now);
        CHECK(next.has_value() == is_something_expected);
        if (!next) return "";
        const std::string at = std::to_string(next->flow) + '/' + std::to_string(next->number);
        if (next->is_probe) return "probe " + at;
        return at + ' ' + (next->body == wire::void_body ? "void" : std::string{next->body});
    }
    std::vector<std::string> send_all() {
        std::vector<std::string> all;
        for (std::string one = send_one(); !one.empty(); one = send_one()) all.push_back(one);
        return all;
    }
    failures hear(std::uint64_t flow, std::uint64_t next, wire::acknowledgement_kind kind = arrived) {
        failures failed;
        sender.on_acknowledgement(now, flow, next, kind, failed);
        return failed;
    }
    failures tick(std::chrono::milliseconds later) {
        now += later;
        failures failed;
        sender.on_timer(now, failed);
        return failed;
    }
    /// With a route, the flow begun, and messages 1 to `count` sent.
    void open_with(int count) {
        sender.on_route_up(now);
        REQUIRE(send_one() == "probe 100/1");
        REQUIRE(hear(first_flow, 1).empty());
        for (int i = 1; i <= count; ++i) REQUIRE(offer("m" + std::to_string(i), static_cast<std::uint64_t>(i)));
        REQUIRE(send_all().size() == static_cast<std::size_t>(count));
    }

    flow_sender sender;
    flow_sender::time_point now{};
};

using lines = std::vector<std::string>;

}  // namespace

TEST_CASE("flow sender: a flow begins with a probe, and messages follow its acknowledgement", "[peering]") {
    fixture f;
    CHECK(f.offer("one", 1));
    CHECK(f.offer("two", 2));
    CHECK(f.send_all() == lines{});
    f.sender.on_route_up(f.now);
    CHECK(f.send_all() == lines{"probe 100/1"});
    CHECK(f.hear(100, 1).empty());
    CHECK(f.send_all() == lines{"100/1 one", "100/2 two"});
    CHECK(f.sender.unacknowledged_messages() == 2);
    CHECK(f.hear(100, 2).empty());
    CHECK(f.sender.queued_messages() == 1);
    CHECK(f.hear(100, 3).empty());
    CHECK(f.sender.queued_messages() == 0);
    CHECK(f.sender.queued_bytes() == 0);
    CHECK(f.sender.counters().sent == 2);
    CHECK(f.sender.counters().acknowledged == 2);
    CHECK(f.sender.counters().resent == 0);
}

TEST_CASE("flow sender: after a change of route it asks, and sends again what is missing", "[peering]") {
    fixture f;
    f.open_with(3);
    f.sender.on_route_down(f.now);
    CHECK(f.offer("m4", 4));
    CHECK(f.send_all() == lines{});
    f.sender.on_route_up(f.now);
    CHECK(f.send_all() == lines{"probe 100/4"});
    SECTION("some had arrived") {
        f.hear(100, 2);
        CHECK(f.send_all() == lines{"100/2 m2", "100/3 m3", "100/4 m4"});
        CHECK(f.sender.counters().resent == 2);
    }
    SECTION("all had arrived") {
        f.hear(100, 4);
        CHECK(f.send_all() == lines{"100/4 m4"});
        CHECK(f.sender.counters().resent == 0);
    }
    SECTION("the route changes again before the answer") {
        f.sender.on_route_down(f.now);
        f.sender.on_route_up(f.now);
        CHECK(f.send_all() == lines{"probe 100/4"});
    }
    SECTION("the destination was started anew: what it was sent is lost, the rest goes on") {
        CHECK(f.hear(100, 101, unknown) ==
              failures{{1, flow_failure::lost}, {2, flow_failure::lost}, {3, flow_failure::lost}});
        CHECK(f.send_all() == lines{"probe 102/1"});
        f.hear(102, 1);
        CHECK(f.send_all() == lines{"102/1 m4"});
        CHECK(f.sender.counters().lost == 3);
    }
}

TEST_CASE("flow sender: it asks after a change of route even if nothing is on its way", "[peering]") {
    fixture f;
    f.open_with(1);
    f.hear(100, 2);
    f.sender.on_route_down(f.now);
    f.sender.on_route_up(f.now);
    CHECK(f.offer("m2", 2));
    CHECK(f.send_all() == lines{"probe 100/2"});
    CHECK(f.hear(100, 101, unknown).empty());  // started anew meanwhile: nothing is lost
    CHECK(f.send_all() == lines{"probe 102/1"});
    f.hear(102, 1);
    CHECK(f.send_all() == lines{"102/1 m2"});
}

TEST_CASE("flow sender: a rewind is obeyed once for each position", "[peering]") {
    fixture f;
    f.open_with(3);
    f.hear(100, 2, rewind);
    CHECK(f.send_all() == lines{"100/2 m2", "100/3 m3"});
    f.hear(100, 2, rewind);
    f.hear(100, 2, rewind);
    CHECK(f.send_all() == lines{});
    f.hear(100, 3, rewind);
    CHECK(f.send_all() == lines{"100/3 m3"});
    f.hear(100, 2, rewind);  // from before
    CHECK(f.send_all() == lines{});
}

TEST_CASE("flow sender: without progress it asks, and sends again what the answer lacks", "[peering]") {
    fixture f;
    f.open_with(2);
    CHECK(f.tick(4'999ms).empty());
    CHECK(f.send_all() == lines{});
    f.tick(1ms);
    CHECK(f.send_all() == lines{"probe 100/3"});
    f.tick(1s);
    CHECK(f.send_all() == lines{});
    SECTION("no answer") {
        f.tick(4s);
        CHECK(f.send_all() == lines{"probe 100/3"});
    }
    SECTION("nothing arrived") {
        f.hear(100, 1);
        CHECK(f.send_all() == lines{"100/1 m1", "100/2 m2"});
    }
    SECTION("an acknowledgement that was on its way is progress") {
        f.hear(100, 2);
        CHECK(f.send_all() == lines{});
    }
    SECTION("all arrived, and then it is quiet") {
        f.hear(100, 3);
        f.tick(1h);
        CHECK(f.send_all() == lines{});
    }
}

TEST_CASE("flow sender: a probe that begins a flow is repeated until it is answered", "[peering]") {
    fixture f;
    f.sender.on_route_up(f.now);
    CHECK(f.send_all() == lines{"probe 100/1"});
    // Soon at first: not every server on a new route knows of it yet.
    for (const auto wait : {312ms, 625ms, 1'250ms, 2'500ms, 5'000ms, 5'000ms}) {
        f.tick(wait - 1ms);
        CHECK(f.send_all() == lines{});
        f.tick(1ms);
        CHECK(f.send_all() == lines{"probe 100/1"});
    }
    SECTION("a destination that has seen a higher flow is asked about a higher one yet") {
        f.hear(100, 500, unknown);
        CHECK(f.send_all() == lines{"probe 501/1"});
    }
    SECTION("the highest id that an answer may ask for is obeyed") {
        f.hear(100, flow_sender::most_told_flow, unknown);
        CHECK(f.sender.flow() == flow_sender::most_told_flow + 1);
    }
    SECTION("a higher one comes from no clock") {
        f.hear(100, GENERATE(flow_sender::most_told_flow + 1, wire::number_limit - 1), unknown);
        CHECK(f.send_all() == lines{"probe 101/1"});
    }
    SECTION("however often it is asked for, the id stays one that frames may carry") {
        for (int i = 0; i < 1'000; ++i)
            f.hear(f.sender.flow(), i % 2 == 0 ? wire::number_limit - 1 : flow_sender::most_told_flow, unknown);
        CHECK(f.sender.flow() <= flow_sender::most_told_flow + 1'000);
    }
    SECTION("a destination whose clock is behind ours names an id below: that is taken") {
        f.hear(100, 7, unknown);
        CHECK(f.send_all() == lines{"probe 7/1"});
        f.hear(7, 1);
        CHECK(f.offer("one", 1));
        CHECK(f.send_all() == lines{"7/1 one"});
    }
    SECTION("one that refuses each is asked with the timer") {
        f.hear(100, 101, unknown);
        CHECK(f.send_all() == lines{"probe 102/1"});
        f.hear(102, 103, unknown);
        CHECK(f.send_all() == lines{});
        f.tick(5s);
        CHECK(f.send_all() == lines{"probe 104/1"});
    }
}

TEST_CASE("flow sender: acknowledgements of other flows and of the past change nothing", "[peering]") {
    fixture f;
    f.open_with(3);
    f.hear(100, 3);
    for (const std::uint64_t flow : {std::uint64_t{1}, std::uint64_t{99}, std::uint64_t{101}}) {
        CHECK(f.hear(flow, 4).empty());
        CHECK(f.hear(flow, 4, unknown).empty());
    }
    CHECK(f.hear(100, 1).empty());
    CHECK(f.sender.unacknowledged_messages() == 1);
    CHECK(f.send_all() == lines{});
}

TEST_CASE("flow sender: an acknowledgement of what was never sent ends the flow", "[peering]") {
    fixture f;
    f.open_with(1);
    CHECK(f.hear(100, 3) == failures{{1, flow_failure::lost}});
    CHECK(f.send_all() == lines{"probe 101/1"});
}

TEST_CASE("flow sender: it asks often on a new route alone", "[peering]") {
    fixture f;
    f.open_with(2);
    f.hear(100, 2);
    f.sender.on_route_up(f.now);
    CHECK(f.send_all() == lines{"probe 100/3"});
    f.tick(312ms);
    CHECK(f.send_all() == lines{"probe 100/3"});
    SECTION("answers that are late are no forgetting") {
        for (int i = 0; i < 3; ++i) {
            f.hear(100, 1);
            CHECK(f.tick(2'500ms).empty());
            CHECK(f.send_all() == lines{"probe 100/3"});
        }
    }
    SECTION("an answer ends it") {
        f.hear(100, 2);
        CHECK(f.send_all() == lines{"100/2 m2"});
        f.tick(4'999ms);
        CHECK(f.send_all() == lines{});
        f.tick(1ms);
        CHECK(f.send_all() == lines{"probe 100/3"});
        f.tick(4'999ms);
        CHECK(f.send_all() == lines{});
    }
}

TEST_CASE("flow sender: a destination that goes on knowing less has forgotten the flow", "[peering]") {
    fixture f;
    f.open_with(3);
    f.hear(100, 3);
    for (int i = 0; i < 3; ++i) {
        CHECK(f.tick(5s).empty());
        CHECK(f.send_all() == lines{"probe 100/4"});
        CHECK(f.hear(100, 1).empty());
    }
    CHECK(f.tick(5s) == failures{{3, flow_failure::lost}});
    CHECK(f.send_all() == lines{"probe 101/1"});
}

TEST_CASE("flow sender: late answers are no forgetting if a good one comes between", "[peering]") {
    fixture f;
    f.open_with(3);
    f.hear(100, 3);
    for (int i = 0; i < 10; ++i) {
        f.tick(5s);
        REQUIRE(f.send_one() == "probe 100/4");
        f.hear(100, 1);
        f.hear(100, 3);
        CHECK(f.send_all() == lines{"100/3 m3"});
    }
    CHECK(f.sender.counters().lost == 0);
}

TEST_CASE("flow sender: an expired message that was not sent is gone without a number", "[peering]") {
    fixture f;
    f.offer_for("m1", 1, 10s);
    f.offer_for("m2", 2, 1s);
    f.offer_for("m3", 3, 1s);
    f.offer("m4", 4);
    CHECK(f.tick(999ms).empty());
    CHECK(f.tick(1ms) == failures{{2, flow_failure::expired}, {3, flow_failure::expired}});
    CHECK(f.sender.queued_messages() == 2);
    CHECK(f.sender.queued_bytes() == 4);
    CHECK(f.offer("m5", 5));
    f.sender.on_route_up(f.now);
    REQUIRE(f.send_one() == "probe 100/1");
    f.hear(100, 1);
    CHECK(f.send_all() == lines{"100/1 m1", "100/2 m4", "100/3 m5"});
    CHECK(f.sender.counters().expired == 2);
}

TEST_CASE("flow sender: an expired message that was sent is void when it is sent again", "[peering]") {
    fixture f;
    f.sender.on_route_up(f.now);
    REQUIRE(f.send_one() == "probe 100/1");
    f.hear(100, 1);
    f.offer("m1", 1);
    f.offer_for("m2", 2, 1s);
    f.offer("m3", 3);
    CHECK(f.send_all().size() == 3);
    CHECK(f.tick(1s) == failures{{2, flow_failure::expired}});
    f.hear(100, 1, rewind);
    CHECK(f.send_all() == lines{"100/1 m1", "100/2 void", "100/3 m3"});
    CHECK(f.hear(100, 101, unknown) == failures{{1, flow_failure::lost}, {3, flow_failure::lost}});
}

TEST_CASE("flow sender: without a route for the resume window everything is answered", "[peering]") {
    fixture f;
    f.open_with(2);
    f.sender.on_route_down(f.now);
    f.offer("m3", 3);
    CHECK(f.tick(119'999ms).empty());
    CHECK(f.tick(1ms) == failures{{1, flow_failure::lost}, {2, flow_failure::lost}, {3, flow_failure::unreachable}});
    CHECK(f.sender.queued_messages() == 0);
    CHECK(f.sender.bytes_held() == 0);
    // What is offered then has its own window, and a new flow.
    f.offer("m4", 4);
    CHECK(f.tick(119s).empty());
    f.sender.on_route_up(f.now);
    CHECK(f.send_all() == lines{"probe 101/1"});
    f.hear(101, 1);
    CHECK(f.send_all() == lines{"101/1 m4"});
    CHECK(f.hear(100, 3).empty());
    CHECK(f.sender.unacknowledged_messages() == 1);
}

TEST_CASE("flow sender: the window of a destination that was never reached begins with the first message",
          "[peering]") {
    fixture f;
    f.tick(1h);
    f.offer("m1", 1);
    CHECK(f.tick(119s).empty());
    f.offer("m2", 2);
    CHECK(f.tick(1s) == failures{{1, flow_failure::unreachable}, {2, flow_failure::unreachable}});
    CHECK(f.sender.counters().unreachable == 2);
    f.offer("m3", 3);
    f.sender.on_route_up(f.now);
    CHECK(f.send_all() == lines{"probe 100/1"});
}

TEST_CASE("flow sender: a destination that never answers is unreachable, also if its route comes and goes",
          "[peering]") {
    fixture f;
    f.sender.on_route_up(f.now);
    f.offer("m1", 1);
    for (int i = 0; i < 11; ++i) {
        CHECK(f.tick(10s).empty());
        CHECK(f.send_all() == lines{"probe 100/1"});
        f.sender.on_route_down(f.now);
        f.sender.on_route_up(f.now);
    }
    CHECK(f.tick(10s) == failures{{1, flow_failure::unreachable}});
    fixture g;
    g.open_with(1);
    CHECK(g.tick(119s).empty());
    g.offer("m2", 2);
    CHECK(g.tick(1s) == failures{{1, flow_failure::lost}, {2, flow_failure::unreachable}});
}

TEST_CASE("flow sender: a withdrawn message keeps its place as a void one", "[peering]") {
    fixture f;
    f.open_with(3);
    CHECK(f.sender.withdraw(2) == 2);
    CHECK(f.sender.withdraw(2) == 0);  // answered once
    CHECK(f.sender.queued_bytes() == 4);
    f.sender.on_route_down(f.now);
    f.sender.on_route_up(f.now);
    CHECK(f.send_all() == std::vector<std::string>{"probe 100/4"});
    CHECK(f.hear(first_flow, 1).empty());
    CHECK(f.send_all() == std::vector<std::string>{"100/1 m1", "100/2 void", "100/3 m3"});
    CHECK(f.hear(first_flow, 4).empty());
    CHECK(f.sender.queued_messages() == 0);
}

TEST_CASE("flow sender: who wants no answer gets none", "[peering]") {
    fixture f;
    f.offer("m1", 0);
    CHECK(f.tick(2min).empty());
    CHECK(f.sender.queued_messages() == 0);
    CHECK(f.sender.counters().unreachable == 1);
}

TEST_CASE("flow sender: messages and bytes are bounded, sent or not", "[peering]") {
    fixture f;
    f.open_with(2);
    CHECK(f.offer("m3", 3));
    CHECK(f.offer("m4", 4));
    CHECK_FALSE(f.offer("m5", 5));
    f.hear(100, 2);
    CHECK(f.offer("m5", 5));
    fixture g;
    CHECK_FALSE(g.offer(std::string(100'001, 'x'), 1));
    CHECK(g.offer(std::string(60'000, 'x'), 1));
    CHECK_FALSE(g.offer(std::string(40'001, 'x'), 2));
    CHECK(g.offer(std::string(40'000, 'x'), 2));
    CHECK_FALSE(g.offer("x", 3));
    CHECK(g.sender.queued_bytes() == 100'000);
}

TEST_CASE("flow sender: the budget in a message is what is left when it is sent", "[peering]") {
    fixture f;
    const auto body = [](std::uint32_t budget) {
        std::string out;
        wire::append_link_message(out, wire::submit_message{1, budget, 0, "\"t\"", "u", {}, {}, "1"});
        return out;
    };
    CHECK(f.offer_for(body(5'000), 1, 5s));
    f.now += 2s;
    f.sender.on_route_up(f.now);
    REQUIRE(f.send_one() == "probe 100/1");
    f.hear(100, 1);
    CHECK(f.send_all() == lines{"100/1 " + body(3'000)});
    f.now += 4s;  // no timer yet: it must not become a very long one
    f.hear(100, 1, rewind);
    CHECK(f.send_all() == lines{"100/1 " + body(1)});
}

TEST_CASE("flow sender: a peer that is removed fails everything at once", "[peering]") {
    fixture f;
    f.open_with(1);
    f.sender.on_route_down(f.now);
    f.offer("m2", 2);
    failures failed;
    f.sender.fail_all(f.now, failed);
    CHECK(failed == failures{{1, flow_failure::lost}, {2, flow_failure::unreachable}});
    CHECK(f.sender.queued_messages() == 0);
}

}  // namespace bester::peering
