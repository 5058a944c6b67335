#include <catch2/catch.hpp>
#include <vector>

#include "web/tokens.hpp"

namespace bester::web {

namespace {

std::vector<std::string> elements(std::string_view list) {
    std::vector<std::string> all;
    for_each_element(list, [&](std::string_view element) { all.emplace_back(element); });
    return all;
}

}  // namespace

TEST_CASE("tokens: lists are cut at commas, without blanks and empty elements", "[web]") {
    using strings = std::vector<std::string>;
    CHECK(elements("a, b ,\tc") == strings{"a", "b", "c"});
    CHECK(elements("") == strings{});
    CHECK(elements(" , ,a,") == strings{"a"});
    CHECK(elements("a=\"1,2\", b") == strings{"a=\"1,2\"", "b"});
    CHECK(elements("a=\"1\\\",2\", b") == strings{"a=\"1\\\",2\"", "b"});
    CHECK(elements("a=\"1,2") == strings{"a=\"1,2"});
    CHECK(elements("a=\"1\\") == strings{"a=\"1\\"});
}

TEST_CASE("tokens: words are compared without their case", "[web]") {
    CHECK(is_same_word("Upgrade", "upGRADE"));
    CHECK_FALSE(is_same_word("upgrade", "upgraded"));
    CHECK_FALSE(is_same_word("[", "{"));
    CHECK(has_element("keep-alive, Upgrade", "upgrade"));
    CHECK_FALSE(has_element("keep-alive, Upgrader", "upgrade"));
    CHECK(is_token("a-Z0!#$%&'*+.^_`|~"));
    for (const std::string_view text : {"", "a b", "a,b", "a\"", "a/b", "\xc3\xa4", "a:"}) CHECK_FALSE(is_token(text));
}

}  // namespace bester::web
