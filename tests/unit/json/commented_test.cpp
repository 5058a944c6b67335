#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <string>

#include "json/comments.hpp"
#include "json/parse.hpp"

using namespace bester::json;

namespace {

/// `offset path: message` of the only problem.
std::string problem_of(std::string_view text) {
    const auto document = parse_commented(text);
    CHECK(!document.root);
    REQUIRE(document.problems.size() == 1);
    const auto& problem = document.problems.front();
    return std::to_string(problem.offset) + ' ' + problem.path + ": " + problem.message;
}

}  // namespace

TEST_CASE("commented json: every value knows its kind and place", "[json]") {
    const auto document = parse_commented(R"( {"a": [1, -2.5e3, true, null], "b": {"c": "x\u00e9\ud83d\ude00\n"}} )");
    REQUIRE(document.root);
    CHECK(document.problems.empty());
    const json_value& root = *document.root;
    CHECK(root.kind == json_kind::object);
    CHECK(root.begin == 1);
    REQUIRE(root.find("a") != nullptr);
    const auto& list = root.find("a")->value;
    REQUIRE(list.elements.size() == 4);
    CHECK(list.elements[0].text == "1");
    CHECK(list.elements[1].text == "-2.5e3");
    CHECK(list.elements[1].begin == 11);
    CHECK(list.elements[1].end == 17);
    CHECK(list.elements[2].truth);
    CHECK(list.elements[3].kind == json_kind::null);
    CHECK(root.find("b")->value.find("c")->value.text == "xé😀\n");
    CHECK(root.find("c") == nullptr);
}

