#include "storage/credential_memory.hpp"
#include "storage/credential_hasher.hpp"

#include <atomic>
#include <catch2/catch.hpp>
#include <string>
#include <thread>
#include <vector>

using namespace bester::storage;
using namespace std::chrono_literals;

namespace {

constexpr credential_memory::time_point start{1h};

struct fixture {
    credential_hasher hasher;
    credential_memory memory{hasher, {10min, 1'000'000}};

    bool remember(std::string_view user, std::string_view password, credential_memory::time_point now = start) {
        return memory.remember(memory.begin(user), user, password, "hash", now);
    }
};

}  // namespace

TEST_CASE_METHOD(fixture, "credential memory: remembers exactly what was verified", "[credential_memory]") {
    CHECK_FALSE(memory.remembers("tina", "secret", start));
    REQUIRE(remember("tina", "secret"));
    CHECK(memory.remembers("tina", "secret", start));
    CHECK_FALSE(memory.remembers("tina", "secret2", start));
    CHECK_FALSE(memory.remembers("tina", "", start));
    CHECK_FALSE(memory.remembers("gustav", "secret", start));
    CHECK(memory.size() == 1);
}

TEST_CASE_METHOD(fixture, "credential memory: one entry per user, the last one verified", "[credential_memory]") {
    REQUIRE(remember("tina", "old"));
    REQUIRE(remember("tina", "new"));
    CHECK_FALSE(memory.remembers("tina", "old", start));
    CHECK(memory.remembers("tina", "new", start));
    CHECK(memory.size() == 1);
}

TEST_CASE_METHOD(fixture, "credential memory: forgets when the time is over", "[credential_memory]") {
    REQUIRE(remember("tina", "secret"));
    CHECK(memory.remembers("tina", "secret", start + 10min - 1ns));
    CHECK_FALSE(memory.remembers("tina", "secret", start + 10min));
}

TEST_CASE_METHOD(fixture, "credential memory: expired entries are swept, stripe by stripe", "[credential_memory]") {
    for (int i = 0; i < 1000; ++i) REQUIRE(remember("early" + std::to_string(i), "secret"));
    REQUIRE(remember("late", "secret", start + 5min));
    memory.sweep(start + 10min);
    CHECK(memory.size() < 1001);
    CHECK(memory.size() > 1);
    for (std::size_t i = 1; i < credential_memory::stripe_count; ++i) memory.sweep(start + 10min);
    CHECK(memory.size() == 1);
    CHECK(memory.remembers("late", "secret", start + 10min));
}

TEST_CASE_METHOD(fixture, "credential memory: forgets one user or all", "[credential_memory]") {
    REQUIRE(remember("tina", "secret"));
    REQUIRE(remember("gustav", "secret"));
    REQUIRE(remember("georg", "secret"));
    memory.forget("tina");
    CHECK_FALSE(memory.remembers("tina", "secret", start));
    CHECK(memory.remembers("gustav", "secret", start));
    memory.forget_all();
    CHECK_FALSE(memory.remembers("gustav", "secret", start));
    CHECK(memory.size() == 0);
    REQUIRE(remember("tina", "secret"));
    CHECK(memory.remembers("tina", "secret", start));
}

TEST_CASE_METHOD(fixture, "credential memory: what was verified before a change is not remembered after it",
                 "[credential_memory]") {
    const auto before = memory.begin("tina");
    SECTION("of the user") { memory.forget("tina"); }
    SECTION("of all") { memory.forget_all(); }
    CHECK_FALSE(memory.remember(before, "tina", "old", "hash", start));
    CHECK_FALSE(memory.remembers("tina", "old", start));
    CHECK(memory.size() == 0);
    REQUIRE(remember("tina", "new"));
}

TEST_CASE_METHOD(fixture, "credential memory: a shorter time holds for what is remembered already",
                 "[credential_memory]") {
    REQUIRE(remember("tina", "secret"));
    memory.remember_for(1h, start);
    CHECK(memory.remembers("tina", "secret", start + 9min));
    CHECK_FALSE(memory.remembers("tina", "secret", start + 10min));
    const auto changes = memory.changes();
    memory.remember_for(1min, start);
    CHECK(memory.changes() != changes);
    CHECK_FALSE(memory.remembers("tina", "secret", start + 1min));
    memory.remember_for(0s, start);
    CHECK(memory.size() == 0);
}

