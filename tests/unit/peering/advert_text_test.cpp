#include "peering/routing/advert_text.hpp"

#include <catch2/catch.hpp>

#include "failing_allocation.hpp"

using namespace bester::peering;
using namespace std::chrono_literals;

namespace {

advert sample() {
    return {.server = "paris",
            .mark = {1'700'000'000'123, "00ff00ff00ff00ff"},
            .links = {{"lyon", 4500us}, {"nice", 60'000'000us}},
            .addresses = {"paris.example:7001", "[2001:db8::1]:7001"},
            .is_transit = true,
            .age = 250ms};
}

std::string with(std::string text, const std::string& from, const std::string& to) {
    const auto at = text.find(from);
    REQUIRE(at != std::string::npos);
    return text.replace(at, from.size(), to);
}

std::string links_text(std::size_t count) {
    std::string text;
    for (std::size_t i = 0; i < count; ++i) {
        text += (i ? "," : "") + ("{\"peer\":\"s" + std::to_string(i)) + "\",\"cost_us\":1}";
    }
    return "{\"server\":\"a\",\"incarnation\":\"0123456789abcdef\",\"version\":1,\"links\":[" + text + "]}";
}

}  // namespace

TEST_CASE("advert text: what is encoded is read back", "[peering]") {
    const auto read = decode_link_state(encode(sample()));
    REQUIRE(read);
    CHECK(std::get<advert>(*read) == sample());
    const database_summary summary{{{"a", {1, "0123456789abcdef"}}, {"b", {most_advert_version, "ffffffffffffffff"}}}};
    const auto read_summary = decode_link_state(encode(summary));
    REQUIRE(read_summary);
    CHECK(std::get<database_summary>(*read_summary) == summary);
    CHECK(std::get<database_summary>(*decode_link_state(encode(database_summary{}))).known.empty());
}

TEST_CASE("advert text: its form on the wire does not change", "[peering]") {
    CHECK(encode(sample()) ==
          R"({"server":"paris","incarnation":"00ff00ff00ff00ff","version":1700000000123,)"
          R"("links":[{"peer":"lyon","cost_us":4500},{"peer":"nice","cost_us":60000000}],)"
          R"("addresses":["paris.example:7001","[2001:db8::1]:7001"],"transit":true,"age_ms":250})");
    CHECK(encode(database_summary{{{"a", {7, "0123456789abcdef"}}}}) == R"({"known":[["a","0123456789abcdef",7]]})");
}

TEST_CASE("advert text: unknown fields are ignored, optional ones have defaults, links are sorted", "[peering]") {
    const auto read = decode_link_state(
        R"({"server":"a","incarnation":"0123456789abcdef","version":1,"new":{"x":[1]},
            "links":[{"peer":"c","cost_us":1,"more":1},{"peer":"b","cost_us":2}]})");
    REQUIRE(read);
    const auto& said = std::get<advert>(*read);
    CHECK(said.links == std::vector<advert_link>{{"b", 2us}, {"c", 1us}});
    CHECK(said.addresses.empty());
    CHECK_FALSE(said.is_transit);
    CHECK(said.age == 0ms);
}

TEST_CASE("advert text: a text cut anywhere is refused", "[peering]") {
    for (const std::string& text : {encode(sample()), encode(database_summary{{{"a", {7, "0123456789abcdef"}}}})}) {
        for (std::size_t size = 0; size < text.size(); ++size) {
            CAPTURE(size);
            CHECK_FALSE(decode_link_state(std::string_view(text).substr(0, size)));
        }
    }
}

