#include "peering/flows/message_store.hpp"
#include "peering/flows/ring.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <deque>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace bester::peering {

TEST_CASE("message store: what is stored is there until it is given up, in any order", "[peering]") {
    message_store store{1 << 20};
    std::mt19937 random{7};
    std::vector<std::pair<stored_bytes, std::string>> kept;
    std::size_t bytes = 0;
    for (int i = 0; i < 20'000; ++i) {
        if (kept.empty() || random() % 2 == 0) {
            const std::string message(random() % 50 == 0 ? random() % 70'000 : random() % 300,
                                      static_cast<char>('a' + random() % 26));
            stored_bytes where;
            if (!store.store(message, where)) continue;
            kept.emplace_back(where, message);
            bytes += message.size();
        } else {
            std::swap(kept[random() % kept.size()], kept.back());
            REQUIRE(store.view(kept.back().first) == kept.back().second);
            store.give_up(kept.back().first);
            bytes -= kept.back().second.size();
            kept.pop_back();
        }
        REQUIRE(store.bytes() == bytes);
        REQUIRE(store.bytes_held() <= (1 << 20) + message_store::chunk_size);
    }
    for (const auto& [where, message] : kept) {
        REQUIRE(store.view(where) == message);
        store.give_up(where);
    }
    store.trim();
    CHECK(store.bytes() == 0);
    CHECK(store.bytes_held() == 0);
}

TEST_CASE("message store: a queue of steady length holds steady memory", "[peering]") {
    message_store store{1 << 20};
    std::deque<stored_bytes> queue;
    const std::string message(1'000, 'x');
    std::size_t most_held = 0;
    for (int i = 0; i < 10'000; ++i) {
        stored_bytes where;
        REQUIRE(store.store(message, where));
        queue.push_back(where);
        if (queue.size() < 100) continue;
        store.give_up(queue.front());
        queue.pop_front();
        most_held = std::max(most_held, store.bytes_held());
    }
    CHECK(most_held <= 6 * message_store::chunk_size);
}

TEST_CASE("message store: an old message in each chunk does not let memory grow beyond the limit", "[peering]") {
    message_store store{10 * message_store::chunk_size};
    stored_bytes where;
    const std::string most_of_a_chunk(message_store::chunk_size - 1, 'x');
    int chunks = 0;
    for (; store.store("1", where); ++chunks) {
        stored_bytes filler;
        if (!store.store(most_of_a_chunk, filler)) break;
        store.give_up(filler);
        REQUIRE(chunks < 100);
        if (store.store(most_of_a_chunk, filler)) store.give_up(filler);
        REQUIRE(store.bytes_held() <= 11 * message_store::chunk_size);
    }
    CHECK(store.bytes_held() <= 11 * message_store::chunk_size);
}

TEST_CASE("message store: a message as large as the limit fits into an empty store, and no larger one", "[peering]") {
    message_store store{100};
    stored_bytes where;
    CHECK_FALSE(store.store(std::string(101, 'x'), where));
    REQUIRE(store.store(std::string(100, 'x'), where));
    stored_bytes more;
    CHECK_FALSE(store.store("x", more));
    store.give_up(where);
    CHECK(store.store("x", more));
    store.set_limit(0);
    CHECK_FALSE(store.store("x", where));
    CHECK(store.view(more) == "x");
}

TEST_CASE("ring: it is a queue, around its end and while it grows", "[peering]") {
    ring<int> queue;
    std::deque<int> expected;
    std::mt19937 random{3};
    for (int i = 0; i < 5'000; ++i) {
        if (expected.empty() || random() % 5 < 3) {
            queue.push_back(i);
            expected.push_back(i);
        } else {
            REQUIRE(queue.front() == expected.front());
            queue.pop_front();
            expected.pop_front();
        }
        REQUIRE(queue.size() == expected.size());
    }
    for (std::size_t i = 0; i < expected.size(); ++i) REQUIRE(queue[i] == expected[i]);
    queue.clear();
    CHECK(queue.empty());
}

}  // namespace bester::peering
