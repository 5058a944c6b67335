#include "peering/flows/flow_receiver.hpp"

#include <catch2/catch.hpp>
#include <ostream>
#include <string>
#include <vector>

namespace bester::peering {

std::ostream& operator<<(std::ostream& out, const due_acknowledgement& due) {
    return out << due.flow << '/' << due.next << " kind " << static_cast<int>(due.kind);
}
std::ostream& operator<<(std::ostream& out, flow_verdict verdict) {
    return out << "verdict " << static_cast<int>(verdict);
}

namespace {

using namespace std::chrono_literals;
using enum wire::acknowledgement_kind;
using enum flow_verdict;
using dues = std::vector<due_acknowledgement>;

struct fixture {
    flow_verdict hear(std::uint64_t flow, std::uint64_t sequence) {
        return receiver.on_message(now, wall_ms, flow, sequence);
    }
    void probe(std::uint64_t flow, std::uint64_t next) { receiver.on_probe(wall_ms, flow, next); }
    dues end_turn() {
        dues all;
        while (const auto due = receiver.take_acknowledgement(now)) all.push_back(*due);
        CHECK_FALSE(receiver.is_acknowledgement_due());
        return all;
    }
    /// Flow 10, begun, with so many messages taken.
    void begin(std::uint64_t messages) {
        probe(10, 1);
        for (std::uint64_t i = 1; i <= messages; ++i) REQUIRE(hear(10, i) == take);
        end_turn();
    }