TEST_CASE("advert text: each bound is checked", "[peering]") {
    const std::string good = encode(sample());
    const std::string name(64, 'n');
    const auto check = [](const std::string& text) {
        CAPTURE(text);
        const auto read = decode_link_state(text);
        CHECK_FALSE(read);
        if (!read) {
            CHECK_FALSE(read.error().empty());
        }
    };
    SECTION("fields") {
        const std::pair<const char*, std::string> cases[] = {
            {R"("paris")", R"("")"},
            {R"("paris")", R"("pa ris")"},
            {R"("paris")", "\"" + name + "n\""},
            {R"("paris")", "7"},
            {R"("server")", R"("serve")"},
            {R"("00ff00ff00ff00ff")", R"("00FF00FF00FF00FF")"},
            {R"("00ff00ff00ff00ff")", R"("00ff00ff00ff00f")"},
            {R"("00ff00ff00ff00ff")", "1"},
            {"1700000000123", "0"},
            {"1700000000123", "-1"},
            {"1700000000123", "1.5"},
            {"1700000000123", "9007199254740992"},
            {R"("links":[)", R"("links":[7,)"},
            {R"("links":[)", R"("link":[)"},
            {R"("lyon")", R"("paris")"},
            {R"("lyon")", R"("nice")"},
            {R"("lyon")", R"("ly/on")"},
            {"4500", "0"},
            {"4500", "60000001"},
            {"4500", R"("4500")"},
            {"paris.example:7001", "paris.example"},
            {"true", "1"},
            {"250", "-250"},
            {"250", "99999999999999"},
        };
        for (const auto& [from, to] : cases) {
            check(with(good, from, to));
        }
        CHECK(decode_link_state(with(good, "\"paris\"", "\"" + name + "\"")));
        CHECK(decode_link_state(with(good, "1700000000123", "9007199254740991")));
    }
    SECTION("counts") {
        CHECK(decode_link_state(links_text(most_advert_links)));
        check(links_text(most_advert_links + 1));
        CHECK(
            decode_link_state(with(good, R"("addresses":[)", R"("addresses":["a:1","a:1","a:1","a:1","a:1","a:1",)")));
        check(with(good, R"("addresses":[)", R"("addresses":["a:1","a:1","a:1","a:1","a:1","a:1","a:1",)"));
        database_summary summary;
        summary.known.resize(most_summary_servers, {std::string(64, 's'), {most_advert_version, "0123456789abcdef"}});
        const std::string longest = encode(summary);
        CHECK(longest.size() <= longest_summary_text);
        CHECK(decode_link_state(longest));
        summary.known.push_back(summary.known.back());
        check(encode(summary));
    }
    SECTION("sizes") {
        const auto padded = [&](std::size_t size) { return good + std::string(size - good.size(), ' '); };
        CHECK(decode_link_state(padded(longest_advert_text)));
        check(padded(longest_advert_text + 1));
        check(padded(longest_summary_text + 1));
    }
    SECTION("shapes") {
        for (const char* text : {"", "[]", "7", "{}", R"({"known":7})", R"({"known":[7]})", R"({"known":[["a"]]})",
                                 R"({"known":[["a","0123456789abcdef",0]]})", R"({"known":[["a","x",1]]})",
                                 R"({"known":[["","0123456789abcdef",1]]})"}) {
            check(text);
        }
        check(std::string(longest_summary_text, '['));
    }
}

TEST_CASE("advert text: dial addresses", "[peering]") {
    for (const char* good : {"a:1", "127.0.0.1:65535", "[::1]:7", "[fe80::1%2]:7", "my-host.example_1:80"}) {
        CAPTURE(good);
        CHECK(is_dial_address(good));
    }
    for (const char* bad :
         {"", ":", "a", "a:", ":1", "a:0", "a:65536", "a:1x", "a:+1", "::1:7", "[]:1", "[1]:1", "a b:1", "a\":1"}) {
        CAPTURE(bad);
        CHECK_FALSE(is_dial_address(bad));
    }
    CHECK(is_dial_address(std::string(253, 'h') + ":1"));
    CHECK_FALSE(is_dial_address(std::string(254, 'h') + ":1"));
}

TEST_CASE("advert text: without memory for a part of it, an exception comes out and nothing else", "[peering]") {
    const std::string text = GENERATE(encode(sample()), encode(database_summary{{{"a", {7, "0123456789abcdef"}}}}),
                                      R"({"known":[[[["a"]]],[[{"b":[{}]}]]]})", std::string(5'000, '['));
    for (std::size_t number = 1;; ++number) {
        // From here on all fail: what was made is taken apart without any.
        const bester::failing_allocation failing{number, 1'000'000};
        try {
            decode_link_state(text);
        } catch (const std::bad_alloc&) {}
        if (!failing.has_failed()) break;
    }
    SUCCEED("the program goes on");
}

TEST_CASE("advert text: a field that is given twice is refused, for one reader could take the other", "[peering]") {
    CHECK_FALSE(decode_link_state(with(encode(sample()), R"("version")", R"("version":1,"version")")));
}
