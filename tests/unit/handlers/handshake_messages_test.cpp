#include "handlers/handshake_messages.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "failing_allocation.hpp"

using namespace bester::handlers;
using bester::wire::error_code;

TEST_CASE("hello: what is accepted", "[handlers]") {
    SECTION("the first channel of a started process") {
        const auto hello = parse_hello(
            R"({"kind":"hello","protocol":1,"handler":"chat","token":"t","events":["clients","groups","peers"],"new":1})");
        REQUIRE(hello);
        CHECK(hello->handler == "chat");
        CHECK(hello->token == "t");
        CHECK(hello->key.empty());
        CHECK_FALSE(hello->shard);
        CHECK(hello->wishes.client_events);
        CHECK(hello->wishes.peer_events);
        CHECK(hello->wishes.group_events);
    }
    SECTION("a process started by hand") {
        const auto hello = parse_hello(R"({"protocol":1,"handler":"chat","kind":"hello"})");
        REQUIRE(hello);
        CHECK(hello->token.empty());
        CHECK_FALSE(hello->wishes.client_events);
        CHECK_FALSE(hello->wishes.group_events);
    }
    SECTION("a further channel") {
        const auto hello = parse_hello(R"({"kind":"hello","protocol":1,"handler":"chat","key":"k","shard":2})");
        REQUIRE(hello);
        CHECK(hello->key == "k");
        CHECK(hello->shard == 2u);
    }
}

TEST_CASE("hello: what is refused, and with which code", "[handlers]") {
    struct row {
        const char* json;
        error_code code;
    };
    const row rows[] = {
        {"", error_code::bad_hello},
        {"[]", error_code::bad_hello},
        {"{}", error_code::bad_hello},
        {R"({"kind":"answer","protocol":1,"handler":"chat"})", error_code::bad_hello},
        {R"({"kind":["hello"],"protocol":1,"handler":"chat"})", error_code::bad_hello},
        {R"({"kind":"hello","handler":"chat"})", error_code::protocol_mismatch},
        {R"({"kind":"hello","protocol":2,"handler":"chat"})", error_code::protocol_mismatch},
        {R"({"kind":"hello","protocol":"1","handler":"chat"})", error_code::protocol_mismatch},
        {R"({"kind":"hello","protocol":1})", error_code::bad_hello},
        {R"({"kind":"hello","protocol":1,"handler":"a","handler":"b"})", error_code::bad_hello},
        {R"({"kind":"hello","protocol":1,"handler":7})", error_code::bad_hello},
        {R"({"kind":"hello","protocol":1,"handler":""})", error_code::bad_hello},
        {R"({"kind":"hello","protocol":1,"handler":"chat","token":1})", error_code::bad_hello},
        {R"({"kind":"hello","protocol":1,"handler":"chat","events":"clients"})", error_code::bad_hello},
        {R"({"kind":"hello","protocol":1,"handler":"chat","events":["weather"]})", error_code::bad_hello},
        {R"({"kind":"hello","protocol":1,"handler":"chat","key":"k"})", error_code::bad_hello},
        {R"({"kind":"hello","protocol":1,"handler":"chat","key":"k","shard":-1})", error_code::bad_hello},
        {R"({"kind":"hello","protocol":1,"handler":"chat","key":"k","shard":1.5})", error_code::bad_hello},
        {R"({"kind":"hello","protocol":1,"handler":"chat","key":"k","shard":99999999999})", error_code::bad_hello},
    };
    for (const row& each : rows) {
        CAPTURE(each.json);
        const auto hello = parse_hello(each.json);
        REQUIRE_FALSE(hello);
        CHECK(hello.error().code == each.code);
        CHECK_FALSE(hello.error().reason.empty());
    }
}

TEST_CASE("welcome: has the fields of the protocol page, the config byte for byte", "[handlers]") {
    welcome_message welcome;
    welcome.server = "home";
    welcome.handler = "chat";
    welcome.instance = "chat#0";
    welcome.shard = 1;
    welcome.shards = 3;
    welcome.key = "abc";
    welcome.window = 342;
    welcome.message_size = 1000;
    welcome.recipients = 10;
    welcome.config_json = "{ \"big\": 1.00 }";
    const std::string text = encode(welcome);
    CHECK(text.find("{ \"big\": 1.00 }") != std::string::npos);
    const auto json = nlohmann::json::parse(text);
    CHECK(json == nlohmann::json::parse(R"({"kind":"welcome","protocol":1,"server":"home","handler":"chat",
        "instance":"chat#0","shard":1,"shards":3,"key":"abc","window":342,
        "limits":{"message_size":1000,"recipients":10},"config":{"big":1.0}})"));
}

TEST_CASE("handshake: an error frame carries the code's text, also around bytes that are not UTF-8", "[handlers]") {
    const auto json = nlohmann::json::parse(encode(refusal{error_code::handler_unknown, "no \"x\xff\""}));
    CHECK(json.at("kind") == "error");
    CHECK(json.at("code") == "handler_unknown");
    CHECK(json.at("reason") == "no \"x\xef\xbf\xbd\"");
    CHECK(frame_of("{}") == std::string("\x02\0\0\0{}", 6));
}

TEST_CASE("hello: without memory for a part of it, an exception comes out and nothing else", "[handlers]") {
    const std::string text = GENERATE(
        as<std::string>{},
        R"({"kind":"hello","protocol":1,"handler":"a handler with a longer name","token":"t","events":["clients","peers"],"new":[[{"a":[1]}],[]]})",
        R"({"kind":["hello",[[]]],"protocol":1})", std::string(5'000, '['));
    for (std::size_t number = 1;; ++number) {
        // From here on all fail: what was made is taken apart without any.
        const bester::failing_allocation failing{number, 1'000'000};
        try {
            parse_hello(text);
        } catch (const std::bad_alloc&) {}
        if (!failing.has_failed()) break;
    }
    SUCCEED("the program goes on");
}
