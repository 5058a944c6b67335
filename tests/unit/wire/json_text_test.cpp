#include "wire/json_text.hpp"

#include <catch2/catch.hpp>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <utility>

namespace bester::wire {

namespace {

using nlohmann::json;

std::string unescaped(std::string_view text) {
    std::string out = "before:";
    append_unescaped(out, text);
    REQUIRE(out.substr(0, 7) == "before:");
    return out.substr(7);
}

std::string as_token(std::string_view text) {
    std::string out;
    append_quoted(out, text);
    return out;
}

std::string utf8(unsigned point) {
    std::string escape = "\"";
    char unit[16];
    if (point >= 0x10000) {
        std::snprintf(unit, sizeof unit, "\\u%04x\\u%04x", 0xd800 + ((point - 0x10000) >> 10),
                      0xdc00 + ((point - 0x10000) & 0x3ff));
    } else {
        std::snprintf(unit, sizeof unit, "\\u%04x", point);
    }
    return json::parse(escape + unit + "\"").get<std::string>();
}

}  // namespace

TEST_CASE("json text: escapes are judged and undone as nlohmann does", "[wire]") {
    const std::string text =
        GENERATE(as<std::string>{}, "", "plain", "\\\"", "\\\\", "\\/", "\\b", "\\f", "\\n", "\\r", "\\t", "a\\nb\\tc",
                 "\\u0041", "\\u00e9", "\\u20AC", "\\u20ac", "\\uFFFF", "\\u0000", "\\uD83D\\uDE00", "x\\ud83d\\ude00y",
                 "\\udbff\\udfff", "\\ud800\\udc00", "\\\\u12", "\\\\\\\"", "\\u00410041",
                 // and what is no escape
                 "\\", "a\\", "\\x", "\\'", "\\U0041", "\\0", "\\u", "\\u1", "\\u12", "\\u123", "\\u123g", "\\u 123",
                 "\\u+123", "\\ud800", "\\ud800x", "\\ud800\\n", "\\ud800\\u", "\\ud800\\u0041", "\\ud800\\ud800",
                 "\\udc00", "\\udc00\\ud800", "\\udfff", "\\ud83d\\ude0", "\\ud83d\\", "a\\\\\\");
    CAPTURE(text);
    const std::string document = "\"" + text + "\"";
    REQUIRE(is_escaped_text(text) == json::accept(document));
    if (is_escaped_text(text)) CHECK(unescaped(text) == json::parse(document).get<std::string>());
}

TEST_CASE("json text: every code point comes back from its escape", "[wire]") {
    for (unsigned point = 1; point < 0x110000; point += point < 0x3000 ? 1 : 251) {
        if (point >= 0xd800 && point < 0xe000) continue;
        char escape[16];
        if (point < 0x10000) std::snprintf(escape, sizeof escape, "\\u%04X", point);
        else
            std::snprintf(escape, sizeof escape, "\\u%04x\\u%04X", 0xd800 + ((point - 0x10000) >> 10),
                          0xdc00 + ((point - 0x10000) & 0x3ff));
        if (!is_escaped_text(escape) || unescaped(escape) != utf8(point)) FAIL("U+" << std::hex << point);
    }
    CHECK(unescaped("\\u0000") == std::string(1, '\0'));
}

TEST_CASE("json text: quoting is undone by nlohmann and by ourselves, and says the same", "[wire]") {
    const std::string text = GENERATE(as<std::string>{}, "", "plain", "\"", "\\", "a\"b\\c/d",
                                      std::string("\0\x01\x1f", 3), "\b\f\n\r\t\x7f",
                                      "Gr\xc3\xbc\xc3\x9f"
                                      "e",
                                      "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\xf4\x8f\xbf\xbf", "\xef\xbf\xbf");
    const std::string token = as_token(text);
    CAPTURE(token);
    REQUIRE(json::accept(token));
    CHECK(json::parse(token).get<std::string>() == text);
    CHECK(is_escaped_text(std::string_view{token}.substr(1, token.size() - 2)));
    CHECK(unescaped(std::string_view{token}.substr(1, token.size() - 2)) == text);
}

TEST_CASE("json text: each byte that is not UTF-8 becomes a replacement character", "[wire]") {
    const std::string mark = "\xef\xbf\xbd";
    const auto [bytes, expected] = GENERATE_COPY(table<std::string, std::string>({
        {"\xff", mark},
        {"a\x80z", "a" + mark + "z"},
        {"\xc3", mark},
        {"\xc3(", mark + "("},
        {"\xc0\xaf", mark + mark},                        // overlong
        {"\xe0\x80\xaf", mark + mark + mark},             // overlong
        {"\xed\xa0\x80", mark + mark + mark},             // surrogate
        {"\xe2\x82", mark + mark},                        // cut off
        {"\xf4\x90\x80\x80", mark + mark + mark + mark},  // above U+10FFFF
        {"\xf0\x8f\xbf\xbf", mark + mark + mark + mark},  // overlong
        {"\xf0\x9f\x98", mark + mark + mark},
        {"\xf8\x88\x80\x80\x80", mark + mark + mark + mark + mark},
    }));
    CAPTURE(bytes);
    const std::string token = as_token(bytes);
    REQUIRE(json::accept(token));
    CHECK(json::parse(token).get<std::string>() == expected);
}

TEST_CASE("json text: quoting any bytes gives valid JSON, and keeps what is valid", "[wire]") {
    std::mt19937 random{20240501};
    for (int round = 0; round < 20'000; ++round) {
        std::string bytes(random() % 12, '\0');
        // Bytes near the borders of UTF-8's ranges are the interesting ones.
        constexpr unsigned char interesting[] = {0x00, 0x1f, '"',  '\\', 'u',  0x7f, 0x80, 0x8f,
                                                 0x90, 0x9f, 0xa0, 0xbf, 0xc1, 0xc2, 0xdf, 0xe0,
                                                 0xe1, 0xed, 0xef, 0xf0, 0xf1, 0xf4, 0xf5, 0xff};
        for (char& byte : bytes) byte = static_cast<char>(interesting[random() % std::size(interesting)]);
        const std::string token = as_token(bytes);
        const json as_nlohmann_does = json::parse(json(bytes).dump(-1, ' ', false, json::error_handler_t::replace));
        REQUIRE(json::accept(token));
        const bool was_valid = as_nlohmann_does.get<std::string>() == bytes;
        if (was_valid) REQUIRE(json::parse(token).get<std::string>() == bytes);
        else REQUIRE(json::parse(token).get<std::string>() != bytes);
    }
}

TEST_CASE("json text: numbers follow the grammar and have no bounds", "[wire]") {
    const std::string number =
        GENERATE(as<std::string>{}, "0", "-0", "1", "10", "9007199254740993", "0.5", "-0.0", "1e5", "1E5", "1e+5",
                 "1e-5", "1.25e-10", "0e0", "0e00", "1e999", "-1e-999", "1234567890123456789012345678901234567890",
                 "0.1234567890123456789012345678901234567890");
    CAPTURE(number);
    CHECK(is_number_text(number));
}

TEST_CASE("json text: what is no number is refused", "[wire]") {
    const std::string text = GENERATE(as<std::string>{}, "", "-", "+1", "00", "01", "-01", ".5", "1.", "-.5", "1.e5",
                                      "1e", "1e+", "1e-", "e5", "1e5.5", "1.2.3", "0x10", "1_000", "1,000", "NaN",
                                      "Infinity", "-Infinity", "1 ", " 1", "1a", "--1", "1e5e5", "\xd9\xa1", "1f");
    CAPTURE(text);
    CHECK_FALSE(is_number_text(text));
}

}  // namespace bester::wire