    flow_receiver receiver;
    flow_receiver::time_point now{};
    std::uint64_t wall_ms = 1'790'000'000'000;
};

}  // namespace

TEST_CASE("flow receiver: a probe for sequence 1 begins a flow, and messages are taken in order", "[peering]") {
    fixture f;
    CHECK(f.receiver.flow() == 0);
    f.probe(10, 1);
    CHECK(f.receiver.is_acknowledgement_due());
    CHECK(f.end_turn() == dues{{10, 1, arrived}});
    CHECK(f.hear(10, 1) == take);
    CHECK(f.hear(10, 2) == take);
    CHECK(f.hear(10, 3) == take);
    CHECK(f.end_turn() == dues{{10, 4, arrived}});
    CHECK(f.end_turn() == dues{});
    CHECK(f.receiver.flow() == 10);
    CHECK(f.receiver.next() == 4);
}

TEST_CASE("flow receiver: an acknowledgement is urgent if it was asked for, or is about many messages", "[peering]") {
    fixture f;
    CHECK_FALSE(f.receiver.is_acknowledgement_urgent());

    SECTION("a probe asks") {
        f.probe(10, 1);
        CHECK(f.receiver.is_acknowledgement_urgent());
        f.end_turn();
        CHECK_FALSE(f.receiver.is_acknowledgement_urgent());
    }
    SECTION("messages in order can wait until they are many") {
        f.begin(5);
        for (std::uint64_t i = 1; i < flow_receiver::most_unsaid; ++i) {
            REQUIRE(f.hear(10, 5 + i) == take);
            REQUIRE(f.receiver.is_acknowledgement_due());
            REQUIRE_FALSE(f.receiver.is_acknowledgement_urgent());
        }
        f.hear(10, 5 + flow_receiver::most_unsaid);
        CHECK(f.receiver.is_acknowledgement_urgent());
        CHECK(f.end_turn() == dues{{10, 6 + flow_receiver::most_unsaid, arrived}});
        CHECK_FALSE(f.receiver.is_acknowledgement_urgent());
    }
    SECTION("the origin of a duplicate does not know") {
        f.begin(3);
        f.hear(10, 2);
        CHECK(f.receiver.is_acknowledgement_urgent());
    }
    SECTION("behind a gap nothing goes on") {
        f.begin(3);
        f.hear(10, 5);
        CHECK(f.receiver.is_acknowledgement_urgent());
    }
    SECTION("a flow that is not known shall end") {
        f.begin(3);
        f.hear(11, 4);
        CHECK(f.receiver.is_acknowledgement_urgent());
    }
    SECTION("a new flow begins without a debt") {
        f.begin(flow_receiver::most_unsaid - 1);
        f.hear(10, flow_receiver::most_unsaid);
        f.probe(11, 1);
        f.end_turn();
        f.hear(11, 1);
        CHECK_FALSE(f.receiver.is_acknowledgement_urgent());
    }
}

TEST_CASE("flow receiver: a duplicate is dropped, and acknowledged again", "[peering]") {
    fixture f;
    f.begin(3);
    CHECK(f.hear(10, 1) == duplicate);
    CHECK(f.hear(10, 3) == duplicate);
    CHECK(f.end_turn() == dues{{10, 4, arrived}});
}

TEST_CASE("flow receiver: a gap is asked for once, and again after a while", "[peering]") {
    fixture f;
    f.begin(1);
    CHECK(f.hear(10, 3) == gap);
    CHECK(f.hear(10, 4) == gap);
    CHECK(f.end_turn() == dues{{10, 2, rewind}});
    CHECK(f.hear(10, 5) == gap);
    CHECK(f.end_turn() == dues{});
    SECTION("after a second") {
        f.now += 999ms;
        CHECK(f.hear(10, 6) == gap);
        CHECK(f.end_turn() == dues{});
        f.now += 1ms;
        CHECK(f.hear(10, 7) == gap);
        CHECK(f.end_turn() == dues{{10, 2, rewind}});
    }
    SECTION("after progress, for the next gap") {
        CHECK(f.hear(10, 2) == take);
        CHECK(f.hear(10, 4) == gap);
        CHECK(f.end_turn() == dues{{10, 3, rewind}});
    }
}

TEST_CASE("flow receiver: a probe is answered with what has arrived", "[peering]") {
    fixture f;
    f.begin(4);
    f.probe(10, 9);
    CHECK(f.end_turn() == dues{{10, 5, arrived}});
    f.probe(10, 1);  // the one that began it, late
    CHECK(f.end_turn() == dues{{10, 5, arrived}});
    CHECK(f.hear(10, 5) == take);
}

TEST_CASE("flow receiver: after a change of the way back it answers again", "[peering]") {
    fixture f;
    f.receiver.on_route_up();  // no flow, no answer
    CHECK(f.end_turn() == dues{});
    f.begin(4);
    f.receiver.on_route_up();
    CHECK(f.receiver.is_acknowledgement_urgent());
    CHECK(f.end_turn() == dues{{10, 5, arrived}});
    CHECK(f.end_turn() == dues{});
}

TEST_CASE("flow receiver: a higher flow replaces the one before, whose messages are stale", "[peering]") {
    fixture f;
    f.begin(2);
    f.probe(11, 1);
    CHECK(f.hear(11, 1) == take);
    CHECK(f.hear(10, 3) == stale);
    CHECK(f.end_turn() == dues{{10, 12, unknown}, {11, 2, arrived}});
    f.probe(9, 1);
    CHECK(f.end_turn() == dues{{9, 12, unknown}});
    CHECK(f.hear(11, 2) == take);
}

TEST_CASE("flow receiver: a flow that is not known is not begun in its middle", "[peering]") {
    fixture f;
    SECTION("by a probe") { f.probe(10, 5); }
    SECTION("by a message") { CHECK(f.hear(10, 5) == stale); }
    SECTION("by its first message") { CHECK(f.hear(10, 1) == stale); }
    CHECK(f.end_turn() == dues{{10, 11, unknown}});
    CHECK(f.receiver.flow() == 0);
    // Nor later: some of it may have been taken before this server was started anew.
    f.probe(10, 1);
    CHECK(f.end_turn() == dues{{10, 11, unknown}});
    CHECK(f.hear(10, 1) == stale);
    f.end_turn();
    f.probe(11, 1);
    CHECK(f.hear(11, 1) == take);
    CHECK(f.end_turn() == dues{{11, 2, arrived}});
}

TEST_CASE("flow receiver: the middle of a higher flow ends the one before", "[peering]") {
    fixture f;
    f.begin(2);
    CHECK(f.hear(10, 3) == take);
    CHECK(f.hear(20, 7) == stale);
    CHECK(f.end_turn() == dues{{20, 21, unknown}});
    CHECK(f.hear(10, 4) == stale);
}

TEST_CASE("flow receiver: a flow id that no clock gives is refused, and forgotten", "[peering]") {
    fixture f;
    const std::uint64_t too_high = GENERATE_COPY(wire::number_limit - 1, f.wall_ms + flow_receiver::most_ahead_ms + 1);
    const std::uint64_t next = GENERATE(1, 3);
    CAPTURE(too_high, next);
    SECTION("before any flow") {}
    SECTION("beside one") {
        f.begin(2);
        CHECK(f.hear(10, 3) == take);
        f.end_turn();
    }
    const std::uint64_t before = f.receiver.flow();
    SECTION("by a probe") { f.probe(too_high, next); }
    SECTION("by a message") { CHECK(f.hear(too_high, next) == stale); }
    f.end_turn();
    CHECK(f.receiver.flow() == before);
    // Its origin is told one that could begin here, and the others are as before.
    f.probe(too_high, next);
    CHECK(f.end_turn().front() == due_acknowledgement{too_high, f.wall_ms, unknown});
    if (before != 0) CHECK(f.hear(10, 4) == take);
    f.probe(f.wall_ms, 1);
    CHECK(f.hear(f.wall_ms, 1) == take);
}

TEST_CASE("flow receiver: a flow id may be a day ahead of the clock, and a step ahead of the one before", "[peering]") {
    fixture f;
    const std::uint64_t highest = f.wall_ms + flow_receiver::most_ahead_ms;
    f.probe(highest, 1);
    CHECK(f.end_turn() == dues{{highest, 1, arrived}});
    f.wall_ms -= 3'600'000;  // the clock is set back
    f.probe(highest + flow_receiver::most_step + 1, 1);
    CHECK(f.end_turn() == dues{{highest + flow_receiver::most_step + 1, highest + 1, unknown}});
    f.probe(highest + flow_receiver::most_step, 1);
    CHECK(f.end_turn() == dues{{highest + flow_receiver::most_step, 1, arrived}});
}

}  // namespace bester::peering
