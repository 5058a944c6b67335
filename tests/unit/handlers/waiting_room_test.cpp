#include <catch2/catch.hpp>

#include <string>
#include <vector>

#include "handlers/waiting_room.hpp"

namespace bester::handlers {

namespace {

waiting_message message(std::uint64_t serial, std::uint64_t origin, std::size_t size = 0) {
    waiting_message made;
    made.serial = serial;
    made.origin = origin;
    made.deadline_ms = made.give_up_ms = 1'000;
    made.data.assign(size, 'x');
    return made;
}

std::vector<std::uint64_t> serials(const waiting_room::line& in) {
    std::vector<std::uint64_t> found;
    for (const waiting_message& each : in) found.push_back(each.serial);
    return found;
}

using numbers = std::vector<std::uint64_t>;

/// A room of ten messages and 1,000 bytes.
struct small_room {
    waiting_room room;
    waiting_room::line line;
    waiting_room::line evicted;
    std::uint64_t last = 0;

    bool enter(std::uint64_t origin, std::size_t size = 0) {
        if (!room.make_room(origin, size, {10, 1'000}, evicted)) return false;
        room.add(line, message(++last, origin, size));
        return true;
    }
};

}  // namespace

TEST_CASE("waiting room: who holds the most messages gives way, newest first", "[handlers]") {
    small_room it;
    for (int i = 0; i < 8; ++i) REQUIRE(it.enter(1));
    REQUIRE(it.enter(2));
    REQUIRE(it.enter(3));
    CHECK_FALSE(it.enter(1));
    CHECK(it.evicted.empty());
    CHECK(it.enter(2));
    CHECK(it.enter(4));
    CHECK(serials(it.evicted) == numbers{8, 7});
    CHECK(it.room.messages() == 10);
    // 1 has six, 2 has two: 2 may have as many as 1 gives.
    while (it.enter(2)) {}
    CHECK(serials(it.evicted) == numbers{8, 7, 6, 5});
}

TEST_CASE("waiting room: bytes are bounded as well, and who holds the most of them gives way", "[handlers]") {
    small_room it;
    REQUIRE(it.enter(1, 400));
    REQUIRE(it.enter(1, 400));
    REQUIRE(it.enter(2, 100));
    CHECK_FALSE(it.enter(1, 101));
    CHECK(it.enter(2, 101));
    CHECK(serials(it.evicted) == numbers{2});
    CHECK(it.evicted.front().data.empty());
    CHECK(it.room.bytes() == 601);
    CHECK_FALSE(it.enter(3, 900));
    CHECK(it.room.messages() == 3);
}

TEST_CASE("waiting room: an empty one takes one message of any size, unless none may wait", "[handlers]") {
    small_room it;
    CHECK(it.enter(1, 5'000));
    CHECK_FALSE(it.enter(1, 1));
    waiting_room none;
    CHECK_FALSE(none.make_room(1, 0, {0, 1'000}, it.evicted));
}

TEST_CASE("waiting room: what is given anew is older than what waits of its origin", "[handlers]") {
    small_room it;
    it.room.add(it.line, message(5, 1));
    it.room.add(it.line, message(6, 1));
    it.room.add(it.line, message(2, 1));
    it.room.add(it.line, message(4, 1));
    waiting_room::sort_by_serial(it.line);
    CHECK(serials(it.line) == numbers{2, 4, 5, 6});
    CHECK(it.room.make_room(9, 0, {4, 1'000}, it.evicted));
    CHECK(it.room.make_room(9, 0, {3, 1'000}, it.evicted));
    CHECK(serials(it.evicted) == numbers{6, 5});
    CHECK(serials(it.line) == numbers{2, 4});
}

TEST_CASE("waiting room: accounts stay right whatever comes and goes", "[handlers]") {
    waiting_room room;
    std::vector<waiting_room::line> lines(3);
    waiting_room::line out;
    std::uint64_t state = 7;
    const auto next = [&state](std::uint64_t below) {
        state = state * 6364136223846793005ULL + 1442695040888963407ULL;
        return (state >> 33) % below;
    };
    for (std::uint64_t step = 1; step <= 20'000; ++step) {
        auto& line = lines[next(3)];
        const std::uint64_t origin = next(12);
        const std::size_t size = next(100);
        switch (next(5)) {
            case 0:
            case 1:
                if (room.make_room(origin, size, {200, 8'000}, out)) room.add(line, message(step, origin, size));
                break;
            case 2:
                if (!line.empty()) room.take_first(line);
                break;
            case 3: waiting_room::move_all(line, lines[next(3) == 0 ? 1 : 0]); break;
            case 4:
                if (next(50) == 0) room.expel(line, out);
                break;
        }
        std::size_t messages = 0;
        std::size_t bytes = 0;
        for (const auto& each : lines)
            for (const waiting_message& one : each) {
                ++messages;
                bytes += one.data.size();
                REQUIRE(one.line == &each);
            }
        REQUIRE(room.messages() == messages);
        REQUIRE(room.bytes() == bytes);
        REQUIRE(messages <= 200);
        REQUIRE(bytes <= 8'000);
    }
}

TEST_CASE("waiting room: each message has its own end", "[handlers]") {
    small_room it;
    for (std::uint64_t i = 1; i <= 3; ++i) {
        waiting_message one = message(i, 1);
        one.deadline_ms = i * 100;
        one.give_up_ms = i == 3 ? 50 : 1'000;
        it.room.add(it.line, std::move(one));
    }
    waiting_room::line expired;
    it.room.expire(it.line, 49, expired);
    CHECK(expired.empty());
    it.room.expire(it.line, 100, expired);
    CHECK(serials(expired) == numbers{1, 3});
    CHECK(it.room.messages() == 1);
}

}  // namespace bester::handlers
