#include "config/json_document.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <string>

using namespace bester::config;

namespace {

/// `offset path: message` of the only problem.
std::string problem_of(std::string_view text) {
    const auto document = parse_json(text);
    CHECK(!document.root);
    REQUIRE(document.problems.size() == 1);
    const auto& problem = document.problems.front();
    return std::to_string(problem.offset) + ' ' + problem.path + ": " + problem.message;
}

}  // namespace

TEST_CASE("json document: every value knows its kind and place", "[config]") {
    const auto document = parse_json(R"( {"a": [1, -2.5e3, true, null], "b": {"c": "x\u00e9\ud83d\ude00\n"}} )");
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

TEST_CASE("json document: comments and trailing commas are blanked in place", "[config]") {
    const std::string text =
        "\xef\xbb\xbf// one\n{ /* two\n** */ \"a\": \"// not /* one\", \"b\": [1, 2, /* x */ ], // end\n}//";
    const auto document = parse_json(text);
    REQUIRE(document.root);
    CHECK(document.text.size() == text.size());
    CHECK(document.text.find("\"a\"") == text.find("\"a\""));
    CHECK(nlohmann::json::parse(document.text) == nlohmann::json::parse(R"({"a": "// not /* one", "b": [1, 2]})"));
    CHECK(document.compact(*document.root) == R"({"a":"// not /* one","b":[1,2]})");
}

TEST_CASE("json document: what is not JSON is refused with its place", "[config]") {
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

TEST_CASE("json document: bad numbers, escapes and UTF-8 are refused", "[config]") {
    const auto* const bad = GENERATE("[01]", "[-]", "[1.]", "[.5]", "[1e]", "[+1]", "[1e999]", "[NaN]", "[truefalse]",
                                     "[\"\\x\"]", "[\"\\u12\"]", "[\"\\u-123\"]", "[\"\\ud800\"]", "[\"\\udc00\"]",
                                     "[\"\\ud800\\u0041\"]", "[\"\xc3\x28\"]", "[\"\xc0\x80\"]", "[\"\xed\xa0\x80\"]",
                                     "[\"\xf5\x80\x80\x80\"]", "[\"\xe2\x82\"]", "['a']", "[1]]", "[");
    CAPTURE(bad);
    CHECK(!parse_json(bad).root);
    CHECK(!nlohmann::json::accept(bad));
}

TEST_CASE("json document: nesting is bounded", "[config]") {
    const auto nested = [](std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
    CHECK(parse_json(nested(deepest_json)).root);
    const auto document = parse_json(nested(deepest_json + 1));
    CHECK(!document.root);
    CHECK(document.problems.front().message == "nested deeper than 64 levels");
    CHECK(!parse_json(std::string(1'000'000, '[')).root);
}

TEST_CASE("json document: of a duplicate key the first stays, and both places are told", "[config]") {
    const auto document = parse_json(R"({"a": 1, "b": {"a": 2}, "a": 3, "\u0061": 4})");
    REQUIRE(document.root);
    CHECK(document.root->members.size() == 2);
    CHECK(document.root->find("a")->value.text == "1");
    REQUIRE(document.problems.size() == 2);
    CHECK(document.problems[0].offset == 24);
    CHECK(document.problems[0].earlier == 1);
    CHECK(document.problems[0].message == R"("a" is given twice; keep one)");
    CHECK(document.problems[1].offset == 32);
}
