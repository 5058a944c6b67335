#include <catch2/catch.hpp>

#include "support.hpp"

using namespace bester::config;

namespace {

/// What the check says about a config with a handler (so that there is no warning for lack of one).
std::string report(const std::string& members) {
    return parse_text("{\"handlers\": {\"h\": {\"start\": \"manual\"}},\n" + members + "}").report();
}

}  // namespace

TEST_CASE("config mistakes: an unknown key is told with the nearest valid one", "[config]") {
    CHECK(report(R"("limits": {"mesage_size": "1MiB"})") ==
          "test.jsonc:2:12: limits.mesage_size: unknown key \"mesage_size\"; did you mean \"message_size\"?\n");
    CHECK(report(R"("limit": {"message_size": "1MiB"})") ==
          "test.jsonc:2:1: limit: unknown key \"limit\"; did you mean \"limits\"?\n");
    CHECK(report(R"("listener": [])") ==
          "test.jsonc:2:1: listener: unknown key \"listener\"; did you mean \"listeners\"?\n");
    CHECK(report(R"("log": {"colours": true})") ==
          "test.jsonc:2:9: log.colours: unknown key \"colours\"; valid here: \"level\", \"file\"\n");
}

TEST_CASE("config mistakes: all are told at once, in the order of the file", "[config]") {
    const auto result = parse_text(R"({
  "server": {"nmae": "x", "threads": 0},
  "limits": {
    "message_size": 12,
    "unanswered": "many",
    "unanswered": 5
  },
  "log": {"level": "inof"},
  "handlers": {
    "chat": {"command": ["/nowhere/chat"], "deadline": "5"}
  }
})");
    CHECK(!result.config);
    CHECK(
        result.report() ==
        "test.jsonc:2:14: server.nmae: unknown key \"nmae\"; did you mean \"name\"?\n"
        "test.jsonc:2:38: server.threads: must be at least 1\n"
        "test.jsonc:4:21: limits.message_size: needs a unit: a size such as \"512B\", \"64KiB\", \"1MiB\" or \"1MB\"\n"
        "test.jsonc:5:19: limits.unanswered: must be a whole number\n"
        "test.jsonc:6:5: limits.unanswered: \"unanswered\" is given twice; keep one (the first is in line 5)\n"
        "test.jsonc:8:20: log.level: unknown value \"inof\"; did you mean \"info\"?\n"
        "test.jsonc:10:26: handlers.chat.command[0]: \"/nowhere/chat\" does not exist; build or install it first\n"
        "test.jsonc:10:56: handlers.chat.deadline: \"5\" is not a duration such as \"500ms\", \"5s\", \"2m\" or "
        "\"1h\"\n");
}

TEST_CASE("config mistakes: a value of the wrong kind says what is wanted", "[config]") {
    CHECK(report(R"("server": {"threads": true})") ==
          "test.jsonc:2:23: server.threads: must be a whole number or \"auto\"\n");
    CHECK(report(R"("server": {"workers": 2.5})") == "test.jsonc:2:23: server.workers: must be a whole number\n");
    CHECK(report(R"("server": {"stop_grace": 30})") ==
          "test.jsonc:2:26: server.stop_grace: needs a unit: a duration such as \"500ms\", \"5s\", \"2m\" or \"1h\"\n");
    CHECK(report(R"("server": {"name": "a b"})") ==
          "test.jsonc:2:20: server.name: \"a b\" is not a name: 1 to 64 letters, digits, '-', '_' and '.'\n");
    CHECK(report(R"("server": [])") == "test.jsonc:2:11: server: must be an object: { … }\n");
    CHECK(report(R"("log": {"file": ""})") ==
          "test.jsonc:2:17: log.file: must not be empty; leave the key out for the default\n");
    CHECK(report(R"("log": {"file": "a\u0000b"})") == "test.jsonc:2:17: log.file: must not contain a NUL character\n");
    CHECK(report(R"("log": {"level": 3})") ==
          "test.jsonc:2:18: log.level: must be one of \"trace\", \"debug\", \"info\", \"warning\", \"error\"\n");
    CHECK(report(R"("listeners": {})") == "test.jsonc:2:14: listeners: must be an array: [ { … }, … ]\n");
    CHECK(parse_text("[]").report() == "test.jsonc:1:1: (file): must be an object: { … }\n");
}

