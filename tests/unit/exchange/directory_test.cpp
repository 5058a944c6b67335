#include "exchange/directory.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <vector>

using namespace bester::exchange;

namespace {

session_id id(std::uint32_t slot) { return {0, slot, 7}; }

std::vector<session_id> sessions_of(const directory& in, std::string_view user) {
    std::vector<session_id> found;
    in.find(user, found);
    std::sort(found.begin(), found.end());
    return found;
}

}  // namespace

TEST_CASE("directory: sessions of a user are found until they are removed", "[exchange]") {
    directory users;
    CHECK(sessions_of(users, "tina").empty());
    users.add("tina", id(1));
    users.add("tina", id(2));
    users.add("gustav", id(3));
    users.add("tina", id(4));
    CHECK(sessions_of(users, "tina") == std::vector{id(1), id(2), id(4)});
    CHECK(users.count("tina") == 3);
    CHECK(users.sessions() == 4);
    CHECK(users.users() == 2);

    const auto order = GENERATE(std::vector<std::uint32_t>{1, 2, 4}, std::vector<std::uint32_t>{4, 2, 1},
                                std::vector<std::uint32_t>{2, 1, 4});
    for (std::size_t i = 0; i < order.size(); ++i) {
        users.remove("tina", id(order[i]));
        CHECK(users.count("tina") == order.size() - i - 1);
        CHECK(users.sessions() == 1 + order.size() - i - 1);
    }
    CHECK(users.users() == 1);
    CHECK(sessions_of(users, "gustav") == std::vector{id(3)});
}

TEST_CASE("directory: removing an id that is not the user's changes nothing", "[exchange]") {
    directory users;
    users.add("tina", id(1));
    users.add("gustav", id(2));
    users.remove("tina", id(2));
    users.remove("tina", session_id{});
    users.remove("nobody", id(1));
    CHECK(users.sessions() == 2);
    CHECK(sessions_of(users, "tina") == std::vector{id(1)});
    users.add("tina", id(3));
    users.remove("tina", id(2));
    CHECK(users.sessions() == 3);
    users.remove("tina", id(1));
    users.remove("tina", id(1));
    CHECK(users.sessions() == 2);
    CHECK(sessions_of(users, "tina") == std::vector{id(3)});
}

TEST_CASE("directory: users are listed page by page", "[exchange]") {
    directory users;
    for (const char* name : {"c", "a", "d", "b"}) users.add(name, id(1));
    bool has_more = false;
    auto page = users.list("", 3, has_more);
    REQUIRE(page.size() == 3);
    CHECK(page[0].user == "a");
    CHECK(page[2].user == "c");
    CHECK(has_more);
    page = users.list("c", 3, has_more);
    REQUIRE(page.size() == 1);
    CHECK(page[0].user == "d");
    CHECK_FALSE(has_more);
}
