#include "exchange/observer_list.hpp"

#include <functional>
#include <stdexcept>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

using bester::exchange::observer_list;

namespace {

/// Notes that it was told, and then does something to the list.
struct observer {
    int number;
    std::vector<int>& told;
    std::function<void()> then = [] {};
};

struct fixture {
    std::vector<int> told;
    observer one{1, told}, two{2, told}, three{3, told};
    observer_list<observer> list;

    fixture() {
        list.add(one);
        list.add(two);
        list.add(three);
    }
    void tell() {
        list.tell([](observer& who) {
            who.told.push_back(who.number);
            who.then();
        });
    }
};

}  // namespace

TEST_CASE("observers are told in the order in which they came") {
    fixture f;
    f.tell();
    CHECK(f.told == std::vector{1, 2, 3});
}

TEST_CASE("observers may go while they are told") {
    fixture f;
    SECTION("itself") {
        f.two.then = [&f] { f.list.remove(f.two); };
        f.tell();
        CHECK(f.told == std::vector{1, 2, 3});
        f.tell();
        CHECK(f.told == std::vector{1, 2, 3, 1, 3});
    }
    SECTION("one that was told") {
        f.two.then = [&f] { f.list.remove(f.one); };
        f.tell();
        CHECK(f.told == std::vector{1, 2, 3});
    }
    SECTION("one whose turn has not come is told nothing") {
        f.one.then = [&f] { f.list.remove(f.two); };
        f.tell();
        CHECK(f.told == std::vector{1, 3});
    }
    SECTION("all of them") {
        f.one.then = [&f] {
            f.list.remove(f.one);
            f.list.remove(f.two);
            f.list.remove(f.three);
        };
        f.tell();
        f.tell();
        CHECK(f.told == std::vector{1});
    }
}

TEST_CASE("an observer that comes while others are told is told the next time") {
    fixture f;
    observer late{4, f.told};
    f.one.then = [&] { f.list.add(late); };
    f.tell();
    f.one.then = [] {};
    CHECK(f.told == std::vector{1, 2, 3});
    f.tell();
    CHECK(f.told == std::vector{1, 2, 3, 1, 2, 3, 4});
}

TEST_CASE("observers may be told of something within something else") {
    fixture f;
    bool is_within = false;
    f.one.then = [&] {
        if (std::exchange(is_within, true)) return;
        f.list.remove(f.two);
        f.tell();
        f.list.remove(f.three);
    };
    f.tell();
    CHECK(f.told == std::vector{1, 1, 3});
    f.tell();
    CHECK(f.told == std::vector{1, 1, 3, 1});
}

TEST_CASE("what an observer throws leaves the list whole") {
    fixture f;
    f.two.then = [&f] {
        f.list.remove(f.one);
        throw std::runtime_error{"two"};
    };
    CHECK_THROWS_AS(f.tell(), std::runtime_error);
    f.two.then = [] {};
    f.told.clear();
    f.tell();
    CHECK(f.told == std::vector{2, 3});
}
