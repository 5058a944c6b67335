#include "exchange/command_rights.hpp"

#include <catch2/catch.hpp>

using namespace bester::exchange;

TEST_CASE("command rights: a star stands for any text, also none", "[exchange]") {
    const auto each = GENERATE(table<const char*, const char*, bool>({
        {"tina", "tina", true},     {"tina", "tin", false},
        {"tina", "tinas", false},   {"", "", true},
        {"", "a", false},           {"*", "", true},
        {"*", "anything", true},    {"**", "a", true},
        {"g*", "gustav", true},     {"g*", "g", true},
        {"g*", "ag", false},        {"*@b", "tina@b", true},
        {"*@b", "tina@bb", false},  {"a*b*c", "abc", true},
        {"a*b*c", "aXbYbZc", true}, {"a*b*c", "acb", false},
        {"*aab", "aaaab", true},    {"send*", "sendClients", true},
        {"*a*", "bbb", false},      {"a*", "", false},
    }));
    CAPTURE(std::get<0>(each), std::get<1>(each));
    CHECK(bester::wire::fits(std::get<0>(each), std::get<1>(each)) == std::get<2>(each));
}

TEST_CASE("command rights: as they stand they let everything", "[exchange]") {
    command_rights rights;
    CHECK(rights.is_everything());
    rights.users = {"tina"};
    CHECK_FALSE(rights.is_everything());
    CHECK_FALSE(command_rights::lets({}, "anything"));
}

TEST_CASE("command budget: a second's worth at once, then so many a second", "[exchange]") {
    command_budget budget;
    std::uint64_t now = 5'000;
    unsigned taken = 0;
    for (int i = 0; i < 30; ++i) taken += budget.take(10, now);
    CHECK(taken == 10);
    now += 99;
    CHECK_FALSE(budget.take(10, now));
    now += 1;
    CHECK(budget.take(10, now));
    CHECK_FALSE(budget.take(10, now));
    now += 3'600'000;
    taken = 0;
    for (int i = 0; i < 30; ++i) taken += budget.take(10, now);
    CHECK(taken == 10);
}
