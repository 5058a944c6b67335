#include <catch2/catch.hpp>

#include "endpoint.hpp"
#include "json_members.hpp"
#include "message_codec.hpp"

using namespace bester;
using namespace bester::client_detail;
using nlohmann::json;

TEST_CASE("json members: the value's own text is found", "[client]") {
    struct row {
        const char* object;
        const char* key;
        const char* value;
    };
    const auto [object, key, value] =
        GENERATE(row{R"({"a":1})", "a", "1"}, row{R"( { "a" : 1.50 , "b":2} )", "a", "1.50"},
                 row{R"({"a":{"b":"}"},"b":[1,{"c":"]"}]})", "b", R"([1,{"c":"]"}])"},
                 row{R"({"a":"\\","b":"x\"y"})", "b", R"("x\"y")"}, row{R"({"a":"b","b":true})", "b", "true"},
                 row{R"({"\u0064ata":null})", "data", "null"}, row{R"({"a":[],"b":{}})", "b", "{}"},
                 row{R"({"a":1,"a":2})", "a", "1"}, row{"{\"a\":\n[ 1 ]\n}", "a", "[ 1 ]"});
    CAPTURE(object, key);
    CHECK(find_member(object, key) == value);
}

TEST_CASE("json members: what is missing or broken gives nothing", "[client]") {
    const auto object = GENERATE("", "[]", "{}", "{\"a\"", "{\"a\":", "{\"a\":1", "{a:1}", "{\"b\":1,", "{\"b\":\"",
                                 "\"a\"", "{\"b\":[[[", "{\"b\\");
    CAPTURE(object);
    CHECK(find_member(object, "x") == std::nullopt);
}

TEST_CASE("client codec: a log-in carries what is known and nothing else", "[client]") {
    const auto with_password = json::parse(encode_login({"tina", "pa\"ss", ""}));
    CHECK(with_password["header"]["scope"] == "client");
    CHECK(with_password["header"]["authentication"] == json{{"username", "tina"}, {"password", "pa\"ss"}});
    CHECK(with_password["payload"] == json{{"type", "dummy"}});
    CHECK(json::parse(encode_login({"", "", "t1"}))["header"]["authentication"] == json{{"token", "t1"}});
    CHECK_FALSE(json::parse(encode_login({}))["header"].contains("authentication"));
}

TEST_CASE("client codec: data goes out byte for byte", "[client]") {
    CHECK(encode_message("a\"b", "{ \"x\" : 1.0 }", "7") ==
          R"({"payload":{"type":"a\"b","id":"7","data":{ "x" : 1.0 }}})");
    CHECK(encode_message({"t", "room \"7\""}, "1", "") == R"({"payload":{"type":"t","key":"room \"7\"","data":1}})");
    CHECK(encode_message("t", "null", "") == R"({"payload":{"type":"t","data":null}})");
}

TEST_CASE("client codec: a delivery keeps its data byte for byte", "[client]") {
    auto decoded = decode_frame(
        R"({"header":{"messageType":"receivedMessage","new":1},"payload":{"id":"m1","data":{ "a" : 1.0},"type":"t","x":[]}})");
    REQUIRE(std::holds_alternative<delivery>(decoded));
    const auto message = std::get<delivery>(std::move(decoded));
    CHECK(message.type == "t");
    CHECK(message.id == "m1");
    CHECK(message.data() == R"({ "a" : 1.0})");
    CHECK(message.json()["a"] == 1.0);

    const auto bare = decode_frame(R"({"header":{"messageType":"receivedMessage"},"payload":{"type":"t"}})");
    REQUIRE(std::holds_alternative<delivery>(bare));
    CHECK(std::get<delivery>(bare).data() == "null");
}

