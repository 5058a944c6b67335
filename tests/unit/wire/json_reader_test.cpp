#include "wire/json_reader.hpp"

#include <catch2/catch.hpp>
#include <stdexcept>
#include <string>
#include <tuple>
#include <vector>

#include "failing_allocation.hpp"
#include "padded.hpp"

namespace bester::wire {

using test::padded;
using test::reader_accepts;

namespace {

std::string nested(std::size_t depth, const std::string& open, const std::string& close) {
    std::string text;
    for (std::size_t i = 0; i < depth; ++i) text += open;
    text += open.back() == ':' ? "1" : "";
    for (std::size_t i = 0; i < depth; ++i) text += close;
    return text;
}

/// The value of a text that is one value, as it stands.
std::string value_of(std::string_view text) {
    json_reader reader;
    const padded copy{text};
    std::string_view raw;
    if (!reader.start(copy.view()) || !reader.value(raw) || !reader.at_end()) return "refused";
    return std::string{raw};
}

}  // namespace

TEST_CASE("json reader: an empty or blank text is refused", "[wire]") {
    json_reader reader;
    for (const char* text : {"", " ", "\n\t\r "}) CHECK_FALSE(reader_accepts(reader, text));
    CHECK(reader.peek() == '\0');
}

TEST_CASE("json reader: an allocation that fails costs one text, also when the reader grows", "[wire]") {
    const padded first{R"({"a":"\\n"})"};
    const padded large{'"' + std::string(150'000, 'x') + '"'};
    std::size_t failures = 0;
    for (std::size_t number = 1;; ++number) {
        CAPTURE(number);
        json_reader reader;
        const failed_attempt attempt = fail_allocation(number, [&] {
            for (const padded* text : {&first, &large}) std::ignore = reader.start(text->view()) && reader.skip();
        });
        CHECK(attempt.has_thrown == attempt.has_failed);
        for (const padded* text : {&first, &large}) CHECK(reader_accepts(reader, text->view()));
        if (!attempt.has_failed) break;
        ++failures;
    }
    CHECK(failures >= 4);
}

TEST_CASE("json reader: nesting is taken to the limit and no deeper", "[wire]") {
    const std::size_t limit = GENERATE(1, 2, 64, 1'000);
    CAPTURE(limit);
    json_reader reader{limit};
    CHECK(reader_accepts(reader, nested(limit, "[", "]")));
    CHECK_FALSE(reader_accepts(reader, nested(limit + 1, "[", "]")));
    CHECK(reader_accepts(reader, nested(limit, R"({"a":)", "}")));
    CHECK_FALSE(reader_accepts(reader, nested(limit + 1, R"({"a":)", "}")));
    // After a refusal the next text starts from nothing; side by side is not nested.
    CHECK(reader_accepts(reader, nested(limit, "[", "]")));
    if (limit > 1) CHECK(reader_accepts(reader, "[[],{},[],{}]"));
}

TEST_CASE("json reader: a limit of nothing takes scalars only", "[wire]") {
    json_reader reader{0};
    CHECK(reader_accepts(reader, "1"));
    CHECK_FALSE(reader_accepts(reader, "[]"));
}

TEST_CASE("json reader: a million brackets neither pass nor overflow the stack", "[wire]") {
    json_reader reader;
    CHECK_FALSE(reader_accepts(reader, std::string(1'000'000, '[')));
    std::string objects;
    for (int i = 0; i < 100'000; ++i) objects += R"({"":)";
    CHECK_FALSE(reader_accepts(reader, objects));
}

TEST_CASE("json reader: the bytes after the text are never part of it", "[wire]") {
    const char filler = GENERATE('"', '}', ']', '1', ' ', '\0', '\\', 'e');
    json_reader reader;
    for (const char* text : {"1", "{}", "[]", "true", "\"a\"", "{\"a\":1}", "12"}) {
        CAPTURE(text, filler);
        CHECK(reader_accepts(reader, text, filler));
    }
    for (const char* text : {"\"a", "{", "[1", "tru", "{\"a\":\"b", "\"a\\", "1e", "-"}) {
        CAPTURE(text, filler);
        CHECK_FALSE(reader_accepts(reader, text, filler));
    }
}

TEST_CASE("json reader: texts of every size around simdjson's blocks are read to their end", "[wire]") {
    json_reader reader;
    for (std::size_t size = 2; size < 400; ++size) {
        CAPTURE(size);
        const std::string text = "\"" + std::string(size - 2, 'x') + "\"";
        CHECK(reader_accepts(reader, text));
        CHECK_FALSE(reader_accepts(reader, text.substr(0, size - 1)));
        CHECK(reader_accepts(reader, "[" + std::string(size, ' ') + "1]"));
        CHECK_FALSE(reader_accepts(reader, std::string(size, ' ')));
        // A backslash run that ends at each place of a block: even ones escape nothing behind them.
        const std::string backslashes(size - 2, '\\');
        CHECK(reader_accepts(reader, "\"" + backslashes + "\"") == (size % 2 == 0));
    }
}

TEST_CASE("json reader: larger texts make the reader grow, and smaller ones are read after them", "[wire]") {
    json_reader reader;
    for (const std::size_t size : {10u, 70'000u, 10u, 300'000u, 2'000'000u, 10u}) {
        CAPTURE(size);
        CHECK(reader_accepts(reader, "\"" + std::string(size, 'x') + "\""));
        std::string many = "[1";
        for (std::size_t i = 0; i < size / 2; ++i) many += ",1";
        CHECK(reader_accepts(reader, many + "]"));
        CHECK_FALSE(reader_accepts(reader, many));
    }
}

TEST_CASE("json reader: a value is given byte for byte, without the white space around it", "[wire]") {
    CHECK(value_of("  {\"a\" : [ 1 , 2 ] }\n") == "{\"a\" : [ 1 , 2 ] }");
    CHECK(value_of("[ ]") == "[ ]");
    CHECK(value_of(" \"a\\u0041\" ") == "\"a\\u0041\"");
    CHECK(value_of("\t1e999\r") == "1e999");
    CHECK(value_of("1234567890123456789012345678901234567890") == "1234567890123456789012345678901234567890");
    CHECK(value_of(" null") == "null");
    CHECK(value_of("nul") == "refused");
}

TEST_CASE("json reader: objects and arrays are walked in order", "[wire]") {
    json_reader reader;
    const padded text{R"( {"a": [1, 2,3 ], "b\n": {"c": true}, "": "x\ty", "d": false} )"};
    std::vector<std::string> seen;
    std::uint64_t number = 0;
    bool flag = false;
    std::string_view view;
    REQUIRE(reader.start(text.view()));
    CHECK(reader.peek() == '{');
    REQUIRE(reader.object([&](std::string_view key) {
        seen.emplace_back(key);
        if (key == "a")
            return reader.array(
                [&] { return reader.integer(number) && (seen.push_back(std::to_string(number)), true); });
        if (key == "b\n")
            return reader.object([&](std::string_view inner) { return inner == "c" && reader.boolean(flag) && flag; });
        if (key == "d") return reader.boolean(flag) && !flag;
        return reader.string(view) && (seen.emplace_back(view), true);
    }));
    CHECK(reader.at_end());
    CHECK(seen == std::vector<std::string>{"a", "1", "2", "3", "b\n", "", "x\ty", "d"});
}

TEST_CASE("json reader: a callback that says no ends the walk", "[wire]") {
    json_reader reader;
    const padded text{"{\"a\":1,\"b\":2}"};
    int called = 0;
    REQUIRE(reader.start(text.view()));
    CHECK_FALSE(reader.object([&](std::string_view) { return ++called, false; }));
    CHECK(called == 1);
}

TEST_CASE("json reader: views of unescaped text stay valid until the next text", "[wire]") {
    // Longer than what fits into an empty std::string, and many of them: growth would show.
    std::string text = "[";
    std::vector<std::string> expected;
    for (int i = 0; i < 500; ++i) {
        text += (i ? ",\"" : "\"") + std::string("value\\n") + std::to_string(i) + "\\u00e9\"";
        expected.push_back("value\n" + std::to_string(i) + "\xc3\xa9");
    }
    const padded copy{text + "]"};
    json_reader reader;
    std::vector<std::string_view> views;
    REQUIRE(reader.start(copy.view()));
    REQUIRE(reader.array([&] {
        std::string_view view;
        return reader.string(view) && (views.push_back(view), true);
    }));
    REQUIRE(views.size() == expected.size());
    for (std::size_t i = 0; i < views.size(); ++i) REQUIRE(views[i] == expected[i]);
}

TEST_CASE("json reader: a raw string is given with its quotes, its escapes checked", "[wire]") {
    json_reader reader;
    std::string_view token;
    std::string_view value;
    const padded good{"\"a\\u0062\""};
    REQUIRE(reader.start(good.view()));
    REQUIRE(reader.raw_string(token));
    CHECK(token == "\"a\\u0062\"");
    CHECK(reader.unquote(token, value));
    CHECK(value == "ab");
    CHECK_FALSE(reader.raw_string(token));
    const padded bad{"\"a\\q\""};
    REQUIRE(reader.start(bad.view()));
    CHECK_FALSE(reader.raw_string(token));
    const padded number{"12"};
    REQUIRE(reader.start(number.view()));
    CHECK_FALSE(reader.raw_string(token));
}

TEST_CASE("json reader: integers go from 0 to 2^53 - 1", "[wire]") {
    json_reader reader;
    const auto read = [&](std::string_view text) {
        const padded copy{text};
        std::uint64_t value = 0;
        return reader.start(copy.view()) && reader.integer(value) && reader.at_end() ? std::to_string(value)
                                                                                     : "refused";
    };
    CHECK(read("0") == "0");
    CHECK(read(" 42 ") == "42");
    CHECK(read("9007199254740991") == "9007199254740991");
    for (const char* text : {"9007199254740992", "9999999999999999", "10000000000000000", "-1", "-0", "00", "01", "1.0",
                             "1e3", "\"1\"", "null", "1x", "18446744073709551617", "", "true", "[1]"}) {
        CAPTURE(text);
        CHECK(read(text) == "refused");
    }
}

TEST_CASE("json reader: booleans are true and false, and nothing like them", "[wire]") {
    json_reader reader;
    const auto read = [&](std::string_view text) {
        const padded copy{text};
        bool value = false;
        if (!reader.start(copy.view()) || !reader.boolean(value)) return "refused";
        return value ? "true" : "false";
    };
    CHECK(read("true") == std::string{"true"});
    CHECK(read("false ") == std::string{"false"});
    for (const char* text : {"truth", "tru", "falsey", "True", "1", "null", "\"true\"", "true1"}) {
        CAPTURE(text);
        CHECK(read(text) == std::string{"refused"});
    }
}

TEST_CASE("json reader: it can be moved and goes on reading", "[wire]") {
    json_reader first;
    CHECK(reader_accepts(first, "{}"));
    json_reader second{std::move(first)};
    CHECK(reader_accepts(second, "[{}]"));
    first = std::move(second);
    CHECK(reader_accepts(first, "[[]]"));
}

TEST_CASE("json reader: it is leased to one at a time", "[wire]") {
    json_reader reader;
    {
        const json_reader_lease lease{reader};
        CHECK_THROWS_AS(json_reader_lease{reader}, std::logic_error);
        json_reader& used = lease;
        CHECK(&used == &reader);
    }
    CHECK_NOTHROW(json_reader_lease{reader});
}

}  // namespace bester::wire
