#include <catch2/catch.hpp>
#include <cstdint>
#include <limits>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "wire/handler_codec.hpp"

namespace bester::wire {

namespace {

using nlohmann::json;

std::string body_of(std::string_view frame) {
    const frame_result result = decode_frame(frame, frame.size());
    REQUIRE(result.status == frame_status::complete);
    REQUIRE(result.consumed == frame.size());
    return std::string{result.body};
}

std::string written(const handler_message& message) {
    const std::size_t size = handler_message_size(message);
    const auto room = std::make_unique<char[]>(size);
    char* const end = write_handler_message(room.get(), message);
    REQUIRE(static_cast<std::size_t>(end - room.get()) <= size);
    return body_of({room.get(), static_cast<std::size_t>(end - room.get())});
}

handler_message example() {
    handler_message message;
    message.id = 7;
    message.type_token = "\"afrikaans\"";
    message.time_ms = 1790000000000;
    message.deadline_ms = 5000;
    message.origin = {"tina", "00a3", "home"};
    message.data = R"({"to":"gustav","text":"Hallo"})";
    return message;
}

}  // namespace

TEST_CASE("handler message: it says what the page says", "[wire]") {
    const std::string body = written(example());
    CHECK(json::parse(body) ==
          json::parse(R"({"kind":"message","id":7,"type":"afrikaans","time":1790000000000,"deadline":5000,
        "from":{"user":"tina","session":"00a3","server":"home"},"data":{"to":"gustav","text":"Hallo"}})"));
    CHECK(body.find(R"({"kind":"message",)") == 0);
}

TEST_CASE("handler message: the routing key stands in it as it was sent", "[wire]") {
    handler_message message = example();
    message.key_token = R"("room \u00e4")";
    CHECK(written(message).find(R"("type":"afrikaans","key":"room \u00e4","time":)") != std::string::npos);
}

TEST_CASE("handler message: a request says so, others are silent about it", "[wire]") {
    handler_message message = example();
    CHECK_FALSE(json::parse(written(message)).contains("request"));
    message.is_request = true;
    CHECK(json::parse(written(message))["request"] == true);
}

TEST_CASE("handler message: without a session it comes from a handler", "[wire]") {
    handler_message message = example();
    message.origin = {"ticker", "", "home"};
    const json from = json::parse(written(message))["from"];
    CHECK(from["handler"] == "ticker");
    CHECK_FALSE(from.contains("user"));
    CHECK_FALSE(from.contains("session"));
}

TEST_CASE("handler message: what more is known of the sender follows its server", "[wire]") {
    handler_message message = example();
    message.origin.about = R"(,"roles":["a","b"],"claims":{"x":1})";
    CHECK(json::parse(written(message))["from"] ==
          json::parse(R"({"user":"tina","session":"00a3","server":"home","roles":["a","b"],"claims":{"x":1}})"));
}

TEST_CASE("handler message: type and data are not touched", "[wire]") {
    handler_message message = example();
    message.type_token = R"("\u0061")";
    message.data = R"([ 1e999, "\u0041" ])";
    const std::string body = written(message);
    CHECK(body.find(R"("type":"\u0061")") != std::string::npos);
    CHECK(body.find(R"("data":[ 1e999, "\u0041" ]})") != std::string::npos);
}

TEST_CASE("handler message: the promised room is enough for the largest numbers", "[wire]") {
    handler_message message = example();
    message.id = message.time_ms = message.deadline_ms = std::numeric_limits<std::uint64_t>::max();
    message.is_request = true;
    CHECK(json::parse(written(message))["id"] == message.id);
    message.origin = {std::string_view{"a-handler-with-quite-a-long-name"}, "", "home"};
    CHECK(json::parse(written(message))["deadline"] == message.deadline_ms);
}

TEST_CASE("handler message: where no deadline is kept none is told", "[wire]") {
    handler_message message = example();
    message.has_deadline = false;
    CHECK_FALSE(json::parse(written(message)).contains("deadline"));
}

TEST_CASE("refused: it names the command by answer and index", "[wire]") {
    const std::uint64_t id = 7;
    CHECK(body_of(refused_frame(&id, 0, error_code::unknown_command, "no command \"dance\"")) ==
          R"({"kind":"refused","id":7,"index":0,"code":"unknown_command","reason":"no command \"dance\""})");
    CHECK(body_of(refused_frame(nullptr, 3, error_code::peer_unknown, "r")) ==
          R"({"kind":"refused","index":3,"code":"peer_unknown","reason":"r"})");
    CHECK(body_of(refused_frame(nullptr, 3, error_code::peer_unknown, "r", R"("tag")")) ==
          R"({"kind":"refused","index":3,"code":"peer_unknown","reason":"r","report":"tag"})");
}

}  // namespace bester::wire
