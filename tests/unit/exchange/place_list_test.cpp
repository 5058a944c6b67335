#include "exchange/place_list.hpp"

#include <catch2/catch.hpp>
#include <memory>
#include <set>
#include <vector>

using bester::exchange::list_place;
using bester::exchange::place_list;

namespace {

struct thing {
    int number;
    list_place place;
};
using things = place_list<thing, &thing::place>;

std::set<int> numbers(things& list) {
    std::set<int> found;
    list.for_each([&](thing& each) { found.insert(each.number); });
    return found;
}

}  // namespace

TEST_CASE("place list: what is added twice is in once, what is not in can be removed", "[exchange]") {
    things list;
    thing one{1, {}};
    list.remove(one);
    CHECK_FALSE(one.place.is_listed());
    list.add(one);
    list.add(one);
    CHECK(one.place.is_listed());
    CHECK(list.size() == 1);
    list.remove(one);
    CHECK(list.empty());
    CHECK_FALSE(one.place.is_listed());
}

TEST_CASE("place list: whoever leaves, all others stay", "[exchange]") {
    for (int first = 0; first < 4; ++first) {
        for (int second = 0; second < 4; ++second) {
            things list;
            std::vector<thing> all;
            for (int i = 0; i < 4; ++i) all.push_back({i, {}});
            for (thing& each : all) list.add(each);
            list.remove(all[static_cast<std::size_t>(first)]);
            list.remove(all[static_cast<std::size_t>(second)]);
            std::set<int> expected{0, 1, 2, 3};
            expected.erase(first);
            expected.erase(second);
            CHECK(numbers(list) == expected);
            CHECK(list.size() == expected.size());
        }
    }
}

TEST_CASE("place list: who is called may leave", "[exchange]") {
    things list;
    std::vector<thing> all;
    for (int i = 0; i < 10; ++i) all.push_back({i, {}});
    for (thing& each : all) list.add(each);
    std::multiset<int> called;
    list.for_each([&](thing& each) {
        called.insert(each.number);
        if (each.number % 3 != 0) list.remove(each);
    });
    CHECK(called == std::multiset<int>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9});
    CHECK(numbers(list) == std::set<int>{0, 3, 6, 9});
}

TEST_CASE("place list: a hundred thousand leave in any order without a search", "[exchange]") {
    // With a search for each this would be five thousand million steps.
    things list;
    std::vector<thing> all(100'000);
    for (thing& each : all) list.add(each);
    for (thing& each : all) list.remove(each);
    CHECK(list.empty());
}
