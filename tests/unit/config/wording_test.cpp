#include "config/wording.hpp"

#include <array>
#include <catch2/catch.hpp>
#include <string>
#include <vector>

using namespace bester::config;

TEST_CASE("wording: the nearest candidate is few edits away", "[config]") {
    static constexpr std::array<std::string_view, 4> keys{"deadline", "deadlines", "window", "waiting"};
    CHECK(nearest("dedline", keys) == "deadline");
    CHECK(nearest("deadlnies", keys) == "deadlines");
    CHECK(nearest("widnow", keys) == "window");
    CHECK(nearest("wating", keys) == "waiting");
    CHECK(!nearest("colour", keys));
    CHECK(!nearest("x", keys));
    CHECK(!nearest("", keys));
    CHECK(!nearest(std::string(100'000, 'w'), keys));
}

TEST_CASE("wording: without a near candidate all are listed", "[config]") {
    static constexpr std::array<std::string_view, 2> words{"tcp", "unix"};
    CHECK(suggestion("tpc", words) == R"(; did you mean "tcp"?)");
    CHECK(suggestion("carrier pigeon", words) == R"(; valid here: "tcp", "unix")");
    CHECK(suggestion("any", {}) == "");
}

TEST_CASE("wording: a path quotes what is no plain name", "[config]") {
    CHECK(path_to("", "server") == "server");
    CHECK(path_to("handlers", "chat-2_b") == "handlers.chat-2_b");
    CHECK(path_to("handlers", "a.b") == R"(handlers["a.b"])");
    CHECK(path_to("handlers", "") == R"(handlers[""])");
    CHECK(path_to("listeners", std::size_t{2}) == "listeners[2]");
    CHECK(path_to("a", "b\nc") == R"(a["b\u000ac"])");
}

TEST_CASE("wording: an excerpt is one short line and whole characters", "[config]") {
    CHECK(excerpt("a\"b") == R"("a\"b")");
    CHECK(excerpt(std::string(64, 'a')) == '"' + std::string(64, 'a') + '"');
    CHECK(excerpt(std::string(65, 'a')) == '"' + std::string(64, 'a') + "\"…");
    CHECK(excerpt(std::string(63, 'a') + "éé") == '"' + std::string(63, 'a') + "\"…");
}