TEST_CASE("config mistakes: bounds hold at both ends, and the bound itself is allowed", "[config]") {
    const auto one = [](const std::string& value) { return report("\"accounts\": {" + value + "}"); };
    CHECK(one(R"("argon2_memory": "8KiB")").empty());
    CHECK(one(R"("argon2_memory": "8191B")") == "test.jsonc:2:31: accounts.argon2_memory: must be at least 8KiB\n");
    CHECK(one(R"("argon2_memory": "4GiB")").empty());
    CHECK(one(R"("argon2_memory": "5GiB")") == "test.jsonc:2:31: accounts.argon2_memory: must be at most 4GiB\n");
    CHECK(one(R"("remember": "0s")").empty());
    CHECK(one(R"("remember": "25h")") == "test.jsonc:2:26: accounts.remember: must be at most 24h\n");
    CHECK(one(R"("argon2_operations": -1)") == "test.jsonc:2:35: accounts.argon2_operations: must be at least 1\n");
    CHECK(one(R"("argon2_operations": 99999999999999999999)") ==
          "test.jsonc:2:35: accounts.argon2_operations: must be at most 1000\n");
}

TEST_CASE("config mistakes: every numeric key refuses what is beyond its bounds", "[config]") {
    // Through the reader, not the table alone: a key that forgot its check would be found here.
    CHECK(report(R"("server": {"threads": 65})") == "test.jsonc:2:23: server.threads: must be at most 64\n");
    CHECK(report(R"("server": {"connections": 0})") == "test.jsonc:2:27: server.connections: must be at least 1\n");
    CHECK(report(R"("limits": {"json_depth": 3})") == "test.jsonc:2:26: limits.json_depth: must be at least 4\n");
    CHECK(report(R"("limits": {"keepalive_idle": "999ms"})") ==
          "test.jsonc:2:30: limits.keepalive_idle: must be at least 1s\n");
}

TEST_CASE("config mistakes: keys that contradict each other are told", "[config]") {
    CHECK(report(R"("limits": {"queue_bytes": "2MiB", "queued_memory": "1MiB"})") ==
          "test.jsonc:2:52: limits.queued_memory: must be at least queue_bytes (2MiB): else nobody could use a full "
          "queue\n");
    CHECK(
        report(R"("limits": {"message_size": "2MiB", "held_input": "3MiB"})") ==
        "test.jsonc:2:50: limits.held_input: must be at least twice message_size (2MiB): else a few large frames would "
        "end each other\n");
    CHECK(report("\"server\": {\"runtime_directory\": \"/" + std::string(80, 'r') + "\"}") ==
          "test.jsonc:2:33: server.runtime_directory: has 81 bytes; its sockets need one of at most 80\n");
    CHECK(report("\"control\": {\"socket\": \"/" + std::string(107, 's') + "\"}") ==
          "test.jsonc:2:23: control.socket: the path of a UNIX socket has at most 107 bytes, this one 108; use a "
          "shorter folder\n");
}

TEST_CASE("config mistakes: a host name that is no name asks for a server.name", "[config]") {
    surroundings machine = test_machine();
    machine.host_name = "my host";
    const std::string handler = R"("handlers": {"h": {"start": "manual"}})";
    CHECK(parse("{" + handler + "}", "f", "/", machine).report() ==
          "f:1:1: server.name: the host name \"my host\" is not a name: 1 to 64 letters, digits, '-', '_' and '.'; "
          "give the server a name\n");
    CHECK(parse(R"({"server": {"name": "x"}, )" + handler + "}", "f", "/", machine).config);
}

TEST_CASE("config mistakes: a syntax error stops the rest, duplicates before it are told", "[config]") {
    CHECK(parse_text("{\n\"log\": {},\n\"log\": {},\n\"server\": {\"threads\" 3}}").report() ==
          "test.jsonc:3:1: log: \"log\" is given twice; keep one (the first is in line 2)\n"
          "test.jsonc:4:22: server.threads: expected ':' between the key and its value\n");
}

TEST_CASE("config mistakes: a file full of them costs no more than a bad one", "[config]") {
    std::string text{"{"};
    for (int i = 0; i < 50'000; ++i) {
        text += "\"messge_size" + std::to_string(i) + "\": 1,";
    }
    const auto result = parse_text(text + "}");
    CHECK(result.mistakes.size() == most_findings);
}