TEST_CASE("credential memory: what one remembers can be given to another one", "[credential_memory]") {
    const credential_keys keys = credential_keys::draw();
    const credential_hasher hasher{keys}, same{keys}, other;
    const credential_memory::time_point now{1'000s};
    credential_memory first{hasher, {10min, 100}};
    REQUIRE(first.remember(first.begin("tina"), "tina", "secret", "hash", now));
    const auto changes = first.changes();
    REQUIRE(first.remember(first.begin("gustav"), "gustav", "geheim", "hash", now + 5min));
    CHECK(first.changes() != changes);
    CHECK(first.items(now + 11min).size() == 1);
    const auto items = first.items(now + 6min);
    REQUIRE(items.size() == 2);
    for (const auto& item : items) CHECK(item.mark == same.mark("hash"));
    CHECK(items[0].mark != same.mark("another hash"));

    credential_memory second{same, {10min, 100}}, shorter{same, {1min, 100}}, foreign{other, {10min, 100}};
    for (const auto& item : items)
        for (auto* each : {&second, &shorter, &foreign}) each->restore(item, now + 6min);
    CHECK(second.remembers("tina", "secret", now + 9min));
    CHECK_FALSE(second.remembers("tina", "wrong", now + 9min));
    CHECK_FALSE(second.remembers("tina", "secret", now + 10min));
    CHECK(second.remembers("gustav", "geheim", now + 14min));
    CHECK(shorter.remembers("gustav", "geheim", now + 6min));
    CHECK_FALSE(shorter.remembers("gustav", "geheim", now + 7min));
    CHECK_FALSE(foreign.remembers("tina", "secret", now + 7min));
    second.forget("tina");
    CHECK_FALSE(second.remembers("tina", "secret", now + 7min));
}

TEST_CASE("credential memory: is bounded, and makes room", "[credential_memory]") {
    credential_hasher hasher;
    credential_memory memory(hasher, {10min, 64 * 4});
    const auto remember = [&](const std::string& user, credential_memory::time_point now) {
        REQUIRE(memory.remember(memory.begin(user), user, "secret", "hash", now));
        REQUIRE(memory.remembers(user, "secret", now));
        REQUIRE(memory.size() <= 64 * 4);
    };
    for (int i = 0; i < 5000; ++i) remember("user" + std::to_string(i), start);
    CHECK(memory.size() == 64 * 4);
    // Afterwards the expired go first: those of today are all kept as long as there is room.
    remember("someone", start + 1h);
    CHECK(memory.size() <= 64 * 4 - 3);
}

TEST_CASE("credential memory: with a time of zero nothing is remembered", "[credential_memory]") {
    credential_hasher hasher;
    credential_memory memory(hasher, {0s, 1000});
    CHECK(memory.remember(memory.begin("tina"), "tina", "secret", "hash", start));
    CHECK_FALSE(memory.remembers("tina", "secret", start));
    memory.remember_for(1min, start);
    CHECK(memory.remember(memory.begin("tina"), "tina", "secret", "hash", start));
    CHECK(memory.remembers("tina", "secret", start));
}

TEST_CASE("credential hasher: no two credentials run together, and keys differ", "[credential_memory]") {
    const credential_hasher hasher;
    CHECK(hasher.digest("tina", "secret") == hasher.digest("tina", "secret"));
    CHECK(hasher.digest("tin", "asecret") != hasher.digest("tina", "secret"));
    CHECK(hasher.digest("", "tinasecret") != hasher.digest("tinasecret", ""));
    using namespace std::string_view_literals;
    CHECK(hasher.digest("a\0b"sv, "c") != hasher.digest("a", "b\0c"sv));
    const credential_hasher other;
    CHECK(other.digest("tina", "secret") != hasher.digest("tina", "secret"));
    CHECK(other.user_tag("tina") != hasher.user_tag("tina"));
}

TEST_CASE_METHOD(fixture, "credential memory: threads never see an old password after it was forgotten",
                 "[credential_memory]") {
    std::atomic<int> generation{0};  // the password that is right
    std::atomic<bool> is_done{false};
    std::atomic<int> failures{0};
    std::vector<std::thread> threads;
    for (int thread = 0; thread < 3; ++thread)
        threads.emplace_back([&] {
            while (!is_done) {
                const auto ticket = memory.begin("tina");
                const int verified = generation;  // what the database says at that moment
                memory.remember(ticket, "tina", std::to_string(verified), "hash", start);
            }
        });
    for (int i = 1; i <= 2000; ++i) {
        generation = i;
        memory.forget("tina");
        if (memory.remembers("tina", std::to_string(i - 1), start)) ++failures;
    }
    is_done = true;
    for (auto& thread : threads) thread.join();
    CHECK(failures == 0);
}
