#include "clients/http/query_text.hpp"

#include <catch2/catch.hpp>

using namespace bester::clients;

TEST_CASE("query: the first field of a name counts, as it stands") {
    constexpr std::string_view query = "EIO=4&sid=a%20b&empty=&flag&sid=second&&x=1=2";
    CHECK(query_value(query, "EIO") == "4");
    CHECK(query_value(query, "sid") == "a%20b");
    CHECK(query_value(query, "empty").empty());
    CHECK(query_value(query, "flag").empty());
    CHECK(query_value(query, "x") == "1=2");
    CHECK(query_value(query, "si").empty());
    CHECK(query_field(query, "empty") == std::string_view{});
    CHECK_FALSE(query_field(query, "si"));
    CHECK(query_value({}, "sid").empty());
}

TEST_CASE("query: fields are left out by name, whatever they say") {
    CHECK(query_without("EIO=4&room=garden&t=x&flag", {"EIO", "t"}) == "room=garden&flag");
    CHECK(query_without("access_token=secret", {"access_token"}).empty());
    CHECK(query_without("access_token&a=1&access_token=2", {"access_token"}) == "a=1");
    CHECK(query_without("a=1", {}) == "a=1");
}
