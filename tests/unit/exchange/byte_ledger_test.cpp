#include "exchange/byte_ledger.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <vector>

using namespace bester::exchange;

namespace {

struct holder final : memory_holder {
    byte_ledger* ledger = nullptr;
    byte_ledger::entry mine;
    bool has_given_way = false;

    int* looks = nullptr;

    std::uint64_t held_weight(held_kind, std::uint64_t) const noexcept override {
        if (looks) ++*looks;
        return mine.bytes;
    }
    void give_way(held_kind) override {
        has_given_way = true;
        ledger->set(*this, mine, 0);
    }
    void check_frame_time(std::uint64_t) override {}
};

}  // namespace

TEST_CASE("byte ledger: the sum is what all hold", "[exchange]") {
    byte_ledger ledger;
    std::vector<holder> all(3);
    CHECK(ledger.bytes() == 0);
    CHECK(ledger.empty());
    ledger.set(all[0], all[0].mine, 10);
    ledger.set(all[1], all[1].mine, 20);
    ledger.set(all[2], all[2].mine, 30);
    CHECK(ledger.bytes() == 60);
    ledger.set(all[1], all[1].mine, 5);
    CHECK(ledger.bytes() == 45);
    ledger.set(all[0], all[0].mine, 0);
    ledger.set(all[0], all[0].mine, 0);
    CHECK(ledger.bytes() == 35);
    ledger.set(all[2], all[2].mine, 0);
    ledger.set(all[1], all[1].mine, 0);
    CHECK(ledger.bytes() == 0);
    CHECK(ledger.empty());
}

TEST_CASE("byte ledger: the heaviest goes first", "[exchange]") {
    byte_ledger ledger;
    CHECK(ledger.heaviest(held_kind::input, 0) == nullptr);
    std::vector<holder> all(4);
    const std::size_t sizes[] = {3, 9, 1, 5};
    for (std::size_t i = 0; i < all.size(); ++i) {
        all[i].ledger = &ledger;
        ledger.set(all[i], all[i].mine, sizes[i]);
    }
    for (const std::size_t expected : {1, 3, 0, 2}) {
        memory_holder* const who = ledger.heaviest(held_kind::input, 0);
        REQUIRE(who == &all[expected]);
        who->give_way(held_kind::input);
        CHECK(all[expected].has_given_way);
    }
    CHECK(ledger.empty());
}

TEST_CASE("byte ledger: many go in order, without a pass over all for each", "[exchange]") {
    constexpr std::size_t count = 300;
    byte_ledger ledger;
    std::vector<holder> all(count);
    int looks = 0;
    for (std::size_t i = 0; i < count; ++i) {
        all[i].ledger = &ledger;
        all[i].looks = &looks;
        ledger.set(all[i], all[i].mine, 1 + i * 7 % count);  // each size once
    }
    const auto of_size = [&](std::size_t size) {
        return std::find_if(all.begin(), all.end(), [&](const holder& each) { return each.mine.bytes == size; });
    };
    ledger.set(*of_size(290), of_size(290)->mine, 0);
    for (std::size_t expected = count; expected > 0; --expected) {
        if (expected == 290 || expected == 200) continue;
        auto* const who = static_cast<holder*>(ledger.heaviest(held_kind::input, 0));
        REQUIRE(who);
        CHECK(who->mine.bytes == expected);
        who->give_way(held_kind::input);
        // One that goes by itself is not returned any more.
        if (expected == 210) ledger.set(*of_size(200), of_size(200)->mine, 0);
    }
    CHECK(ledger.heaviest(held_kind::input, 0) == nullptr);
    CHECK(looks < static_cast<int>(count) * 10);
    // Whoever has become heavier since is found by a new pass.
    ledger.set(all[0], all[0].mine, 5);
    ledger.set(all[1], all[1].mine, 9);
    CHECK(ledger.heaviest(held_kind::input, 0) == &all[1]);
    ledger.set(all[2], all[2].mine, 20);
    ledger.forget_ranks();
    CHECK(ledger.heaviest(held_kind::input, 0) == &all[2]);
    for (holder& each : all) ledger.set(each, each.mine, 0);
}

TEST_CASE("byte ledger: growth is told about every 64 KiB, and again after it has shrunk", "[exchange]") {
    byte_ledger ledger;
    int told = 0;
    ledger.on_growth([&] { ++told; });
    holder who;
    ledger.set(who, who.mine, 1'000);
    CHECK(told == 0);
    ledger.set(who, who.mine, 70'000);
    CHECK(told == 1);
    ledger.set(who, who.mine, 100'000);
    CHECK(told == 1);
    ledger.set(who, who.mine, 140'000);
    CHECK(told == 2);
    ledger.set(who, who.mine, 0);
    CHECK(told == 2);
    ledger.set(who, who.mine, 70'000);
    CHECK(told == 3);
    ledger.set(who, who.mine, 0);
}
