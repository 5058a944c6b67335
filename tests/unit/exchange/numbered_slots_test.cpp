#include "exchange/numbered_slots.hpp"

#include <catch2/catch.hpp>
#include <set>
#include <string>
#include <vector>

using bester::exchange::numbered_slots;

TEST_CASE("numbered slots: a value is found by its number until it is removed", "[exchange]") {
    numbered_slots<std::string> slots;
    CHECK(slots.find(0) == nullptr);
    CHECK(slots.find(1) == nullptr);
    const auto one = slots.add();
    const auto two = slots.add();
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
        const auto number = slots.add();
        REQUIRE(numbers.insert(number).second);
        places.insert(slots.find(number));
        slots.remove(number);
    }
    CHECK(places.size() == 1);
    for (const auto number : numbers) REQUIRE(slots.find(number) == nullptr);
}

TEST_CASE("numbered slots: values stay where they are when others come and go", "[exchange]") {
    numbered_slots<int> slots;
    const auto kept = slots.add();
    int* const where = slots.find(kept);
    *where = 7;
    std::vector<std::uint64_t> others;
    for (int i = 0; i < 10'000; ++i) others.push_back(slots.add());
    for (const auto number : others) slots.remove(number);
    CHECK(slots.find(kept) == where);
    CHECK(*where == 7);
}
