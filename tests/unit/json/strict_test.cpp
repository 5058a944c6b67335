#include <catch2/catch.hpp>

#include "json/parse.hpp"

namespace bester::json {

TEST_CASE("strict json: what comes out compact means the same", "[json]") {
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

TEST_CASE("strict json: what two readers could understand differently is refused", "[json]") {
    for (const char* bad : {"",
                            "1",
                            "[]",
                            "null",
                            R"({"a":1,"a":2})",
                            R"({"a":1,"\u0061":2})",
                            R"({"b":{"a":1,"a":1}})",
                            "\xef\xbb\xbf{}",
                            "{} {}",
                            "{}x",
                            R"({"a":1,})",
                            "{/**/}",
                            "{}//",
                            R"({"a":01})",
                            R"({"a":1e999})",
                            "{\"a\":\"\xc3\"}",
                            "{\"\xff\":1}",
                            R"({"a":"\ud800"})",
                            "{\"a\":\"\n\"}",
                            R"({"a":truex})"}) {
        CAPTURE(bad);
        CHECK_FALSE(parse_object(bad));
    }
    CHECK_FALSE(parse_object(std::string_view{"{}\0", 3}));
    CHECK(parse_object(" {\"a\" : 1} \n"));
}

TEST_CASE("strict json: no cut of a document is one", "[json]") {
    const std::string text = R"({"a":[1,{"b":"\u00e4"}],"c":-1.5e3})";
    REQUIRE(parse_object(text));
    for (std::size_t size = 0; size < text.size(); ++size) CHECK_FALSE(parse_object(text.substr(0, size)));
}

TEST_CASE("strict json: nesting is bounded", "[json]") {
    const auto nested = [](std::size_t depth) {
        return R"({"a":)" + std::string(depth, '[') + std::string(depth, ']') + '}';
    };
    CHECK(parse_object(nested(deepest_strict - 1)));
    CHECK_FALSE(parse_object(nested(deepest_strict)));
    CHECK_FALSE(parse_object(nested(500'000)));
}

TEST_CASE("strict json: a path leads to a member, a name with dots goes before it", "[json]") {
    const auto value =
        parse_object(R"({"a":{"b":{"c":"deep"},"b.c":"half"},"https://x.y/z":{"w":"url"},"l":[{"m":1}]})");
    REQUIRE(value);
    CHECK(find_path(*value, "a.b.c")->text == "half");
    CHECK(find_path(*value, "https://x.y/z.w")->text == "url");
    for (const char* nowhere : {"", ".", "a.", ".a", "a.b.d", "a.b.c.d", "l.m", "l.0", "b"})
        CHECK_FALSE(find_path(*value, nowhere));
}

}  // namespace bester::json