TEST_CASE("client codec: statuses and notices are understood", "[client]") {
    const auto good =
        decode_frame(R"({"header":{"messageType":"statusReport","status":"good"},"payload":{"id":"1","delivered":3}})");
    REQUIRE(std::holds_alternative<status>(good));
    CHECK(std::get<status>(good).good);
    CHECK(std::get<status>(good).delivered == 3);

    const auto bad = decode_frame(
        R"({"header":{"messageType":"statusReport","status":"bad","error":{"code":"busy","reason":"r","temporary":true}},"payload":{"id":"2"}})");
    REQUIRE(std::holds_alternative<status>(bad));
    CHECK_FALSE(std::get<status>(bad).good);
    CHECK(std::get<status>(bad).error == error_info{"busy", "r", true});

    for (const auto& [written, meant] : {std::pair{"1500", 1'500}, std::pair{"-1", 0}, std::pair{"\"1\"", 0},
                                         std::pair{"18446744073709551615", 86'400'000}}) {
        const auto throttled = decode_frame(
            R"({"header":{"messageType":"statusReport","status":"bad","error":{"code":"c","retry_after_ms":)" +
            std::string(written) + R"(}},"payload":{"id":"2"}})");
        CAPTURE(written);
        CHECK(std::get<status>(throttled).error.retry_after == std::chrono::milliseconds(meant));
    }

    const auto original =
        decode_frame(R"({"header":{"messageType":"statusReport","status":"bad"},"payload":{"id":"2"}})");
    REQUIRE(std::holds_alternative<status>(original));
    CHECK(std::get<status>(original).error.code == "unspecified");

    const auto told =
        decode_frame(R"({"header":{"messageType":"notice","notice":"reconnect"},"payload":{"after":1200}})");
    REQUIRE(std::holds_alternative<notice>(told));
    CHECK(std::get<notice>(told).name == "reconnect");
    CHECK(std::get<notice>(told).after == std::chrono::milliseconds(1200));
}

TEST_CASE("client codec: frames that no broker sends are refused, unknown kinds are not", "[client]") {
    const auto bad = GENERATE("{}", "[]", "{\"header\":1}", "nonsense", "{\"header\":{}",
                              R"({"header":{"messageType":"receivedMessage"}})",
                              R"({"header":{"messageType":"receivedMessage"},"payload":[]})",
                              R"({"header":{"messageType":"receivedMessage"},"payload":{"type":7}})",
                              R"({"header":{"messageType":"statusReport"},"payload":{"id":"1"}})",
                              R"({"header":{"messageType":"statusReport","status":"good"},"payload":{"id":1}})");
    CAPTURE(bad);
    CHECK(std::holds_alternative<bad_broker_frame>(decode_frame(bad)));
    CHECK(std::holds_alternative<unknown_frame>(decode_frame(R"({"header":{"messageType":"news"},"payload":{}})")));
}

TEST_CASE("endpoint: host and port, IPv6 and UNIX paths are read", "[client]") {
    CHECK(parse_endpoint("localhost:2223") == endpoint{"localhost", "2223", ""});
    CHECK(parse_endpoint("[::1]:80") == endpoint{"::1", "80", ""});
    CHECK(parse_endpoint("unix:/run/x.sock") == endpoint{"", "", "/run/x.sock"});
    CHECK(parse_endpoint("unix:relative.sock") == endpoint{"", "", "relative.sock"});
    CHECK(parse_endpoint("/run/x.sock") == endpoint{"", "", "/run/x.sock"});
    CHECK(parse_endpoint("tls:chat.example.org:7443") == endpoint{"chat.example.org", "7443", "", true});
    CHECK(parse_endpoint("tls:[::1]:7443") == endpoint{"::1", "7443", "", true});
    CHECK(parse_endpoint("tls:7443") == endpoint{"tls", "7443", ""});
}

TEST_CASE("endpoint: what is none is refused with the remedy", "[client]") {
    const auto text = GENERATE("", "host", "host:", ":80", "host:0", "host:65536", "host:8o", "::1:80", "[]:80",
                               "unix:", "tls:host:", "tls::80", "tls:::1:80");
    CAPTURE(text);
    const auto result = parse_endpoint(text);
    REQUIRE_FALSE(result);
    CHECK(result.error().code == "bad_endpoint");
    CHECK_THAT(result.error().reason, Catch::Contains("host:port"));
}