TEST_CASE("config mistakes: listeners and handlers are counted before they are read", "[config]") {
    const auto repeated = [](std::size_t count, const auto& item) {
        std::string text;
        for (std::size_t i = 0; i < count; ++i) {
            text += item(i) + ',';
        }
        return text;
    };
    const auto listeners = repeated(1'001, [](std::size_t) { return std::string{"3"}; });
    CHECK(parse_text("{\"listeners\": [" + listeners + "]}").mistakes ==
          std::vector<finding>{{1, 15, "listeners", "must have at most 1000 elements"}});
    const auto handlers = repeated(10'001, [](std::size_t i) { return "\"h" + std::to_string(i) + "\": 3"; });
    CHECK(parse_text("{\"handlers\": {" + handlers + "}}").mistakes ==
          std::vector<finding>{{1, 14, "handlers", "must have at most 10000 entries"}});
}

TEST_CASE("config mistakes: the line is shown with a caret below the column", "[config]") {
    const auto shown = [](const std::string& text, std::size_t line, std::size_t column) {
        return pointed_line(text, {line, column, "p", "m"});
    };
    CHECK(shown("a\n\tb: c\r\nd", 2, 5) == " b: c \n    ^\n");
    CHECK(shown("\u00e9\u00e9 x", 1, 6) == "\u00e9\u00e9 x\n   ^\n");
    CHECK(shown("ab", 1, 3) == "ab\n  ^\n");
    CHECK(shown("ab", 1, 9) == "ab\n  ^\n");
    CHECK(shown("", 1, 1) == "\n^\n");
    CHECK(shown("a\xff\xc3 b", 1, 5) == "a?? b\n    ^\n");
    CHECK(shown("ab", 7, 1).empty());
    const std::string before(300, 'b'), after(300, 'a');
    CHECK(shown(before + '!' + after, 1, 301) ==
          std::string(50, 'b') + '!' + std::string(49, 'a') + '\n' + std::string(50, ' ') + "^\n");
    CHECK(shown('!' + after, 1, 1) == '!' + std::string(99, 'a') + "\n^\n");
    CHECK(shown(before + '!', 1, 301) == std::string(99, 'b') + "!\n" + std::string(99, ' ') + "^\n");
    std::string wide;
    for (int i = 0; i < 200; ++i) wide += "\u00e9";
    CHECK(shown(wide, 1, 201).size() == 100 + 1 + 50 / 2 + 2);
}

TEST_CASE("config warnings: they leave the config valid", "[config]") {
    const auto result = parse_text(R"({"server": {"connections": 2000}})");
    CHECK(result.config);
    CHECK(result.mistakes.empty());
    CHECK(
        result.report() ==
        "test.jsonc:1:1: handlers: warning: there is no handler: every message will be answered no_handler\n"
        "test.jsonc:1:28: server.connections: warning: more than the hard limit of open descriptors, 1000; raise that "
        "(ulimit -Hn, LimitNOFILE=)\n");
}

TEST_CASE("config warnings: names that stand for nothing", "[config]") {
    const auto result = parse_text(R"({"handlers": {"chat": {"start": "manual", "types": ["chat", "news.a"],
  "may": {"commands": ["reply", "sendclients", "send*"], "handlers": ["caht", "chat", "news.*"]}}},
"login": {"type": "logon"},
"permissions": [{"types": ["chta", "news.*"], "users": ["*"]},
  {"types": ["news.a", "news.*", "builtin"], "roles": ["x"]}, {"types": ["*"], "users": ["*"]}, {"types": ["chat"], "users": ["a"]}],
"listeners": [{"transport": "websocket", "paths": {"/a": {"type": "char"}, "/b": {"type": "chat"},
  "/c": {"frames": "socketio", "namespaces": {"/": "news", "/b": "news.a"}}}}]})");
    CHECK(result.config);
    CHECK(
        result.report() ==
        R"(test.jsonc:2:33: handlers.chat.may.commands[1]: warning: no command is called "sendclients"; did you mean "sendClients"?
test.jsonc:2:71: handlers.chat.may.handlers[0]: warning: no handler is called or serves "caht"; did you mean "chat"?
test.jsonc:3:19: login.type: warning: no handler serves type "logon"; valid here: "chat", "news.a"
test.jsonc:4:28: permissions[0].types[0]: warning: no handler serves type "chta"; did you mean "chat"?
test.jsonc:5:14: permissions[1].types[0]: warning: never decides: "news.*", which is before it, fits all of these types
test.jsonc:5:108: permissions[3].types[0]: warning: never decides: "*", which is before it, fits all of these types
test.jsonc:6:67: listeners[0].paths["/a"].type: warning: no handler serves type "char"; did you mean "chat"?
test.jsonc:7:52: listeners[0].paths["/c"].namespaces["/"]: warning: no handler serves type "news"; did you mean "news.a"?
)");
}

TEST_CASE("config: a file that is no database is not taken for one", "[config]") {
    const temporary_folder folder;
    const auto report = [](const std::string& file) {
        return parse_text(R"({"handlers": {"h": {"start": "manual"}}, "accounts": {"database": ")" + file + "\"}}")
            .report();
    };
    CHECK(report(folder.path() + "/new.db").empty());
    CHECK(report(folder.write("empty.db", "")).empty());
    CHECK(report(folder.write("good.db", std::string_view{"SQLite format 3\0 and pages", 26})).empty());
    for (const char* text : {"#!/bin/sh", "SQLite format 3"}) {
        const std::string file = folder.write("bad.db", text);
        CHECK(report(file) == "test.jsonc:1:67: accounts.database: \"" + file +
                                  "\" is there already and is not an account database (SQLite); name another path, or "
                                  "restore it from a backup\n");
    }
}
