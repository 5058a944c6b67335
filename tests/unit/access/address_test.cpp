#include <algorithm>
#include <catch2/catch.hpp>
#include <cstddef>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "access/address_counts.hpp"
#include "access/address_key.hpp"

namespace bester::access {

TEST_CASE("address key: IPv4 by address, IPv6 by its /64, with and without port", "[access]") {
    const address_key four{address_key::family::v4, 0xc000'0201};
    for (const char* text :
         {"192.0.2.1", "192.0.2.1:5555", "::ffff:192.0.2.1", "[::ffff:192.0.2.1]:5555", "[::ffff:c000:201]:1"})
        CHECK(key_of_address(text) == four);
    const address_key six{address_key::family::v6, 0x2001'0db8'0001'0002};
    for (const char* text : {"2001:db8:1:2::1", "[2001:db8:1:2::1]:5555", "[2001:db8:1:2:ffff:ffff:ffff:ffff]:1",
                             "[2001:db8:1:2::1%eth0]:5555", "2001:DB8:1:2:0:0:0:7"})
        CHECK(key_of_address(text) == six);
    CHECK_FALSE(key_of_address("[2001:db8:1:3::1]:5555") == six);
    CHECK_FALSE(key_of_address("0.0.0.0").is_none());
    CHECK_FALSE(key_of_address("::") == key_of_address("0.0.0.0"));
}

TEST_CASE("address key: what is no address has none", "[access]") {
    const std::string texts[] = {"unix",
                                 "",
                                 "[",
                                 "[]",
                                 "]",
                                 ":",
                                 "1.2.3",
                                 "1.2.3.256",
                                 "example.org:80",
                                 "[::1",
                                 "%",
                                 "::1::",
                                 std::string(500, '1'),
                                 std::string("1.2.3.4\0", 8) + "5"};
    for (const std::string& text : texts) {
        CAPTURE(text);
        CHECK(key_of_address(text).is_none());
    }
}

namespace {

/// How many places there are of an address: one more is given out only where more than that may be.
std::size_t counted(address_counts& counts, const address_key& address) {
    std::size_t most = 1;
    while (!counts.enter(address, most)) ++most;
    return most - 1;
}

}  // namespace

TEST_CASE("address counts: so many from each address, and no more", "[access]") {
    address_counts counts;
    const auto a = key_of_address("192.0.2.1"), b = key_of_address("2001:db8::1");
    auto first = counts.enter(a, 2), second = counts.enter(a, 2);
    CHECK(first);
    CHECK(second);
    CHECK_FALSE(counts.enter(a, 2));
    CHECK(counted(counts, a) == 2);
    auto other = counts.enter(b, 2);
    CHECK(other);
    first.reset();
    CHECK(counted(counts, a) == 1);
    first = counts.enter(a, 2);
    CHECK(first);
    auto third = counts.enter(a, 0);  // any number
    CHECK(third);
    CHECK(counted(counts, a) == 3);
    for (auto* each : {&first, &second, &third, &other}) each->reset();
    CHECK(counted(counts, a) == 0);
    CHECK(counted(counts, b) == 0);
}

TEST_CASE("address counts: what is no address is not counted", "[access]") {
    address_counts counts;
    std::vector<std::optional<address_place>> places;
    for (int i = 0; i < 10; ++i) places.push_back(counts.enter(key_of_address("unix"), 1));
    CHECK(std::all_of(places.begin(), places.end(), [](const auto& each) { return each.has_value(); }));
}

TEST_CASE("address counts: a refused address leaves nothing behind", "[access]") {
    address_counts counts;
    {
        const auto only = counts.enter(key_of_address("192.0.2.1"), 1);
        CHECK_FALSE(counts.enter(key_of_address("192.0.2.1"), 1));
    }
    CHECK(counted(counts, key_of_address("192.0.2.1")) == 0);
}

TEST_CASE("address counts: a place leaves once, with the last object that has it", "[access]") {
    address_counts counts;
    const auto a = key_of_address("192.0.2.1");
    {
        address_place first = *counts.enter(a, 0), second = *counts.enter(a, 0);
        CHECK(counted(counts, a) == 2);
        first = std::move(second);
        address_place third = std::move(first);
        CHECK(counted(counts, a) >= 1);
        third = address_place{};
    }
    CHECK(counted(counts, a) == 0);
}

TEST_CASE("address counts: places stay where they are while others come and go", "[access]") {
    address_counts counts;
    std::vector<address_place> places;
    for (int i = 0; i < 5'000; ++i) {
        const std::string host = std::to_string(i / 250) + '.' + std::to_string(i % 250);
        places.push_back(*counts.enter(key_of_address("10.0." + host), 0));
    }
    while (!places.empty()) places.erase(places.begin() + static_cast<std::ptrdiff_t>(places.size() / 2), places.end());
    CHECK(counted(counts, key_of_address("10.0.3.7")) == 0);
}

TEST_CASE("address counts: threads may come and go", "[access]") {
    address_counts counts;
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
        threads.emplace_back([&counts] {
            for (int i = 0; i < 2'000; ++i) {
                const auto place = counts.enter(key_of_address("192.0.2." + std::to_string(i % 5)), 3);
            }
        });
    for (auto& thread : threads) thread.join();
    for (int i = 0; i < 5; ++i) CHECK(counted(counts, key_of_address("192.0.2." + std::to_string(i))) == 0);
}

}  // namespace bester::access
