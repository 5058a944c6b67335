#include <catch2/catch.hpp>
#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "wire/client_codec.hpp"

namespace bester::wire {

namespace {

using nlohmann::json;

/// The body of what must be exactly one whole frame.
std::string body_of(std::string_view frame) {
    const frame_result result = decode_frame(frame, frame.size());
    REQUIRE(result.status == frame_status::complete);
    REQUIRE(result.consumed == frame.size());
    return std::string{result.body};
}

std::string delivery(std::string_view type, std::string_view data, std::string_view id) {
    // Exactly the promised size: a byte more would be seen by AddressSanitizer.
    const std::size_t size = delivery_size(type, data, id);
    const auto room = std::make_unique<char[]>(size);
    char* const end = write_delivery(room.get(), type, data, id);
    REQUIRE(static_cast<std::size_t>(end - room.get()) == size);
    return {room.get(), size};
}

std::string good_status(std::string_view id, delivered_count delivered) {
    const std::size_t size = good_status_size(id);
    const auto room = std::make_unique<char[]>(size);
    char* const end = write_good_status(room.get(), id, delivered);
    REQUIRE(static_cast<std::size_t>(end - room.get()) <= size);
    return {room.get(), end};
}

}  // namespace

TEST_CASE("client statuses: a time to wait is told if there is one", "[wire]") {
    status_error error = as_status_error(error_code::rate_limited);
    CHECK_FALSE(json::parse(body_of(bad_status_frame("\"1\"", error)))["header"]["error"].contains("retry_after_ms"));
    error.retry_after_ms = 1'500;
    CHECK(json::parse(body_of(bad_status_frame("\"1\"", error)))["header"]["error"]["retry_after_ms"] == 1'500);
}

TEST_CASE("client notices: a token that expires is told of", "[wire]") {
    CHECK(json::parse(body_of(token_notice_frame(60'000))) ==
          json::parse(R"({"header":{"messageType":"notice","notice":"token_expires"},"payload":{"after":60000}})"));
}

TEST_CASE("delivery: it is the page's, byte for byte", "[wire]") {
    CHECK(
        body_of(delivery("\"afrikaans\"", R"({"from":"tina","text":"Hallo"})", "")) ==
        R"({"header":{"messageType":"receivedMessage"},"payload":{"type":"afrikaans","data":{"from":"tina","text":"Hallo"}}})");
}

TEST_CASE("delivery: a reply carries the request's id, and data is not touched", "[wire]") {
    const std::string data = GENERATE(as<std::string>{}, "null", "1e999", R"({ "a" : "\u0041" })", "[]");
    const std::string body = body_of(delivery(R"("\u0061")", data, R"("\"1")"));
    CHECK(body == R"({"header":{"messageType":"receivedMessage"},"payload":{"type":"\u0061","data":)" + data +
                      R"(,"id":"\"1"}})");
    if (data != "1e999") CHECK(json::parse(body)["payload"]["id"] == "\"1");
}

TEST_CASE("delivery: large data makes a whole frame", "[wire]") {
    const std::string data = "\"" + std::string(1'000'000, 'x') + "\"";
    CHECK(json::parse(body_of(delivery("\"t\"", data, "")))["payload"]["data"].get<std::string>().size() == 1'000'000);
}

TEST_CASE("status: a good one is the page's, with and without the number delivered", "[wire]") {
    CHECK(body_of(good_status("\"m1\"", 1)) ==
          R"({"header":{"messageType":"statusReport","status":"good"},"payload":{"id":"m1","delivered":1}})");
    CHECK(body_of(good_status("\"m1\"", 0)) ==
          R"({"header":{"messageType":"statusReport","status":"good"},"payload":{"id":"m1","delivered":0}})");
    CHECK(body_of(good_status("\"m1\"", {})) ==
          R"({"header":{"messageType":"statusReport","status":"good"},"payload":{"id":"m1"}})");
}

TEST_CASE("status: the promised room is enough for the largest number and id", "[wire]") {
    const std::string id = "\"" + std::string(128, 'i') + "\"";
    const auto most = std::numeric_limits<std::uint64_t>::max();
    CHECK(json::parse(body_of(good_status(id, most)))["payload"]["delivered"] == most);
    CHECK(good_status(id, most).size() == good_status_size(id));
}

TEST_CASE("status: a bad one carries code, reason and whether to try again", "[wire]") {
    const std::string frame = bad_status_frame("\"m2\"", {"no_handler", "no handler serves type \"weather\"", false});
    CHECK(
        body_of(frame) ==
        R"({"header":{"messageType":"statusReport","status":"bad","error":{"code":"no_handler","reason":"no handler serves type \"weather\"","temporary":false}},"payload":{"id":"m2"}})");
    const json with_count = json::parse(body_of(bad_status_frame("\"m2\"", as_status_error(error_code::busy), 3)));
    CHECK(with_count["header"]["error"]["temporary"] == true);
    CHECK(with_count["header"]["error"]["code"] == "busy");
    CHECK(with_count["payload"] == json{{"id", "m2"}, {"delivered", 3}});
}

TEST_CASE("status: a handler's reason is quoted, whatever bytes it has", "[wire]") {
    const json status =
        json::parse(body_of(bad_status_frame("\"1\"", {"own_code", std::string("a\"\\\n\0\xff", 6), true})));
    CHECK(status["header"]["error"]["reason"] == std::string("a\"\\\n\0\xef\xbf\xbd", 8));
}

TEST_CASE("status: an error takes its text and hint from the table, its reason from the caller if given", "[wire]") {
    for (const error_row& row : error_table()) {
        const status_error plain = as_status_error(row.code);
        CHECK(plain.code == row.text);
        CHECK(plain.reason == row.meaning);
        CHECK(plain.temporary == row.temporary);
        CHECK(as_status_error(row.code, "because").reason == "because");
        CHECK(as_status_error(row.code, "because").code == row.text);
    }
}

TEST_CASE("status: those about the connection have the ids of the page", "[wire]") {
    CHECK(authentication_id == "\"auth_special\"");
    CHECK(error_id == "\"error_special\"");
    CHECK(close_id == "\"close_special\"");
    CHECK(body_of(authenticated_frame("tina")) ==
          R"({"header":{"messageType":"statusReport","status":"good"},"payload":{"id":"auth_special","user":"tina"}})");
}

TEST_CASE("notice: it says after how many milliseconds to connect again", "[wire]") {
    CHECK(body_of(reconnect_notice_frame(1200)) ==
          R"({"header":{"messageType":"notice","notice":"reconnect"},"payload":{"after":1200}})");
}

}  // namespace bester::wire
