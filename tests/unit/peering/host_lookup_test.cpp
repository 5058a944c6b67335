#include "peering/link/host_lookup.hpp"

#include <asio/io_context.hpp>

#include <catch2/catch.hpp>

#include <exception>
#include <utility>

#include "coroutines/spawn.hpp"
#include "failing_allocation.hpp"

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

TEST_CASE("host lookup: whichever allocation fails, whoever waits is told", "[peering]") {
    std::size_t failures = 0;
    for (std::size_t number = 1;; ++number) {
        asio::io_context io{1};
        asio::ip::tcp::resolver resolver{io};
        bool has_begun = false;
        bool is_told = false;
        bool is_found = false;
        const failed_attempt attempt = fail_allocation(number, [&] {
            using found = std::pair<std::error_code, found_endpoints>;
            coroutines::spawn(io, look_up(resolver, "localhost", "7000"), [&](std::exception_ptr escaped, found got) {
                is_told = true;
                is_found = !escaped && !got.first && !got.second.empty();
            });
            has_begun = true;
            io.run();
        });
        if (has_begun && attempt.has_thrown) io.run();  // as in the broker
        CAPTURE(number, attempt.has_thrown);
        if (!attempt.has_failed) {
            CHECK(is_found);
            break;
        }
        CHECK(is_told == has_begun);
        failures += is_told;
    }
    CHECK(failures > 3);
}

}  // namespace bester::peering
