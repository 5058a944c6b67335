#include "peering/link/link_hello.hpp"

#include "wire/json_reader.hpp"

#include <array>
#include <catch2/catch.hpp>
#include <string>
#include <vector>

namespace bester::peering {
namespace {

using namespace std::chrono_literals;

link_hello some_hello() { return {1, "b.example", 0x0123456789abcdef, "a", 15s, 2'000'000, true, true}; }
link_hello own_hello() { return {1, "a", 0xffff, "", 10s, 1'000'000, false, true}; }

tl::expected<link_hello, link_refusal> decode(const std::string& json) {
    wire::json_reader reader;
    return decode_hello(reader, json);
}

std::optional<link_refusal> check(const link_hello& hello, const std::vector<std::string>& names,
                                  std::string_view expected_peer = {}) {
    return check_hello(own_hello(), hello, std::span<const std::string>{names}, expected_peer);
}

/// The page's hello with one field's value replaced; without the field if the value is empty.
std::string hello_with(const std::string& field, const std::string& value) {
    const std::array<std::pair<std::string, std::string>, 7> fields{{{"protocol", "1"},
                                                                     {"server", "\"b\""},
                                                                     {"incarnation", "\"0123456789abcdef\""},
                                                                     {"expects", "\"a\""},
                                                                     {"heartbeat_ms", "15000"},
                                                                     {"frame_limit", "2000000"},
                                                                     {"features", "[]"}}};
    std::string json;
    for (const auto& [name, usual] : fields) {
        const std::string& text = name == field ? value : usual;
        if (!text.empty()) json += (json.empty() ? "{\"" : ",\"") + name + "\":" + text;
    }
    return json + '}';
}

}  // namespace

TEST_CASE("link hello: it comes out as it went in", "[peering]") {
    link_hello hello = some_hello();
    CHECK(encode(hello) ==
          R"({"protocol":1,"server":"b.example","incarnation":"0123456789abcdef","expects":"a","heartbeat_ms":15000,)"
          R"("frame_limit":2000000,"features":["discovery","routing"]})");
    CHECK(decode(encode(hello)) == hello);
    hello.expects.clear();
    hello.has_discovery = false;
    CHECK(decode(encode(hello)) == hello);
    hello.has_routing = false;
    hello.has_discovery = true;
    CHECK(decode(encode(hello)) == hello);
}

TEST_CASE("link hello: what is not known is passed over", "[peering]") {
    const auto hello = decode(R"({"new":{"a":[1]},"features":["compression","routing"],"server":"b","protocol":1,)"
                              R"("incarnation":"0123456789ABCDEF","heartbeat_ms":1,"frame_limit":2})");
    REQUIRE(hello);
    CHECK(hello->has_routing);
    CHECK_FALSE(hello->has_discovery);
    CHECK(hello->incarnation == 0x0123456789abcdef);
}

TEST_CASE("link hello: fields that are missing or of a wrong kind are refused, and named", "[peering]") {
    const std::string long_name = '"' + std::string(65, 'n') + '"';
    struct {
        std::string field;
        std::vector<std::string> bad;
        bool may_be_missing;
    } const cases[] = {
        {"protocol", {"\"1\"", "-1", "null", "1.5"}, false},
        {"server", {"7", "\"\"", "\"a b\"", "null", long_name}, false},
        {"incarnation",
         {"7", "\"\"", "\"0123456789abcde\"", "\"0123456789abcdef0\"", "\"0123456789abcdeg\"", "\"-123456789abcdef\""},
         false},
        {"expects", {"7", "\"\"", "\"a\\n\""}, true},
        {"heartbeat_ms", {"\"1\"", "-1", "1e3", "true"}, false},
        {"frame_limit", {"\"1\"", "-1", "[]"}, false},
        {"features", {"7", "{}", "[1]", "\"routing\""}, true},
    };
    CHECK(decode(hello_with("", "")));
    for (const auto& [field, bad, may_be_missing] : cases) {
        CAPTURE(field);
        CHECK(decode(hello_with(field, "")).has_value() == may_be_missing);
        for (const std::string& value : bad) {
            CAPTURE(value);
            const auto hello = decode(hello_with(field, value));
            REQUIRE_FALSE(hello);
            CHECK(hello.error().code == "bad_hello");
            CHECK_FALSE(hello.error().is_temporary);
        }
    }
    CHECK(decode(hello_with("server", "7")).error().reason.find("\"server\"") != std::string::npos);
}

TEST_CASE("link hello: it is bounded, well-formed, and says each thing once", "[peering]") {
    const std::string hello = hello_with("", "");
    for (std::size_t size = 0; size < hello.size(); ++size) CHECK_FALSE(decode(hello.substr(0, size)));
    CHECK_FALSE(decode(hello + "x"));
    CHECK_FALSE(decode("[]"));
    CHECK_FALSE(decode(hello_with("frame_limit", "1,\"frame_limit\":2")));
    CHECK_FALSE(decode(hello_with("server", "\"b\",\"server\":\"c\"")));
    CHECK(decode(hello + std::string(max_hello_size - hello.size(), ' ')));
    CHECK_FALSE(decode(hello + std::string(max_hello_size - hello.size() + 1, ' ')));
    std::string features = "[\"f\"";
    for (int i = 0; i < 31; ++i) features += ",\"f\"";
    CHECK(decode(hello_with("features", features + "]")));
    CHECK_FALSE(decode(hello_with("features", features + ",\"f\"]")));
}

TEST_CASE("link hello: a server with its certificate is accepted", "[peering]") {
    CHECK_FALSE(check(some_hello(), {"other", "b.example"}));
    CHECK_FALSE(check(some_hello(), {"b.example"}, "b.example"));
    CHECK_FALSE(check_hello(own_hello(), some_hello(), std::nullopt, ""));
    link_hello hello = some_hello();
    hello.expects.clear();
    CHECK_FALSE(check(hello, {"b.example"}));
}

TEST_CASE("link hello: who is not who it should be is refused with the reason", "[peering]") {
    const auto refusal_of = [](const std::optional<link_refusal>& refusal, std::string_view code,
                               std::string_view part) {
        REQUIRE(refusal);
        CHECK(refusal->code == code);
        CAPTURE(refusal->reason);
        CHECK(refusal->reason.find(part) != std::string::npos);
    };
    refusal_of(check(some_hello(), {"c", "d"}), "peer_refused", "b.example, but its certificate is for c, d");
    refusal_of(check(some_hello(), {}), "peer_refused", "no name");
    refusal_of(check(some_hello(), {"B.EXAMPLE"}), "peer_refused", "certificate");
    refusal_of(check(some_hello(), {"b.example"}, "c"), "peer_refused",
               "c was expected at this address, but it is b.example");
    link_hello hello = some_hello();
    hello.expects = "c";
    refusal_of(check(hello, {"b.example"}), "peer_refused", "b.example expected c at this address, but this is a");
    hello = some_hello();
    hello.server = "a";
    refusal_of(check(hello, {"a"}), "peer_refused", "both servers are called a");
    hello.incarnation = own_hello().incarnation;
    refusal_of(check(hello, {"a"}), "peer_refused", "linked to itself");
}

TEST_CASE("link hello: another protocol is told from a bad hello", "[peering]") {
    const auto hello = decode(R"({"protocol":2,"name":"b","server":["x"]})");
    REQUIRE(hello);
    const auto refusal = check(*hello, {"b"});
    REQUIRE(refusal);
    CHECK(refusal->code == "protocol_mismatch");
    CHECK(refusal->reason.find("version 2") != std::string::npos);
}

TEST_CASE("link hello: heartbeats and frame limits have bounds, and the smaller heartbeat counts", "[peering]") {
    struct {
        std::string heartbeat;
        bool is_good;
    } const cases[] = {
        {"99", false}, {"100", true}, {"3600000", true}, {"3600001", false}, {"9007199254740991", false}, {"0", false},
    };
    for (const auto& [heartbeat, is_good] : cases) {
        CAPTURE(heartbeat);
        const auto hello = decode(hello_with("heartbeat_ms", heartbeat));
        REQUIRE(hello);
        const auto refusal = check(*hello, {"b"});
        CHECK(refusal.has_value() == !is_good);
        if (refusal) CHECK(refusal->code == "bad_hello");
    }
    CHECK(check(*decode(hello_with("frame_limit", "4095")), {"b"}).has_value());
    CHECK_FALSE(check(*decode(hello_with("frame_limit", "4096")), {"b"}));
    CHECK(effective_heartbeat(own_hello(), some_hello()) == 10s);
    CHECK(effective_heartbeat(some_hello(), own_hello()) == 10s);
}

TEST_CASE("goodbye: it comes out as it went in, and nonsense becomes something for the log", "[peering]") {
    wire::json_reader reader;
    const link_refusal goodbye{"shutting_down", "the \"server\" is stopping", true};
    CHECK(encode(goodbye) == R"({"code":"shutting_down","reason":"the \"server\" is stopping","temporary":true})");
    CHECK(decode_goodbye(reader, encode(goodbye)) == goodbye);
    const link_refusal unknown{"unknown", "no reason was given", false};
    for (const char* text : {"", "{", "[]", "{}", R"({"code":7,"reason":null})", R"({"code":"No Code"})"}) {
        CAPTURE(text);
        CHECK(decode_goodbye(reader, text) == unknown);
    }
    CHECK(decode_goodbye(reader, R"({"reason":"a\nb\u001b[31m"})").reason == "a?b?[31m");
    CHECK(decode_goodbye(reader, R"({"reason":")" + std::string(1'000, 'r') + "\"}").reason.size() == 256);
    CHECK(decode_goodbye(reader, R"({"reason":")" + std::string(max_hello_size, 'r') + "\"}") == unknown);
}

}  // namespace bester::peering
