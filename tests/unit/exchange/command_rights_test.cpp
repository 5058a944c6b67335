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
