#include "wire/base64.hpp"

#include <catch2/catch.hpp>
#include <string>
#include <utility>
#include <vector>

#include "base64url_text.hpp"

namespace bester::wire {

TEST_CASE("base64: the examples of RFC 4648, there and back", "[wire]") {
    const std::vector<std::pair<std::string_view, std::string_view>> table{
        {"", ""},
        {"f", "Zg=="},
        {"fo", "Zm8="},
        {"foo", "Zm9v"},
        {"foob", "Zm9vYg=="},
        {"fooba", "Zm9vYmE="},
        {"foobar", "Zm9vYmFy"},
    };
    for (const auto& [bytes, text] : table) {
        std::string out = "=";
        append_base64(out, bytes);
        CHECK(out == "=" + std::string{text});
        CHECK(base64_size(bytes.size()) == text.size());
        std::string back = "rubbish";
        REQUIRE(decode_base64(text, back));
        CHECK(back == bytes);
    }
    for (const std::string_view bad :
         {"Zg", "Zg=", "Zg===", "=", "====", "Zm9v\n", "Zm 9v", "Zm-_", "Zh==", "Zm9vZg", "Zg==Zg==", "\xc3\xa4Zg"}) {
        CAPTURE(bad);
        std::string back = "rubbish";
        CHECK_FALSE(decode_base64(bad, back));
        CHECK(back.empty());
    }
}

TEST_CASE("base64: each byte is a digit or none, at each place", "[wire]") {
    constexpr std::string_view good = "YWJjZGVm";
    for (std::size_t at = 0; at < good.size(); ++at) {
        for (int byte = 0; byte < 256; ++byte) {
            const char c = static_cast<char>(byte);
            const bool is_digit =
                (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '/';
            std::string text{good};
            text[at] = c;
            std::string bytes;
            CAPTURE(text);
            REQUIRE(decode_base64(text, bytes) == is_digit);
            std::string again;
            append_base64(again, bytes);
            REQUIRE(again == (is_digit ? text : ""));
        }
    }
}

TEST_CASE("base64: bytes of all values and lengths come back", "[wire]") {
    std::string bytes;
    for (int i = 0; i < 300; ++i) {
        std::string text;
        append_base64(text, bytes);
        std::string back;
        REQUIRE(decode_base64(text, back));
        REQUIRE(back == bytes);
        bytes += static_cast<char>(i * 7);
    }
}

TEST_CASE("base64: every wrong length, padding and spare bit is refused", "[wire]") {
    constexpr std::string_view whole = "YWJjZGVmZ2hp";
    for (std::size_t size = 0; size <= whole.size(); ++size) {
        for (const std::string_view padding : {"", "=", "==", "===", "===="}) {
            const std::string text = std::string{whole.substr(0, size)} + std::string{padding};
            // Of the cut ones only those are good whose spare bits happen to be zero.
            const std::size_t last = size % 4;
            const bool has_spare =
                (last == 2 && std::string_view{"AQgw"}.find(whole[size - 1]) == whole.npos) ||
                (last == 3 && std::string_view{"AEIMQUYcgkosw048"}.find(whole[size - 1]) == whole.npos);
            const bool is_padded = last == 0 ? padding.empty() : last > 1 && padding.size() == 4 - last;
            std::string bytes = "rubbish";
            CAPTURE(text);
            CHECK(decode_base64(text, bytes) == (is_padded && !has_spare));
            CHECK(decode_base64url(text).has_value() == (padding.empty() && last != 1 && !has_spare));
        }
    }
    constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (std::size_t i = 0; i < digits.size(); ++i) {
        std::string bytes;
        CAPTURE(digits[i]);
        CHECK(decode_base64(std::string{"A"} + digits[i] + "==", bytes) == (i % 16 == 0));
        CHECK(decode_base64(std::string{"AA"} + digits[i] + "=", bytes) == (i % 4 == 0));
    }
}

TEST_CASE("base64url: what was encoded is decoded, whatever its size", "[wire]") {
    std::string bytes;
    for (int i = 0; i < 300; ++i) {
        CHECK(decode_base64url(test::base64url_of(bytes)) == bytes);
        bytes += static_cast<char>(i * 7);
    }
    CHECK(test::base64url_of("\xfb\xff") == "-_8");
}

TEST_CASE("base64url: no byte outside ASCII is a digit", "[wire]") {
    for (int byte = 0x80; byte <= 0xff; ++byte)
        CHECK_FALSE(decode_base64url(std::string{static_cast<char>(byte)} + "AAA"));
}

TEST_CASE("base64url: padding, spaces, other alphabets and spare bits are refused", "[wire]") {
    for (const char* text :
         {"A", "AAAAA", "AA==", "AA=", "A A", "AA\n", "+_8A", "-/8A", "AB", "AAB", "-_9", "AA.AA", "\xc3\xa4"})
        CHECK_FALSE(decode_base64url(text));
    CHECK_FALSE(decode_base64url(std::string_view{"AA\0A", 4}));
    CHECK(decode_base64url("") == "");
}

}  // namespace bester::wire
