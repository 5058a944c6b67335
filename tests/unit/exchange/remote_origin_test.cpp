#include <catch2/catch.hpp>

#include "exchange/peer_port.hpp"

using namespace bester::exchange;

TEST_CASE("remote origin: it comes out as it went in", "[exchange]") {
    const auto ref = GENERATE(std::uint64_t{0}, std::uint64_t{1}, ~std::uint64_t{0});
    const std::string server = GENERATE("b", "a.example", "[2001:db8::1]:65535");
    const std::string session = GENERATE("", "0123456789abcdef");
    const auto size = GENERATE(std::uint32_t{0}, ~std::uint32_t{0});
    const std::string packed = remote_origin{server, session, ref, size}.pack();
    const auto again = remote_origin::unpack(packed);
    CHECK(again.server == server);
    CHECK(again.session == session);
    CHECK(again.ref == ref);
    CHECK(again.size == size);
}
