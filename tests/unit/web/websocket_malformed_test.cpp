// What RFC 6455 forbids a client, class by class, and the code that it is told.
#include <catch2/catch.hpp>

#include "client_frames.hpp"

namespace bester::web {

using namespace test;
using words = std::vector<std::string>;

namespace {

struct malformed {
    std::string what;
    std::string stream;
    words expected;
    websocket_settings settings = {};
};

std::vector<malformed> all_malformed() {
    std::vector<malformed> all{
        {"text that is not masked", client_frame(1, "x", {.is_masked = false}), {"failed 1002"}},
        {"a ping that is not masked", client_frame(9, "", {.is_masked = false}), {"failed 1002"}},
        {"the second frame is not masked",
         client_frame(1, "a") + client_frame(1, "b", {.is_masked = false}),
         {"text:a", "failed 1002"}},
        {"RSV1 without compression", client_frame(1, "x", {.reserved = 4}), {"failed 1002"}},
        {"RSV2", client_frame(1, "x", {.reserved = 2}), {"failed 1002"}, {.is_compressed = true}},
        {"RSV3", client_frame(1, "x", {.reserved = 1}), {"failed 1002"}, {.is_compressed = true}},
        {"RSV1 of a ping", client_frame(9, "x", {.reserved = 4}), {"failed 1002"}, {.is_compressed = true}},
        {"RSV1 of a continuation",
         client_frame(1, "x", {.is_final = false}) + client_frame(0, "x", {.reserved = 4}),
         {"failed 1002"},
         {.is_compressed = true}},
        {"a continuation of nothing", client_frame(0, "x"), {"failed 1002"}},
        {"a continuation after a whole message",
         client_frame(1, "a") + client_frame(0, "x"),
         {"text:a", "failed 1002"}},
        {"a text within a text", client_frame(1, "a", {.is_final = false}) + client_frame(1, "b"), {"failed 1002"}},
        {"a binary within a text",
         client_frame(1, "a", {.is_final = false}) + client_frame(2, "b"),
         {"failed 1002"},
         {.allows_binary = true}},
        {"a fragment of a ping", client_frame(9, "x", {.is_final = false}), {"failed 1002"}},
        {"a fragment of a close", client_frame(8, close_body(1000), {.is_final = false}), {"failed 1002"}},
        {"a ping of 126 bytes", client_frame(9, std::string(126, 'x')), {"failed 1002"}},
        {"a close of 126 bytes", client_frame(8, close_body(1000, std::string(124, 'x'))), {"failed 1002"}},
        {"5 bytes with a length of 16 bits", client_frame(1, "hello", {.length_bytes = 4}), {"failed 1002"}},
        {"5 bytes with a length of 64 bits", client_frame(1, "hello", {.length_bytes = 10}), {"failed 1002"}},
        {"126 bytes with a length of 64 bits",
         client_frame(1, std::string(126, 'x'), {.length_bytes = 10}),
         {"failed 1002"}},
        {"a length with its highest bit", std::string("\x81\xff\x80\0\0\0\0\0\0\1abcd", 14), {"failed 1002"}},
        {"a length near 2^63",
         std::string("\x81\xff\x7f\xff\xff\xff\xff\xff\xff\xff"
                     "abcd",
                     14),
         {"failed 1009"}},
        {"binary where text is spoken", client_frame(2, "x"), {"failed 1003"}},
        {"half a close code", client_frame(8, "\x03"), {"failed 1002"}},
        {"a reason that is not UTF-8", client_frame(8, close_body(1000, "\xff")), {"failed 1007"}},
        {"a message above the limit", client_frame(1, std::string(101, 'x')), {"failed 1009"}, {.message_limit = 100}},
        {"fragments above the limit",
         client_frame(1, std::string(60, 'x'), {.is_final = false}) + client_frame(0, std::string(41, 'x')),
         {"failed 1009"},
         {.message_limit = 100}},
    };
    for (const unsigned kind : {3u, 4u, 5u, 6u, 7u, 11u, 12u, 13u, 14u, 15u})
        all.push_back({"opcode " + std::to_string(kind), client_frame(kind, "x"), {"failed 1002"}});
    for (const unsigned code : {0u, 1u, 999u, 1004u, 1005u, 1006u, 1015u, 1016u, 1100u, 2000u, 2999u, 5000u, 65'535u})
        all.push_back({"close code " + std::to_string(code), client_frame(8, close_body(code)), {"failed 1002"}});
    // Cut short, a lone continuation, overlong, a surrogate, above U+10FFFF.
    for (const std::string_view text : {"ab\xc3", "\x80", "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xfe"})
        all.push_back({"not UTF-8", client_frame(1, text), {"failed 1007"}});
    all.push_back({"not UTF-8, in fragments",
                   client_frame(1, "\xc3", {.is_final = false}) + client_frame(0, "x"),
                   {"failed 1007"}});
    return all;
}

}  // namespace

TEST_CASE("websocket decoder: every malformed class is refused with its code, wherever it is cut", "[web]") {
    for (const malformed& each : all_malformed()) {
        CAPTURE(each.what);
        const std::string_view stream{each.stream};
        CHECK(decode_whole(stream, each.settings) == each.expected);
        websocket_pool pool;
        for (std::size_t cut = 0; cut <= stream.size(); ++cut) {
            CAPTURE(cut);
            websocket_decoder decoder{pool, each.settings};
            REQUIRE(decode_pieces(decoder, {stream.substr(0, cut), stream.substr(cut)}) == each.expected);
        }
        CHECK(pool.held() == 0);
    }
}

TEST_CASE("websocket decoder: close codes that may be sent are told", "[web]") {
    for (const unsigned code :
         {1000u, 1001u, 1002u, 1003u, 1007u, 1008u, 1009u, 1010u, 1011u, 1012u, 1013u, 1014u, 3000u, 4999u}) {
        CAPTURE(code);
        CHECK(decode_whole(client_frame(8, close_body(code, "r"))) == words{"close " + std::to_string(code) + ":r"});
    }
    CHECK(decode_whole(client_frame(8, "")) == words{"close 1005:"});
    CHECK(decode_whole(client_frame(8, close_body(1000, std::string(123, 'r')))) ==
          words{"close 1000:" + std::string(123, 'r')});
}

TEST_CASE("websocket decoder: after a close nothing is looked at, after a failure it stays one", "[web]") {
    websocket_pool pool;
    websocket_decoder closed{pool, {}};
    const std::string stream = client_frame(8, "") + client_frame(1, "late");
    std::string_view rest{stream};
    websocket_found found = closed.decode(rest);
    rest.remove_prefix(found.consumed);
    REQUIRE_FALSE(rest.empty());
    found = closed.decode(rest);
    CHECK(found.status == websocket_status::need_more);
    CHECK(found.consumed == rest.size());

    websocket_decoder failed{pool, {}};
    CHECK(in_words(failed.decode(client_frame(0, "x"))) == "failed 1002");
    found = failed.decode(client_frame(1, "good"));
    CHECK(in_words(found) == "failed 1002");
    CHECK_FALSE(found.body.empty());
}

TEST_CASE("websocket decoder: a limit is checked with the header, before a byte of the body came", "[web]") {
    websocket_pool pool;
    websocket_decoder decoder{pool, {.message_limit = 1000}};
    const std::string frame = client_frame(1, std::string(1001, 'x'));
    const websocket_found found = decoder.decode(std::string_view{frame}.substr(0, 8));
    CHECK(in_words(found) == "failed 1009");

    websocket_decoder lowered{pool, {.message_limit = 1000}};
    CHECK(lowered.decode(client_frame(1, std::string(900, 'x'), {.is_final = false})).status ==
          websocket_status::need_more);
    lowered.set_message_limit(500);
    CHECK(in_words(lowered.decode(client_frame(0, "x"))) == "failed 1009");
}

}  // namespace bester::web
