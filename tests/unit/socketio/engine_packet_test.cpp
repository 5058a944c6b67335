#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "socketio/engine_packet.hpp"

namespace bester::socketio {

namespace {

/// "4hello b1234 …" with '|' between, or with "bad" at the end.
std::string packets_of(std::string_view payload) {
    payload_reader reader{payload};
    std::string text;
    while (true) {
        engine_packet packet;
        switch (reader.next(packet)) {
            case payload_status::end: CHECK(reader.next(packet) == payload_status::end); return text;
            case payload_status::bad: CHECK(reader.next(packet) == payload_status::bad); return text + "bad";
            case payload_status::packet: break;
        }
        text += packet.is_base64 ? "b" : std::to_string(static_cast<int>(packet.type));
        if (packet.is_base64) CHECK(packet.type == engine_type::message);
        (text += packet.data) += '|';
    }
}

}  // namespace

TEST_CASE("engine packet: every type is read, with what stands behind it", "[socketio]") {
    const std::vector<std::pair<std::string_view, engine_packet>> table{
        {"0{\"sid\":\"a\"}", {engine_type::open, false, "{\"sid\":\"a\"}"}},
        {"1", {engine_type::close, false, ""}},
        {"2", {engine_type::ping, false, ""}},
        {"2probe", {engine_type::ping, false, "probe"}},
        {"3", {engine_type::pong, false, ""}},
        {"3probe", {engine_type::pong, false, "probe"}},
        {"4hello", {engine_type::message, false, "hello"}},
        {"4\xe2\x82\xac", {engine_type::message, false, "\xe2\x82\xac"}},
        {"42[\"a\"]", {engine_type::message, false, "2[\"a\"]"}},
        {"5", {engine_type::upgrade, false, ""}},
        {"6", {engine_type::noop, false, ""}},
        {"bAQIDBA==", {engine_type::message, true, "AQIDBA=="}},
        {"b", {engine_type::message, true, ""}},
    };
    for (const auto& [text, expected] : table) {
        CAPTURE(text);
        engine_packet packet;
        REQUIRE(decode_engine_packet(text, packet));
        CHECK(packet == expected);
    }
}

TEST_CASE("engine packet: what has no type that there is, is refused", "[socketio]") {
    engine_packet packet;
    CHECK_FALSE(decode_engine_packet("", packet));
    for (int byte = 0; byte < 256; ++byte) {
        const char first = static_cast<char>(byte);
        const bool is_type = (first >= '0' && first <= '6') || first == 'b';
        CAPTURE(byte);
        CHECK(decode_engine_packet({&first, 1}, packet) == is_type);
    }
}

TEST_CASE("polling payload: packets are read one by one, in order", "[socketio]") {
    CHECK(packets_of("4hello\x1e"
                     "2\x1e"
                     "4world") == "4hello|2|4world|");
    CHECK(packets_of("4hello\x1e"
                     "bAQIDBA==") == "4hello|bAQIDBA==|");
    CHECK(packets_of("1") == "1|");
    CHECK(packets_of("4") == "4|");
}

TEST_CASE("polling payload: an empty one, an empty packet and an unknown type are refused where they stand",
          "[socketio]") {
    CHECK(packets_of("") == "bad");
    CHECK(packets_of("\x1e") == "bad");
    CHECK(packets_of("4a\x1e") == "4a|bad");
    CHECK(packets_of("\x1e"
                     "4a") == "bad");
    CHECK(packets_of("4a\x1e\x1e"
                     "4b") == "4a|bad");
    CHECK(packets_of("4a\x1e"
                     "7\x1e"
                     "4b") == "4a|bad");
}

TEST_CASE("polling payload: what is written is read again", "[socketio]") {
    std::string payload;
    append_packet(payload, engine_type::ping);
    append_packet(payload, engine_type::pong, "probe");
    append_message(payload, "43/admin,17", "[1]");
    append_binary(payload, std::string_view{"\x01\x02\x03\x04", 4});
    append_binary(payload, "");
    append_packet(payload, engine_type::noop);
    CHECK(payload ==
          "2\x1e"
          "3probe\x1e"
          "43/admin,17[1]\x1e"
          "bAQIDBA==\x1e"
          "b\x1e"
          "6");
    CHECK(packets_of(payload) == "2|3probe|43/admin,17[1]|bAQIDBA==|b|6|");
}

TEST_CASE("open packet: it says what the client must know", "[socketio]") {
    CHECK(
        open_packet({"lv_VI97HAXpY6yYWAAAC", true, 25'000, 20'000, 1'000'000}) ==
        R"(0{"sid":"lv_VI97HAXpY6yYWAAAC","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000})");
    const auto json = nlohmann::json::parse(open_packet({"a\"b", false, 1, 2, 3}).substr(1));
    CHECK(json.at("sid") == "a\"b");
    CHECK(json.at("upgrades").empty());
}

TEST_CASE("engine error: each has its code and words", "[socketio]") {
    for (int code = 0; code <= 5; ++code) {
        const auto json = nlohmann::json::parse(error_body(static_cast<engine_error>(code)));
        CHECK(json.at("code") == code);
        CHECK_FALSE(json.at("message").get<std::string>().empty());
    }
    CHECK(error_body(engine_error::unknown_session) == R"({"code":1,"message":"Session ID unknown"})");
}

}  // namespace bester::socketio
