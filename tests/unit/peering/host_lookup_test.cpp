#include "peering/link/host_lookup.hpp"

#include <catch2/catch.hpp>

namespace bester::peering {

TEST_CASE("host lookup: an address given by number needs no resolver", "[peering]") {
    const std::string host = GENERATE("127.0.0.1", "::1", "2001:db8::7");
    const auto found = endpoint_by_number(host, "65535");
    REQUIRE(found.size() == 1);
    CHECK(found.begin()->endpoint().address().to_string() == host);
    CHECK(found.begin()->endpoint().port() == 65535);
}

TEST_CASE("host lookup: a name is no number", "[peering]") {
    CHECK(endpoint_by_number(GENERATE("localhost", "beta.example.org", "127.0.0.1.example.org", "10"), "7000").empty());
}

}  // namespace bester::peering
