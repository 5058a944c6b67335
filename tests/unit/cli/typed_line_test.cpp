#include <catch2/catch.hpp>

#include "cli/line_splitter.hpp"
#include "cli/typed_line.hpp"

#include <vector>

using namespace bester::cli;

TEST_CASE("typed line: a message is a type and JSON or text", "[cli]") {
    struct row {
        const char* line;
        const char* default_type;
        const char* type;
        const char* data;
    };
    const auto [line, default_type, type, data] =
        GENERATE(row{"echo {\"a\":1.0}", "", "echo", "{\"a\":1.0}"},
                 row{"echo hello there", "", "echo", "\"hello there\""}, row{"  echo   42  ", "", "echo", "42"},
                 row{"echo", "", "echo", "null"}, row{"echo say \"x\"", "", "echo", R"("say \"x\"")"},
                 row{"hello there", "chat", "chat", "\"hello there\""}, row{"[1]", "chat", "chat", "[1]"});
    CAPTURE(line);
    const auto typed = read_typed_line(line, default_type);
    REQUIRE(std::holds_alternative<typed_message>(typed));
    CHECK(std::get<typed_message>(typed).type == type);
    CHECK(std::get<typed_message>(typed).data == data);
}

TEST_CASE("typed line: commands are understood, mistakes are not sent", "[cli]") {
    CHECK(std::holds_alternative<typed_nothing>(read_typed_line("  ", "")));
    CHECK(std::holds_alternative<typed_quit>(read_typed_line("/quit", "chat")));
    CHECK(std::holds_alternative<typed_help>(read_typed_line("/help\r", "")));
    CHECK(std::holds_alternative<typed_whoami>(read_typed_line("/whoami", "")));
    CHECK(std::get<typed_default>(read_typed_line("/type chat", "")).type == "chat");
    CHECK(std::get<typed_default>(read_typed_line("/type", "chat")).type.empty());
    const auto mistake = GENERATE("/dance", "/quit now", "echo {\"a\":", "echo [1,");
    CAPTURE(mistake);
    CHECK(std::holds_alternative<typed_mistake>(read_typed_line(mistake, "")));
}

TEST_CASE("line splitter: pieces become lines at every split point", "[cli]") {
    const std::string text = "one\n\ntwo\nrest";
    for (std::size_t split = 0; split <= text.size(); ++split) {
        CAPTURE(split);
        line_splitter splitter;
        std::vector<std::string> lines;
        const auto take = [&](std::string_view line) { return lines.emplace_back(line), true; };
        CHECK(splitter.feed(text.substr(0, split), take));
        CHECK(splitter.feed(text.substr(split), take));
        CHECK(lines == std::vector<std::string>{"one", "", "two"});
        CHECK(splitter.rest() == "rest");
    }
}

TEST_CASE("line splitter: stops when it is told to", "[cli]") {
    line_splitter splitter;
    int taken = 0;
    CHECK_FALSE(splitter.feed("a\nb\nc\n", [&](std::string_view) { return ++taken < 2; }));
    CHECK(taken == 2);
}
