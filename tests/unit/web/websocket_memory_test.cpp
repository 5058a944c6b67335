// What a decoder holds, and when.
#include <catch2/catch.hpp>
#include <memory>

#include "client_frames.hpp"

namespace bester::web {

using namespace test;

TEST_CASE("websocket decoder: at a message's border it holds nothing but itself", "[web]") {
    STATIC_REQUIRE(sizeof(websocket_decoder) <= 200);
    websocket_pool pool;
    websocket_decoder decoder{pool, {.allows_binary = true}};
    const auto held_after = [&](std::string_view bytes) {
        while (!bytes.empty()) bytes.remove_prefix(decoder.decode(bytes).consumed);
        return pool.held();
    };
    const std::string whole = client_frame(1, std::string(300, 'x'));
    const std::string_view view{whole};
    CHECK(held_after(whole) == 0);
    CHECK(held_after(view.substr(0, 1)) == 0);  // part of a header is its own
    CHECK(held_after(view.substr(1, 7)) == 0);  // all of it, and nothing of the body
    CHECK(held_after(view.substr(8, 100)) == 1);
    CHECK(held_after(view.substr(108)) == 0);

    const std::string first = client_frame(2, "abc", {.is_final = false});
    const std::string ping = client_frame(9, "ping");
    CHECK(held_after(first) == 1);
    CHECK(held_after(std::string_view{ping}.substr(0, 8)) == 1);
    CHECK(held_after(std::string_view{ping}.substr(8)) == 1);
    CHECK(held_after(client_frame(0, "")) == 0);
    CHECK(held_after(std::string_view{ping}.substr(0, 8)) == 1);
    CHECK(held_after(std::string_view{ping}.substr(8)) == 0);
}

TEST_CASE("websocket decoder: one that goes gives back what it held", "[web]") {
    websocket_pool pool;
    {
        websocket_decoder decoder{pool, {}};
        CHECK(decoder.decode(client_frame(1, "abc", {.is_final = false})).status == websocket_status::need_more);
        CHECK(pool.held() == 1);
    }
    CHECK(pool.held() == 0);
    websocket_decoder failing{pool, {}};
    CHECK(failing.decode(client_frame(1, "abc", {.is_final = false})).status == websocket_status::need_more);
    CHECK(failing.decode(client_frame(1, "abc")).status == websocket_status::failed);
    CHECK(pool.held() == 0);
}

TEST_CASE("websocket decoder: thousands share a pool and do not mix their messages", "[web]") {
    websocket_pool pool;
    std::vector<std::unique_ptr<websocket_decoder>> decoders;
    const auto body_of = [](std::size_t i) {
        return "message of decoder " + std::to_string(i) + std::string(i % 300, '.');
    };
    for (std::size_t i = 0; i < 2'000; ++i)
        decoders.push_back(std::make_unique<websocket_decoder>(pool, websocket_settings{}));
    for (int round = 0; round < 2; ++round) {
        for (std::size_t i = 0; i < decoders.size(); ++i) {
            const std::string frame = client_frame(1, body_of(i));
            REQUIRE(decoders[i]->decode(std::string_view{frame}.substr(0, 15)).status == websocket_status::need_more);
        }
        CHECK(pool.held() == decoders.size());
        for (std::size_t i = decoders.size(); i-- > 0;) {
            const std::string frame = client_frame(1, body_of(i));
            REQUIRE(in_words(decoders[i]->decode(std::string_view{frame}.substr(15))) == "text:" + body_of(i));
        }
        CHECK(pool.held() == 0);
    }
}

TEST_CASE("padded buffer: grows by halves, keeps what is there", "[web]") {
    padded_buffer buffer;
    CHECK(buffer.capacity() == 0);
    std::string expected;
    for (int i = 0; i < 1'000; ++i) {
        *buffer.extend(1) = static_cast<char>('a' + i % 26);
        expected += static_cast<char>('a' + i % 26);
    }
    CHECK(buffer.view() == expected);
    CHECK(buffer.capacity() < 2'000);
    buffer.reserve(10);
    CHECK(buffer.view() == expected);
    buffer.clear();
    CHECK(buffer.view().empty());
}

}  // namespace bester::web
