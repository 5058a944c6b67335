#include <catch2/catch.hpp>

#include "client_frames.hpp"
#include "web/deflate.hpp"

namespace bester::web {

using namespace test;
using words = std::vector<std::string>;

namespace {

/// Decodes a stream cut at two places, all places, and byte by byte; all must find `expected`.
void check_all_cuts(const std::string& stream, const websocket_settings& settings, const words& expected) {
    const std::string_view view{stream};
    const std::size_t step = stream.size() < 200 ? 1 : 37;
    websocket_pool pool;
    for (std::size_t first = 0; first <= view.size(); ++first) {
        for (std::size_t second = first; second <= view.size(); second += step) {
            CAPTURE(first, second);
            websocket_decoder decoder{pool, settings};
            REQUIRE(decode_pieces(decoder, {view.substr(0, first), view.substr(first, second - first),
                                            view.substr(second)}) == expected);
        }
    }
    std::vector<std::string_view> bytes;
    for (std::size_t i = 0; i < view.size(); ++i) bytes.push_back(view.substr(i, 1));
    websocket_decoder decoder{pool, settings};
    CHECK(decode_pieces(decoder, bytes) == expected);
    CHECK(pool.held() == 0);
}

}  // namespace

TEST_CASE("websocket decoder: a stream gives the same messages wherever it is cut", "[web]") {
    const std::string stream = client_frame(1, "hello") + client_frame(1, "") + client_frame(9, "are you there") +
                               client_frame(1, "gr\xc3\xbc\xc3\x9f dich", {.is_final = true}) +
                               client_frame(8, close_body(1000, "done"));
    check_all_cuts(stream, {},
                   {"text:hello", "text:", "ping:are you there", "text:gr\xc3\xbc\xc3\x9f dich", "close 1000:done"});
}

TEST_CASE("websocket decoder: fragments are put together, and control frames may come between them", "[web]") {
    const std::string stream = client_frame(1, "one \xc3", {.is_final = false}) + client_frame(9, "1") +
                               client_frame(0, "", {.is_final = false}) + client_frame(10, "2") +
                               client_frame(0, "\xa4 two ", {.is_final = false}) + client_frame(0, "three") +
                               client_frame(1, "next");
    check_all_cuts(stream, {}, {"ping:1", "pong:2", "text:one \xc3\xa4 two three", "text:next"});
    const std::string empty = client_frame(1, "", {.is_final = false}) + client_frame(9, "between") +
                              client_frame(0, "") + client_frame(1, "", {.is_final = false}) + client_frame(0, "x");
    check_all_cuts(empty, {}, {"ping:between", "text:", "text:x"});
}

TEST_CASE("websocket decoder: lengths of every form", "[web]") {
    for (const std::size_t size : {0u, 1u, 7u, 8u, 9u, 125u, 126u, 127u, 200u, 65'535u, 65'536u, 70'001u}) {
        CAPTURE(size);
        std::string body(size, ' ');
        for (std::size_t i = 0; i < size; ++i) body[i] = static_cast<char>('a' + i % 26);
        const std::string stream = client_frame(1, body) + client_frame(1, "after");
        CHECK(decode_whole(stream) == words{"text:" + body, "text:after"});
        // Cut in the header, behind it, in the payload.
        for (const std::size_t cut : {1u, 3u, 9u, 13u, 14u, 15u, static_cast<unsigned>(stream.size() / 2)}) {
            CAPTURE(cut);
            if (cut > stream.size()) continue;
            websocket_pool pool;
            websocket_decoder decoder{pool, {}};
            const std::string_view view{stream};
            CHECK(decode_pieces(decoder, {view.substr(0, cut), view.substr(cut)}) ==
                  words{"text:" + body, "text:after"});
        }
    }
}

TEST_CASE("websocket decoder: binary messages where they are allowed", "[web]") {
    const std::string stream =
        client_frame(2, "\xff\xfe") + client_frame(2, "a", {.is_final = false}) + client_frame(0, "\x80");
    check_all_cuts(stream, {.allows_binary = true}, {"binary:\xff\xfe", "binary:a\x80"});
    CHECK(decode_whole(stream) == words{"failed 1003"});
}

TEST_CASE("websocket decoder: compressed messages, whole and in fragments", "[web]") {
    message_deflater deflater;
    const websocket_settings settings{.is_compressed = true};
    const std::string text(500, 'x');
    const std::string deflated{deflater.deflate(text)};
    const std::string stream = client_frame(1, deflated, {.reserved = 4}) + client_frame(1, "plain") +
                               client_frame(1, deflated.substr(0, 2), {.is_final = false, .reserved = 4}) +
                               client_frame(9, "p") + client_frame(0, deflated.substr(2));
    check_all_cuts(stream, settings, {"text:" + text, "text:plain", "ping:p", "text:" + text});

    const std::string not_utf8{deflater.deflate("\xff")};
    CHECK(decode_whole(client_frame(1, not_utf8, {.reserved = 4}), settings) == words{"failed 1007"});
    CHECK(decode_whole(client_frame(1, "\xff\xff\xff", {.reserved = 4}), settings) == words{"failed 1007"});
    const std::string bomb{deflater.deflate(std::string(1001, '0'))};
    CHECK(decode_whole(client_frame(1, bomb, {.reserved = 4}), {.message_limit = 1000, .is_compressed = true}) ==
          words{"failed 1009"});
    CHECK(decode_whole(client_frame(1, bomb, {.reserved = 4}), {.message_limit = 1001, .is_compressed = true}) ==
          words{"text:" + std::string(1001, '0')});
}

TEST_CASE("websocket decoder: a message that is not taken comes again, and nothing is lost", "[web]") {
    const bool is_in_pieces = GENERATE(false, true);
    const bool is_compressed = GENERATE(false, true);
    CAPTURE(is_in_pieces, is_compressed);
    websocket_pool pool;
    const websocket_settings settings{.is_compressed = is_compressed};
    websocket_decoder decoder{pool, settings};
    websocket_decoder other{pool, settings};
    const std::string stream =
        is_compressed ? client_frame(1, pool.deflater().deflate("first"), {.reserved = 4}) + client_frame(1, "second")
                      : client_frame(1, "first") + client_frame(1, "second");
    std::string_view rest{stream};
    if (is_in_pieces) {
        CHECK(decoder.decode(rest.substr(0, 8)).status == websocket_status::need_more);
        rest.remove_prefix(8);
    }
    websocket_found found = decoder.decode(rest);
    REQUIRE(in_words(found) == "text:first");
    rest.remove_prefix(found.consumed);
    for (int times = 0; times < 3; ++times) {
        decoder.give_again();
        CHECK(pool.held() == 1);
        // Others use the pool meanwhile.
        const std::string noise = client_frame(1, std::string(300, 'z'));
        CHECK(other.decode(std::string_view{noise}.substr(0, 200)).status == websocket_status::need_more);
        CHECK(other.decode(std::string_view{noise}.substr(200)).status == websocket_status::message);
        found = decoder.decode(rest);
        CHECK(in_words(found) == "text:first");
        CHECK(found.consumed == 0);
        CHECK(pool.held() == 0);
    }
    decoder.give_again();
    CHECK(in_words(decoder.decode({})) == "text:first");
    CHECK(in_words(decoder.decode(rest)) == "text:second");
    decoder.give_again();
    CHECK(in_words(decoder.decode({})) == "text:second");
}

TEST_CASE("websocket decoder: the bytes after a message can be read", "[web]") {
    // simdjson loads whole blocks; AddressSanitizer sees whether they are there.
    websocket_pool pool;
    websocket_decoder decoder{pool, {.is_compressed = true}};
    const auto sum_of = [](std::string_view body) {
        unsigned sum = 0;
        for (std::size_t i = 0; i < 64; ++i) sum += static_cast<unsigned char>(body.data()[body.size() + i]);
        return sum;
    };
    for (const std::size_t size : {0u, 1u, 100u, 192u, 193u, 5'000u}) {
        CAPTURE(size);
        const std::string body(size, 'a');
        for (const std::string& stream :
             {client_frame(1, body), client_frame(1, pool.deflater().deflate(body), {.reserved = 4})}) {
            for (const std::size_t cut : {std::size_t{0}, stream.size() / 2, stream.size() - 1}) {
                std::string_view view{stream};
                websocket_found found = decoder.decode(view.substr(0, cut));
                REQUIRE(found.status == websocket_status::need_more);
                found = decoder.decode(view.substr(cut));
                REQUIRE(found.body == body);
                CHECK(sum_of(found.body) < 64 * 256);
                decoder.give_again();
                CHECK(sum_of(decoder.decode({}).body) < 64 * 256);
            }
        }
    }
}

}  // namespace bester::web
