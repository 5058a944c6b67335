#include "handlers/output_log.hpp"
#include "captured_log.hpp"
#include "event_loop.hpp"
#include "handlers/instance_output.hpp"

#include <catch2/catch.hpp>

#include <fcntl.h>
#include <unistd.h>
#include <vector>

using namespace std::chrono_literals;
using namespace bester::handlers;
using bester::handlers::testing::captured_log;
using bester::handlers::testing::eventually;

namespace {

using lines = std::vector<std::string>;
const output_log::time_point origin = output_log::time_point{} + 100s;

struct collected {
    lines got;
    std::vector<bester::log::level> levels;
    output_log log;

    explicit collected(output_limits limits = {})
        : log(
              [this](bester::log::level level, std::string_view line) {
                  got.emplace_back(line);
                  levels.push_back(level);
              },
              limits) {}
};

}  // namespace

TEST_CASE("output log: lines come out whole, however the bytes were cut", "[handlers]") {
    const std::string text = "first\nsecond line\r\n\nthird";
    for (std::size_t cut = 0; cut <= text.size(); ++cut) {
        CAPTURE(cut);
        collected all;
        all.log.write(text.substr(0, cut), origin);
        all.log.write(text.substr(cut), origin);
        CHECK(all.got == lines{"first", "second line"});
        all.log.finish(origin);
        CHECK(all.got == lines{"first", "second line", "third"});
        CHECK(all.log.last_line() == "third");
    }
}

TEST_CASE("output log: a long line is cut and marked", "[handlers]") {
    collected all({10, 100});
    all.log.write("0123456789", origin);
    all.log.write("abc\nshort\n", origin);
    CHECK(all.got == lines{"0123456789 [… 3 bytes cut]", "short"});
}

TEST_CASE("output log: lines above the rate are counted and reported", "[handlers]") {
    collected all({100, 3});
    for (int i = 0; i < 10; ++i) all.log.write("line " + std::to_string(i) + "\n", origin);
    CHECK(all.got == lines{"line 0", "line 1", "line 2"});
    SECTION("with the first line of a later second") {
        all.log.write("later\n", origin + 1s);
        CHECK(all.got ==
              lines{"line 0", "line 1", "line 2", "[… 7 lines left out: more than 3 in one second]", "later"});
    }
    SECTION("or at the end") {
        all.log.finish(origin);
        CHECK(all.got.back() == "[… 7 lines left out: more than 3 in one second]");
    }
}

TEST_CASE("output log: control characters are escaped, text is not", "[handlers]") {
    struct row {
        std::string in, out;
    };
    const row rows[] = {
        {"plain", "plain"},
        {"tab\there", "tab\\there"},
        {"\x1b[31mred", "\\x1b[31mred"},
        {"a\rb", "a\\rb"},
        {std::string("nul\0", 4), "nul\\x00"},
        {"\x7f", "\\x7f"},
        {"grüße", "grüße"},
        {"\xc2\x9b"
         "31m",
         "\\x9b31m"},
        {"gr\xfc\xdf"
         "e",
         "gr\\xfc\\xdf"
         "e"},
        {"\xe2\x82", "\\xe2\\x82"},
        {"\xed\xa0\x80 \xc3\xa4", "\\xed\\xa0\\x80 \u00e4"},
    };
    for (const row& each : rows) CHECK(make_printable(each.in) == each.out);
}

TEST_CASE("output log: a line may begin with its priority", "[handlers]") {
    using bester::log::level;
    collected all;
    all.log.write("<3>broken\n<0>worse\n<4>look\n<5>note\n<6>so\n<7>detail\n<8>text\n<4\n<4>\nplain\n", origin);
    CHECK(all.got == lines{"broken", "worse", "look", "note", "so", "detail", "<8>text", "<4", "", "plain"});
    CHECK(all.levels == std::vector{level::error, level::error, level::warning, level::info, level::info, level::debug,
                                    level::info, level::info, level::warning, level::info});
}

TEST_CASE("output log: the last line of a status has whole characters", "[handlers]") {
    collected all;
    all.log.write(std::string(199, 'x') + "\u00e9\u00e9\n", origin);
    CHECK(all.log.last_line() == std::string(199, 'x'));
}

TEST_CASE("instance output: both pipes go to the log, marked, to their last byte", "[handlers]") {
    captured_log log;
    asio::io_context io;
    int out[2], err[2];
    REQUIRE(::pipe2(out, O_CLOEXEC | O_NONBLOCK) == 0);
    REQUIRE(::pipe2(err, O_CLOEXEC | O_NONBLOCK) == 0);
    instance_output output(io, "chat#0", 123, out[0], err[0]);
    REQUIRE(::write(out[1], "hello\n", 6) == 6);
    REQUIRE(eventually(io, [&] { return log.has("info [handler chat#0 pid 123 out] hello\n"); }));
    REQUIRE(::write(err[1], "half a line", 11) == 11);
    output.finish();
    CHECK(log.has("info [handler chat#0 pid 123 err] half a line\n"));
    CHECK(output.last_line() == "half a line");
    ::close(out[1]);
    ::close(err[1]);
    // Nothing is left that would keep the loop running.
    io.restart();
    io.run_for(5s);
    CHECK(io.stopped());
}