TEST_CASE("commented json: comments and trailing commas are blanked in place", "[json]") {
    const std::string text =
        "\xef\xbb\xbf// one\n{ /* two\n** */ \"a\": \"// not /* one\", \"b\": [1, 2, /* x */ ], // end\n}//";
    std::string plain = text;
    CHECK(!blank_comments(plain));
    CHECK(plain.size() == text.size());
    CHECK(plain.find("\"a\"") == text.find("\"a\""));
    CHECK(nlohmann::json::parse(plain) == nlohmann::json::parse(R"({"a": "// not /* one", "b": [1, 2]})"));
    const auto document = parse_commented(text);
    REQUIRE(document.root);
    std::string compact;
    append_compact(compact, *document.root);
    CHECK(compact == R"({"a":"// not /* one","b":[1,2]})");
}

TEST_CASE("commented json: what is not JSON is refused with its place", "[json]") {
    CHECK(problem_of("") == "0 : the file is empty; the smallest config is {}");
    CHECK(problem_of(" // only this") == "13 : the file is empty; the smallest config is {}");
    CHECK(problem_of("{} x") == "3 : something follows the end of the config; is there a bracket too many before it?");
    CHECK(problem_of("{\"a\" 1}") == "5 a: expected ':' between the key and its value");
    CHECK(problem_of("{\"a\": 1 \"b\": 2}") == "8 : expected ',' or '}'");
    CHECK(problem_of("{\"a\": [1 2]}") == "9 a: expected ',' or ']'");
    CHECK(problem_of("{a: 1}") == "1 : expected a key in double quotes");
    CHECK(problem_of("{,}") == "1 : expected a key in double quotes");
    CHECK(problem_of("[,]") == "1 [0]: expected a value");
    CHECK(problem_of("[1,,]") == "3 [1]: expected a value");
    CHECK(problem_of("{\"a\":") == "5 a: the file ends where a value is expected");
    CHECK(problem_of("{\n\"a\": [\n1") == "10 a: the file ends before the bracket that opened in line 2 is closed");
    CHECK(problem_of("{\"a\": yes}") == R"(6 a: expected a value; a text is written in quotes: "yes")");
    CHECK(problem_of("{\"a\": 5s}") == R"(6 a: a value with a unit is written in quotes, e.g. "5s" or "1MiB")");
    CHECK(problem_of("{\"a\": \"b\n\"}") == "6 a: this string is not closed in its line; a quote is missing");
    CHECK(problem_of("/* a") == "0 : this comment never ends; close it with */");
    CHECK(problem_of("{\"a\": \"\t\"}") == "7 a: a control character in a string; write it as an escape, e.g. \\t");
    CHECK(problem_of(std::string_view{"{}\0", 3}) == "2 : a NUL byte: this is not a text file");
}

TEST_CASE("commented json: what is wrong with a string or number is said", "[json]") {
    const std::string no_escape = R"(not an escape; valid: \" \\ \/ \b \f \n \r \t and \uXXXX (surrogates in pairs))";
    for (const char* bad :
         {R"(\x)", R"(\u12)", R"(\u-123)", R"(\ud800)", R"(\udc00)", R"(\ud800\u0041)", R"(\uDBFF\n)"}) {
        CAPTURE(bad);
        CHECK(problem_of(R"(["ä\n)" + std::string{bad} + "\"]") == "6 [0]: " + no_escape);
    }
    for (const char* bad : {"\xc3\x28", "\xc0\x80", "\xed\xa0\x80", "\xf5\x80\x80\x80", "\xe2\x82", "\xff", "\x80"}) {
        CAPTURE(bad);
        CHECK(problem_of("{\"ä\": \"ö" + std::string{bad} + "\"}") == "10 [\"ä\"]: not UTF-8; save the file as UTF-8");
        CHECK(problem_of("[\"ö" + std::string{bad}) == "4 [0]: not UTF-8; save the file as UTF-8");
    }
    for (const char* cut : {"[\"", "[\"ö", "[\"\\", "[\"a\\n", "[\"a\nb\"]", "[\"a\rb\"]"}) {
        CAPTURE(cut);
        CHECK(problem_of(cut) == "1 [0]: this string is not closed in its line; a quote is missing");
    }
    CHECK(problem_of("{\"a\tb\": 1}") == "3 : a control character in a string; write it as an escape, e.g. \\t");
    for (const auto& [text, message] : {std::pair{"-", "a number needs digits"},
                                        {"--1", "a number needs digits"},
                                        {"1.", "a number needs digits behind its point"},
                                        {"1.e5", "a number needs digits behind its point"},
                                        {"1e", "a number needs digits in its exponent"},
                                        {"1.5e-", "a number needs digits in its exponent"},
                                        {"01", "a number must not start with 0"},
                                        {"-00", "a number must not start with 0"},
                                        {"1e999", "this number is out of range"}}) {
        CAPTURE(text);
        const std::string problem = std::string{"4 [1]: "} + message;
        CHECK(problem_of("[1, " + std::string{text} + "]").starts_with(problem.substr(0, 27)));
        CHECK(problem_of("[1, " + std::string{text}).starts_with("4 [1]: "));
    }
}

TEST_CASE("commented json: a comma is trailing only behind a value", "[json]") {
    for (const char* good : {"[1,]", "{\"a\":1,}", "[[],]", "[{},\n/* , */ ]", "[\",\",]", "[\"]\",]"}) {
        CAPTURE(good);
        CHECK(parse_commented(good).root);
    }
    for (const char* bad : {"[,]", "{,}", "[1,,]", "{\"a\":1,,}", "[[,],]", "[1,],", "{\"a\":,}"}) {
        CAPTURE(bad);
        CHECK_FALSE(parse_commented(bad).root);
    }
}

TEST_CASE("commented json: numbers keep their text and their place, at the end of the text, too", "[json]") {
    for (const char* text : {"-0", "0", "12345678901234567890123", "1E+5", "-0.50", "1e-999"}) {
        CAPTURE(text);
        for (const std::string& around : {std::string{"[@]"}, std::string{"[ @ ]"}, std::string{"[@,]"}}) {
            std::string document = around;
            const std::size_t begin = document.find('@');
            document.replace(begin, 1, text);
            const auto parsed = parse_commented(document);
            REQUIRE(parsed.root);
            const json_value& number = parsed.root->elements.at(0);
            CHECK(number.text == text);
            CHECK(number.begin == begin);
            CHECK(number.end == begin + number.text.size());
        }
        const auto parsed = parse_commented(text);
        REQUIRE(parsed.root);
        CHECK(parsed.root->text == text);
    }
    CHECK(parse_commented("-1.5e3").root->number() == -1500);
}

TEST_CASE("commented json: bad numbers, escapes and UTF-8 are refused", "[json]") {
    const auto* const bad = GENERATE("[01]", "[-]", "[1.]", "[.5]", "[1e]", "[+1]", "[1e999]", "[NaN]", "[truefalse]",
                                     "[\"\\x\"]", "[\"\\u12\"]", "[\"\\u-123\"]", "[\"\\ud800\"]", "[\"\\udc00\"]",
                                     "[\"\\ud800\\u0041\"]", "[\"\xc3\x28\"]", "[\"\xc0\x80\"]", "[\"\xed\xa0\x80\"]",
                                     "[\"\xf5\x80\x80\x80\"]", "[\"\xe2\x82\"]", "['a']", "[1]]", "[");
    CAPTURE(bad);
    CHECK(!parse_commented(bad).root);
    CHECK(!nlohmann::json::accept(bad));
}

TEST_CASE("commented json: nesting is bounded", "[json]") {
    const auto nested = [](std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
    CHECK(parse_commented(nested(deepest_commented)).root);
    const auto document = parse_commented(nested(deepest_commented + 1));
    CHECK(!document.root);
    CHECK(document.problems.front().message == "nested deeper than 64 levels");
    CHECK(!parse_commented(std::string(1'000'000, '[')).root);
}

TEST_CASE("commented json: of a duplicate key the first stays, and both places are told", "[json]") {
    const auto document = parse_commented(R"({"a": 1, "b": {"a": 2}, "a": 3, "\u0061": 4})");
    REQUIRE(document.root);
    CHECK(document.root->members.size() == 2);
    CHECK(document.root->find("a")->value.text == "1");
    REQUIRE(document.problems.size() == 2);
    CHECK(document.problems[0].offset == 24);
    CHECK(document.problems[0].earlier == 1);
    CHECK(document.problems[0].message == R"("a" is given twice; keep one)");
    CHECK(document.problems[1].offset == 32);
}

TEST_CASE("commented json: places are told within what is nested and dropped", "[json]") {
    const auto document = parse_commented(R"({"a": {"b": [1]}, "a": {"b": [1, {"c": 2, "c": 3}]}, "d": 4})");
    REQUIRE(document.root);
    REQUIRE(document.root->members.size() == 2);
    CHECK(document.root->value_of("a")->value_of("b")->elements.size() == 1);
    CHECK(document.root->value_of("d")->text == "4");
    REQUIRE(document.problems.size() == 2);
    CHECK(document.problems[0].path == "a");
    CHECK(document.problems[1].path == "a.b[1].c");
}
