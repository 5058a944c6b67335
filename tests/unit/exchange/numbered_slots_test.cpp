#include "exchange/numbered_slots.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdint>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

using bester::exchange::numbered_slots;

TEST_CASE("numbered slots: a value is found by its number until it is removed", "[exchange]") {
    numbered_slots<std::string> slots;
    CHECK(slots.find(0) == nullptr);
    CHECK(slots.find(1) == nullptr);
    const auto one = slots.add().number;
    const auto two = slots.add().number;
    REQUIRE(one != 0);
    REQUIRE(two != one);
    *slots.find(one) = "one";
    *slots.find(two) = "two";
    slots.remove(one);
    CHECK(slots.find(one) == nullptr);
    REQUIRE(slots.find(two) != nullptr);
    CHECK(*slots.find(two) == "two");
    slots.remove(one);
    CHECK(slots.find(two) != nullptr);
}

TEST_CASE("numbered slots: a number is never used again, though its place is", "[exchange]") {
    numbered_slots<int> slots;
    std::set<std::uint64_t> numbers;
    std::set<const int*> places;
    for (int i = 0; i < 1'000; ++i) {
        const auto number = slots.add().number;
        REQUIRE(numbers.insert(number).second);
        places.insert(slots.find(number));
        slots.remove(number);
    }
    CHECK(places.size() == 1);
    for (const auto number : numbers) REQUIRE(slots.find(number) == nullptr);
}

TEST_CASE("numbered slots: numbers stay within what JSON readers hold, and begin again", "[exchange]") {
    constexpr std::uint64_t most = (std::uint64_t{1} << 53) - 1;
    numbered_slots<int, 16> slots{(std::uint64_t{1} << 49) - 3};
    std::vector<std::uint64_t> seen;
    for (int i = 0; i < 6; ++i) {
        const auto added = slots.add();
        CHECK(added.number != 0);
        CHECK(added.number <= most);
        CHECK(slots.find(added.number) == &added.value);
        CHECK(std::count(seen.begin(), seen.end(), added.number) == 0);
        seen.push_back(added.number);
        slots.remove(added.number);
    }
    CHECK(seen[1] > most - 16);
    CHECK(seen[2] < 32);
}

TEST_CASE("numbered slots: values stay where they are when others come and go", "[exchange]") {
    numbered_slots<int> slots;
    const auto kept = slots.add().number;
    int* const where = slots.find(kept);
    *where = 7;
    std::vector<std::uint64_t> others;
    for (int i = 0; i < 10'000; ++i) others.push_back(slots.add().number);
    for (const auto number : others) slots.remove(number);
    CHECK(slots.find(kept) == where);
    CHECK(*where == 7);
}

TEST_CASE("numbered slots: there is room for so many, and the next changes nothing", "[exchange]") {
    numbered_slots<int, 5> slots;
    std::vector<std::uint64_t> numbers;
    for (int i = 0; i < 5; ++i) {
        CHECK_FALSE(slots.is_full());
        const auto [number, value] = slots.add();
        value = i;
        numbers.push_back(number);
        CHECK(slots.size() == numbers.size());
    }
    CHECK(slots.is_full());
    CHECK_THROWS_AS(slots.add(), std::length_error);
    for (int i = 0; i < 5; ++i) CHECK(*std::as_const(slots).find(numbers[static_cast<std::size_t>(i)]) == i);
    slots.remove(numbers[2]);
    CHECK_FALSE(slots.is_full());
    const auto again = slots.add().number;
    CHECK(slots.is_full());
    CHECK(again != numbers[2]);
    CHECK(slots.find(numbers[2]) == nullptr);
    for (const auto number : numbers) slots.remove(number);
    slots.remove(again);
    CHECK(slots.empty());
}

TEST_CASE("numbered slots: one place is enough for any number of values after each other", "[exchange]") {
    numbered_slots<std::string, 1> slots;
    std::uint64_t before = 0;
    for (int i = 0; i < 100; ++i) {
        const auto number = slots.add().number;
        CHECK(number > before);
        CHECK(slots.is_full());
        slots.remove(number);
        before = number;
    }
}

TEST_CASE("numbered slots: each is visited once, and may be removed, and others added, meanwhile", "[exchange]") {
    numbered_slots<int> slots;
    std::set<std::uint64_t> numbers;
    for (int i = 0; i < 100; ++i) {
        const auto [number, value] = slots.add();
        value = i;
        numbers.insert(number);
    }
    std::set<std::uint64_t> visited;
    std::as_const(slots).for_each([&](std::uint64_t number, const int&) { REQUIRE(visited.insert(number).second); });
    CHECK(visited == numbers);
    unsigned added = 0;
    slots.for_each([&](std::uint64_t number, int& value) {
        if (numbers.count(number) == 0) return;
        REQUIRE(*slots.find(number) == value);
        slots.remove(number);
        if (value % 2 == 0) {
            slots.add().value = -1;
            ++added;
        }
    });
    CHECK(slots.size() == added);
    for (const auto number : numbers) CHECK(slots.find(number) == nullptr);
}
