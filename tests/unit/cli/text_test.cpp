#include <catch2/catch.hpp>

#include <nlohmann/json.hpp>

#include "cli/error_text.hpp"
#include "cli/event_line.hpp"
#include "cli/status_text.hpp"
#include "cli/terminal.hpp"

using namespace bester;
using namespace bester::cli;
using Catch::Contains;
using nlohmann::json;

TEST_CASE("terminal text: control characters of others do not reach the terminal", "[cli]") {
    CHECK(printable("a\033[2Jb\177c\rd") == "a?[2Jb?c?d");
    CHECK(printable("x\xc2\x9by gr\xc3\xbc\xc3\x9f\n\t") == "x?y gr\xc3\xbc\xc3\x9f\n\t");
    CHECK(printable("\xc2") == "\xc2");
}

TEST_CASE("terminal text: a table's columns are aligned", "[cli]") {
    CHECK(format_table({{"A", "LONG"}, {"gr\xc3\xbc", "x"}, {"y"}}) == "A    LONG\ngr\xc3\xbc  x\ny\n");
}

TEST_CASE("events: each kind is one plain line", "[cli]") {
    const palette plain(false);
    const palette bright(true);
    delivery message{"echo", "7", "{\"a\":\"\033\"}", 0, 9};
    CHECK(format_event(message, plain) == "< echo {\"a\":\"?\"} (reply to #7)");
    CHECK(format_event(status{"7", true, 1, {}, ""}, plain) == "#7 good, delivered to 1 session");
    CHECK(format_event(status{"7", true, 0, {}, ""}, plain) == "#7 good, but nobody was there");
    CHECK(format_event(status{"7", true, std::nullopt, {}, ""}, plain) == "#7 good");
    const status bad{"7", false, std::nullopt, {"busy", "later", true}, ""};
    CHECK(format_event(bad, plain) == "#7 bad busy: later (temporary)");
    const status throttled{"7", false, std::nullopt, {"busy", "later", true, std::chrono::milliseconds(1'001)}, ""};
    CHECK(format_event(throttled, plain) == "#7 bad busy: later (temporary, try again in 2 s)");
    CHECK_THAT(format_event(bad, bright), Contains("\033[31mbad\033[0m"));
    CHECK_THAT(format_event(notice{"reconnect", std::chrono::milliseconds(5), ""}, plain), Contains("5 ms"));
    CHECK_THAT(format_event(connection_lost{{"slow_consumer", "too slow", true}, false}, plain),
               Contains("slow_consumer"));
}

TEST_CASE("errors: what the broker says of a refusal is in the text and in the JSON", "[cli]") {
    const error_info error{"login_throttled", "wait\033", true, std::chrono::minutes(3)};
    CHECK(error_text(error) == "login_throttled: wait? (temporary, try again in 3 min 0 s)");
    CHECK(error_text({"x", "y", false, std::chrono::milliseconds(5)}) == "x: y (try again in 1 s)");
    CHECK(error_text({"x", "y", false}) == "x: y");
    CHECK(error_json(error)["retry_after_ms"] == 180'000);
    CHECK_FALSE(error_json({"x", "y", false}).contains("retry_after_ms"));
    const auto frame = json::parse(status_frame("a", {"x", "\xff", true}));
    CHECK(frame["header"]["status"] == "bad");
    CHECK(frame["header"]["error"]["temporary"] == true);
    CHECK(frame["payload"]["id"] == "a");
}

TEST_CASE("status text: shows what the document says", "[cli]") {
    const auto status = json::parse(R"json({"server":"home","version":"0.1.0","pid":7,"uptime_ms":3723000,
        "config":{"file":"/etc/b.jsonc","digest":"abc","loaded":1790000000000},"sessions":3,"users":2,
        "shards":[{"sessions":1},{"sessions":2}],
        "listeners":[{"name":"main","address":"127.0.0.1:1","connections":3}],
        "handlers":[{"name":"chat","types":["a","b"],"state":"ready","waiting":0,"instances":[
          {"number":0,"pid":11,"state":"ready","in_flight":4,"restarts":1,"last_exit":"killed by signal 9 (SIGKILL)"},
          {"number":1,"pid":12,"state":"starting"}]}],
        "counters":{"messages":42}})json");
    const auto text = format_status(status);
    for (const char* part : {"home", "up 1 h 2 min", "3 of 2 users, on 2 shards (1, 2)", "/etc/b.jsonc", "127.0.0.1:1",
                             "a, b", "SIGKILL", "starting", "messages  42"}) {
        CHECK_THAT(text, Contains(part));
    }
}

TEST_CASE("status text: of a handler that fails, what it wrote last", "[cli]") {
    const auto handlers = [](const std::string& state, const std::string& instance) {
        return format_handlers(
            json::parse(R"([{"name":"chat","state":")" + state + R"(","instances":[{"number":2,)" + instance + "}]}]"));
    };
    const std::string words = "\nchat#2 wrote last: no such table?[31m\n";
    CHECK_THAT(handlers("not ready", R"("state":"backing_off","last_output":"no such table\u001b[31m")"),
               Contains(words));
    CHECK_THAT(handlers("degraded", R"("state":"starting","last_output":"no such table\u001b[31m")"), Contains(words));
    CHECK_THAT(handlers("ready", R"("state":"ready","last_output":"all is well")"), !Contains("wrote last"));
    CHECK_THAT(handlers("degraded", R"("state":"backing_off","last_output":"")"), !Contains("wrote last"));
}

TEST_CASE("status text: what is missing or of another kind never hurts", "[cli]") {
    const auto text = GENERATE("{}", R"({"handlers":7,"shards":{},"config":{}})",
                               R"({"handlers":[1,{"instances":[2]}],"listeners":["x"]})");
    CAPTURE(text);
    CHECK_FALSE(format_status(json::parse(text)).empty());
    CHECK(format_handlers(json::array()) == "no handlers are configured\n");
}
