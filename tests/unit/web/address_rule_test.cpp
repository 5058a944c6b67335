#include <catch2/catch.hpp>
#include <vector>

#include "web/address_rule.hpp"

namespace bester::web {

namespace {

bool is_in(const std::string& rule, std::string_view address) {
    return is_among(address, std::vector<std::string>{rule});
}

}  // namespace

TEST_CASE("address rule: addresses and networks", "[web]") {
    CHECK(is_in("192.0.2.1", "192.0.2.1"));
    CHECK(is_in("192.0.2.1", "192.0.2.1:5000"));
    CHECK(is_in("192.0.2.1", "[::ffff:192.0.2.1]:5000"));
    CHECK_FALSE(is_in("192.0.2.1", "192.0.2.2"));
    CHECK(is_in("10.0.0.0/8", "10.255.0.1"));
    CHECK_FALSE(is_in("10.0.0.0/8", "11.0.0.1"));
    CHECK(is_in("10.0.0.128/25", "10.0.0.200"));
    CHECK_FALSE(is_in("10.0.0.128/25", "10.0.0.127"));
    CHECK(is_in("0.0.0.0/0", "203.0.113.9"));
    CHECK_FALSE(is_in("0.0.0.0/0", "2001:db8::1"));
    CHECK(is_in("2001:db8::/32", "[2001:db8:1::1]:443"));
    CHECK_FALSE(is_in("2001:db8::/33", "2001:db8:8000::1"));
    CHECK(is_in("::1", "::1"));
    CHECK_FALSE(is_in("::/0", "unix"));
    CHECK_FALSE(is_among("127.0.0.1", {}));
}

TEST_CASE("address rule: what is none is found", "[web]") {
    for (const std::string_view rule : {"127.0.0.1", "10.0.0.0/8", "::1", "2001:db8::/128", "0.0.0.0/0"})
        CHECK(is_address_rule(rule));
    for (const std::string_view rule :
         {"", "localhost", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/x", "10.0.0/8", "::1/129", "*", " 10.0.0.1"}) {
        CAPTURE(rule);
        CHECK_FALSE(is_address_rule(rule));
    }
}

}  // namespace bester::web
