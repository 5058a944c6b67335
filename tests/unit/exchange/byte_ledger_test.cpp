#include "exchange/byte_ledger.hpp"

#include <catch2/catch.hpp>
#include <vector>

using namespace bester::exchange;

namespace {

struct holder final : memory_holder {
    byte_ledger* ledger = nullptr;
    byte_ledger::entry mine;
    bool has_given_way = false;

    std::uint64_t held_weight(held_kind, std::uint64_t) const noexcept override { return mine.bytes; }
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
