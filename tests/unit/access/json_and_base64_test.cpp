#include <catch2/catch.hpp>

#include "access/base64url.hpp"
#include "access/strict_json.hpp"

namespace bester::access {

TEST_CASE("base64url: what was encoded is decoded, whatever its size", "[access]") {
    std::string bytes;
    for (int i = 0; i < 300; ++i) {
        CHECK(decode_base64url(encode_base64url(bytes)) == bytes);
        bytes += static_cast<char>(i * 7);
    }
    CHECK(encode_base64url("\xfb\xff") == "-_8");
}

TEST_CASE("base64url: no byte outside ASCII is a digit", "[access]") {
    for (int byte = 0x80; byte <= 0xff; ++byte)
        CHECK_FALSE(decode_base64url(std::string{static_cast<char>(byte)} + "AAA"));
}

TEST_CASE("base64url: padding, spaces, other alphabets and spare bits are refused", "[access]") {
    for (const char* text :
         {"A", "AAAAA", "AA==", "AA=", "A A", "AA\n", "+_8A", "-/8A", "AB", "AAB", "-_9", "AA.AA", "\xc3\xa4"})
        CHECK_FALSE(decode_base64url(text));
    CHECK_FALSE(decode_base64url(std::string_view{"AA\0A", 4}));
    CHECK(decode_base64url("") == "");
}

TEST_CASE("strict json: what comes out compact means the same", "[access]") {
    for (const std::string text :
         {R"({})", R"({"a":[],"b":{}})", R"({"a":[1,-2,3.50,1E+5,{"b":[null,true,false,"x\"\\\u000a"]}]})",
          R"({"":123456789012345678901234567890})"}) {
        const auto value = parse_object(text);
        REQUIRE(value);
        std::string out;
        append_compact(out, *value);
        CHECK(out == text);
    }
}

TEST_CASE("strict json: no cut of a document is one", "[access]") {
    const std::string text = R"({"a":[1,{"b":"\u00e4"}],"c":-1.5e3})";
    REQUIRE(parse_object(text));
    for (std::size_t size = 0; size < text.size(); ++size) CHECK_FALSE(parse_object(text.substr(0, size)));
}

TEST_CASE("strict json: nesting is bounded", "[access]") {
    const auto nested = [](std::size_t depth) {
        return R"({"a":)" + std::string(depth, '[') + std::string(depth, ']') + '}';
    };
    CHECK(parse_object(nested(deepest_json - 1)));
    CHECK_FALSE(parse_object(nested(deepest_json)));
    CHECK_FALSE(parse_object(nested(500'000)));
}

TEST_CASE("strict json: a path leads to a member, a name with dots goes before it", "[access]") {
    const auto value =
        parse_object(R"({"a":{"b":{"c":"deep"},"b.c":"half"},"https://x.y/z":{"w":"url"},"l":[{"m":1}]})");
    REQUIRE(value);
    CHECK(value->find("a.b.c")->text == "half");
    CHECK(value->find("https://x.y/z.w")->text == "url");
    for (const char* nowhere : {"", ".", "a.", ".a", "a.b.d", "a.b.c.d", "l.m", "l.0", "b"})
        CHECK_FALSE(value->find(nowhere));
}

}  // namespace bester::access
