#include <catch2/catch.hpp>

#include <string>
#include <utility>
#include <vector>

#include "failing_allocation.hpp"
#include "handlers/waiting_room.hpp"

namespace bester::handlers {

namespace {

waiting_message message(std::uint64_t serial, std::uint64_t origin, std::size_t size = 0) {
    waiting_message made;
    made.serial = serial;
    made.origin = made.order = origin;
    made.deadline_ms = made.give_up_ms = 1'000;
    made.data.assign(size, 'x');
    return made;
}

std::vector<std::uint64_t> serials(const waiting_room::message_list& in) {
    std::vector<std::uint64_t> found;
    for (const waiting_message& each : in) found.push_back(each.serial);
    return found;
}

std::vector<std::uint64_t> take_all(waiting_room& room, waiting_room::line& from) {
    std::vector<std::uint64_t> found;
    while (!from.empty()) found.push_back(room.take_first(from).serial);
    return found;
}

using numbers = std::vector<std::uint64_t>;

/// A room of ten messages and 1,000 bytes.
struct small_room {
    waiting_room room;
    waiting_room::line line;
    waiting_room::message_list evicted;
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

TEST_CASE("waiting room: nothing gives way for a message that is refused", "[handlers]") {
    small_room it;
    SECTION("since others would hold less than its origin then") {
        for (int i = 0; i < 3; ++i) REQUIRE(it.enter(1, 300));
        // Without one of these 600 would be left: more than 500, but then too little gives way.
        CHECK_FALSE(it.enter(2, 700));
        CHECK_FALSE(it.enter(2, 650));
    }
    SECTION("since the room is full of messages, and there is too little of bytes") {
        REQUIRE(it.enter(3, 900));
        for (int i = 0; i < 9; ++i) REQUIRE(it.enter(1, 1));
        CHECK_FALSE(it.enter(2, 950));
    }
    SECTION("since the bound is zero now") {
        REQUIRE(it.enter(1, 300));
        REQUIRE(it.enter(1, 300));
        CHECK_FALSE(it.room.make_room(2, 1, {0, 1'000}, it.evicted));
    }
    CHECK(it.evicted.empty());
}

TEST_CASE("waiting room: as many give way as both bounds need, of who holds the most of each", "[handlers]") {
    small_room it;
    REQUIRE(it.enter(1, 450));
    REQUIRE(it.enter(1, 450));
    for (int i = 0; i < 8; ++i) REQUIRE(it.enter(2, 1));
    CHECK(it.enter(3, 200));
    CHECK(serials(it.evicted) == numbers{10, 2});
    CHECK(it.room.messages() == 9);
    CHECK(it.room.bytes() == 657);
}

TEST_CASE("waiting room: as many origins give way as are needed, each time the one that holds the most", "[handlers]") {
    small_room it;
    SECTION("of bytes") {
        // A flood of two origins: neither alone can give as much as a third one may have.
        for (int i = 0; i < 4; ++i) REQUIRE((it.enter(1, 130) && it.enter(2, 110)));
        CHECK(it.enter(3, 330));
        CHECK(serials(it.evicted) == numbers{7, 8, 5});
        CHECK(it.room.bytes() == 920);
        // 260, 330 and 330 are held: nobody gives way to one who would have more.
        CHECK_FALSE(it.enter(4, 400));
        CHECK(it.evicted.size() == 3);
    }
    SECTION("when the bound of messages is lower now") {
        for (int i = 0; i < 3; ++i) REQUIRE((it.enter(1) && it.enter(2) && it.enter(3)));
        CHECK_FALSE(it.room.make_room(4, 0, {3, 1'000}, it.evicted));
        CHECK(it.evicted.empty());
        CHECK(it.room.make_room(4, 0, {5, 1'000}, it.evicted));
        CHECK(it.evicted.size() == 5);
        CHECK(take_all(it.room, it.line).size() == 4);
    }
    SECTION("of both, where one gives of the other as well") {
        REQUIRE(it.enter(1, 300));
        REQUIRE(it.enter(1, 300));
        REQUIRE(it.enter(1, 1));
        for (int i = 0; i < 2; ++i) REQUIRE(it.enter(2, 150));
        for (int i = 0; i < 5; ++i) REQUIRE(it.enter(3, 1));
        // A message of 3 gives way for the number, then two of 1 for their bytes.
        CHECK(it.enter(4, 140));
        CHECK(serials(it.evicted) == numbers{10, 3, 2});
        CHECK(it.room.messages() == 8);
    }
}

TEST_CASE("waiting room: each message that gives way is the newest of who holds the most then", "[handlers]") {
    std::uint64_t state = 11;
    const auto next = [&state](std::uint64_t below) {
        state = state * 6364136223846793005ULL + 1442695040888963407ULL;
        return (state >> 33) % below;
    };
    constexpr std::uint64_t origins = 12;
    std::size_t admitted = 0;
    for (int round = 0; round < 3'000; ++round) {
        waiting_room room;
        waiting_room::line line;
        std::vector<std::pair<std::uint64_t, std::size_t>> waiting;  // origin and size, by serial
        const std::size_t count = 1 + next(30);
        const std::uint64_t senders = 1 + next(origins);
        for (std::size_t i = 0; i < count; ++i) {
            waiting.emplace_back(1 + next(senders), next(100));
            room.add(line, message(i, waiting[i].first, waiting[i].second));
        }
        const auto held = [&](std::uint64_t origin, bool is_bytes) {
            std::size_t sum = 0;
            for (const auto& [of, size] : waiting)
                if (of == origin) sum += is_bytes ? size : 1;
            return sum;
        };
        const std::uint64_t newcomer = 1 + next(origins);
        const std::size_t size = next(200);
        const waiting_room::bounds most{1 + next(40), 100 + next(2'000)};
        CAPTURE(round, count, senders, newcomer, size, most.messages, most.bytes);
        waiting_room::message_list evicted;
        if (!room.make_room(newcomer, size, most, evicted)) {
            CHECK(evicted.empty());
            CHECK(room.messages() == count);
            continue;
        }
        ++admitted;
        CHECK(room.messages() < most.messages);
        CHECK((room.messages() == 0 || room.bytes() + size <= most.bytes));
        std::size_t left = count;
        for (const waiting_message& gone : evicted) {
            // Bytes are looked at when there is room for one message more.
            const bool is_bytes = left < most.messages;
            const std::size_t its = held(gone.origin, is_bytes);
            for (std::uint64_t other = 1; other <= origins; ++other) REQUIRE(held(other, is_bytes) <= its);
            REQUIRE(its > held(newcomer, is_bytes) + (is_bytes ? size : 1));
            for (std::size_t later = gone.serial + 1; later < count; ++later)
                REQUIRE(waiting[later].first != gone.origin);
            waiting[gone.serial] = {};
            --left;
        }
    }
    CHECK(admitted > 500);
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
    waiting_room::message_list gathered;
    it.room.gather(it.line, gathered);
    waiting_room::sort_by_serial(gathered);
    CHECK(serials(gathered) == numbers{2, 4, 5, 6});
    while (!gathered.empty()) waiting_room::put_first(gathered, it.line);
    CHECK(it.room.make_room(9, 0, {4, 1'000}, it.evicted));
    CHECK(it.room.make_room(9, 0, {3, 1'000}, it.evicted));
    CHECK(serials(it.evicted) == numbers{6, 5});
    CHECK(take_all(it.room, it.line) == numbers{2, 4});
}

TEST_CASE("waiting room: who has asked for little does not wait for those who have asked for much", "[handlers]") {
    small_room it;
    for (int i = 0; i < 3; ++i) REQUIRE(it.enter(1));
    for (int i = 0; i < 3; ++i) REQUIRE(it.enter(2));
    REQUIRE(it.enter(3));
    REQUIRE(it.enter(3));
    // 1, 4 and 7 came when nothing else of theirs waited; the others are not forgotten for them, nor do they overtake.
    CHECK(it.room.take_first(it.line).serial == 1);
    CHECK(it.room.take_first(it.line).serial == 2);
    REQUIRE(it.enter(4));
    CHECK(take_all(it.room, it.line) == numbers{4, 3, 7, 5, 9, 6, 8});
}

TEST_CASE("waiting room: a message never overtakes an earlier one of its order, whoever sent that", "[handlers]") {
    small_room it;
    const auto add = [&](std::uint64_t serial, std::uint64_t origin, std::uint64_t order) {
        waiting_message one = message(serial, origin);
        one.order = order;
        it.room.add(it.line, std::move(one));
    };
    for (std::uint64_t i = 1; i <= 3; ++i) add(i, i, i);
    add(4, 4, 77);
    add(5, 5, 77);  // nothing else of 5, but of the order
    add(6, 6, 6);
    CHECK(take_all(it.room, it.line) == numbers{1, 2, 3, 4, 6, 5});
}

TEST_CASE("waiting room: accounts stay right whatever comes and goes", "[handlers]") {
    waiting_room room;
    std::vector<waiting_room::line> lines(3);
    waiting_room::message_list out;
    std::uint64_t state = 7;
    const auto next = [&state](std::uint64_t below) {
        state = state * 6364136223846793005ULL + 1442695040888963407ULL;
        return (state >> 33) % below;
    };
    for (std::uint64_t step = 1; step <= 20'000; ++step) {
        auto& line = lines[next(3)];
        const std::uint64_t origin = next(12);
        const std::uint64_t order = next(4) == 0 ? 100 + next(3) : origin;
        const std::size_t size = next(100);
        switch (next(5)) {
            case 0:
            case 1:
                if (room.make_room(origin, size, {200, 8'000}, out)) {
                    waiting_message added = message(step, origin, size);
                    added.order = order;
                    room.add(line, std::move(added));
                }
                break;
            case 2:
                if (!line.empty()) {
                    // Whatever lanes there are, nothing older of its order waits in the line.
                    const waiting_message taken = room.take_first(line);
                    bool is_oldest = true;
                    line.for_each([&](const waiting_message& each) {
                        is_oldest = is_oldest && (each.order != taken.order || each.serial > taken.serial);
                    });
                    REQUIRE(is_oldest);
                }
                break;
            case 3: {
                // As the queue does it: by serial.
                auto& to = lines[next(3) == 0 ? 1 : 0];
                waiting_room::message_list gathered;
                room.gather(line, gathered);
                if (&to != &line) room.gather(to, gathered);
                waiting_room::sort_by_serial(gathered);
                while (!gathered.empty()) waiting_room::put_first(gathered, to);
                break;
            }
            case 4:
                if (next(50) == 0) room.expel(line, out);
                break;
        }
        std::size_t messages = 0;
        std::size_t bytes = 0;
        for (auto& each : lines)
            each.for_each([&](const waiting_message& one) {
                ++messages;
                bytes += one.data.size();
                REQUIRE(one.line == &each);
            });
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
    waiting_room::message_list expired;
    it.room.expire(it.line, 49, expired);
    CHECK(expired.empty());
    it.room.expire(it.line, 100, expired);
    CHECK(serials(expired) == numbers{1, 3});
    CHECK(it.room.messages() == 1);
}

TEST_CASE("waiting room: without memory a message is neither in it nor counted", "[handlers]") {
    const bool is_known = GENERATE(false, true);  // the origin has a message there already
    for (std::size_t number = 1;; ++number) {
        small_room it;
        if (is_known) REQUIRE(it.enter(7, 10));
        const std::size_t before = it.room.messages();
        waiting_message refused = message(9, 7, 500);
        const auto attempt = fail_allocation(number, [&] { it.room.add(it.line, std::move(refused)); });
        if (!attempt.has_failed) break;
        CHECK(attempt.has_thrown);
        CHECK(it.room.messages() == before);
        CHECK(it.room.bytes() == 10 * before);
        CHECK(it.line.empty() == (before == 0));
        CHECK(refused.data.size() == 500);
        it.room.add(it.line, std::move(refused));
        CHECK(it.room.bytes() == 10 * before + 500);
        waiting_room::message_list out;
        it.room.expel(it.line, out);
        CHECK(it.room.messages() == 0);
        CHECK(it.room.bytes() == 0);
    }
}

}  // namespace bester::handlers
