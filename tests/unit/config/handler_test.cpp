#include <catch2/catch.hpp>

#include "support.hpp"

using namespace bester::config;
using namespace std::chrono_literals;
using bester::handlers::start_mode;

TEST_CASE("config handlers: every key is read", "[config]") {
    const auto config = parse_good(R"({"handlers": {"chat": {
        "command": ["sh", "-c", "true"], "start": "auto", "environment": {"A": "1", "B": ""}, "directory": "/usr",
        "user": "root", "instances": 3, "types": ["chat", "talk"], "idempotent": true, "deadline": "1s",
        "deadlines": {"talk": "2s"}, "groups": "h", "window": 5, "waiting": 6, "message_size": "4KiB", "recipients": 7,
        "queue_bytes": "8KiB", "hello_timeout": "3s", "stop_grace": "4s",
        "restart": {"initial_delay": "1ms", "longest_delay": "2ms", "failed_start": "3ms", "degraded_after": 4,
                    "degraded_window": "5ms"},
        "config": {"a": [1, /* two */ 2, "x y",], }
    }, "h": {"start": "manual"}}})");
    REQUIRE(config.handlers.size() == 2);
    bester::handlers::handler_settings wanted;
    wanted.name = "chat";
    wanted.command = {"/usr/bin/sh", "-c", "true"};
    wanted.environment = {{"A", "1"}, {"B", ""}};
    wanted.directory = "/usr";
    wanted.user = "root";
    wanted.instances = 3;
    wanted.types = {"chat", "talk"};
    wanted.idempotent = true;
    wanted.deadline = 1s;
    wanted.deadlines = {{"talk", 2s}};
    wanted.groups = "h";
    wanted.window = 5;
    wanted.waiting = 6;
    wanted.message_size = 4'096;
    wanted.recipients = 7;
    wanted.queue_bytes = 8'192;
    wanted.hello_timeout = 3s;
    wanted.stop_grace = 4s;
    wanted.restart = {1ms, 2ms, 3ms, 4, 5ms};
    wanted.config_json = R"({"a":[1,2,"x y"]})";
    CHECK(config.handlers.front() == wanted);
}

TEST_CASE("config handlers: the type is its name and the folder the file's unless given", "[config]") {
    const auto config =
        parse_good(R"({"handlers": {"z": {"socket": "old.sock"}, "a": {"start": "manual", "types": []}}})");
    REQUIRE(config.handlers.size() == 2);
    CHECK(config.handlers[0].name == "a");
    CHECK(config.handlers[0].start == start_mode::manual);
    CHECK(config.handlers[0].types.empty());
    CHECK(config.handlers[0].directory == "/tmp");
    CHECK(config.handlers[1].start == start_mode::one_shot);
    CHECK(config.handlers[1].socket == "/tmp/old.sock");
    CHECK(config.handlers[1].types == std::vector<std::string>{"z"});
}

TEST_CASE("config handlers: `groups` names a handler that has its own", "[config]") {
    const auto report = [](const std::string& handlers) {
        return parse_text("{\"handlers\": {\n\"source\": {\"start\": \"manual\", " + handlers + "}}").report();
    };
    CHECK(report(R"("groups": "gateway"}, "gateway": {"start": "manual"})").empty());
    CHECK(report(R"("groups": "source"})").empty());
    CHECK(report(R"("groups": "gatewy"}, "gateway": {"start": "manual"})") ==
          "test.jsonc:2:41: handlers.source.groups: there is no handler \"gatewy\"; did you mean \"gateway\"?\n");
    CHECK(report(R"("groups": "b"}, "b": {"start": "manual", "groups": "c"}, "c": {"start": "manual"})") ==
          "test.jsonc:2:41: handlers.source.groups: \"b\" has no groups of its own: it uses those of \"c\"; name that "
          "one\n");
    CHECK(report(R"("groups": ""})").starts_with("test.jsonc:2:41: handlers.source.groups: "));
    const auto config = parse_good(
        R"({"handlers": {"a": {"start": "manual", "groups": "a"}, "b": {"start": "manual", "groups": "a"}}})");
    CHECK(config.handlers[0].groups.empty());
    CHECK(config.handlers[1].groups_owner() == "a");
    CHECK(config.handlers[0].groups_owner() == "a");
}

TEST_CASE("config handlers: exactly one of command, socket and manual", "[config]") {
    CHECK(handler_report(R"("deadline": "1s")") ==
          "f:1:15: handlers.h: how does it start? Give one of \"command\" (an executable), \"socket\" (of a one-shot "
          "handler) and \"start\": \"manual\"\n");
    CHECK(handler_report(R"("start": "auto")").starts_with("f:1:15: handlers.h: how does it start?"));
    CHECK(handler_report(R"("command": ["sh"], "socket": "s")") ==
          "f:2:20: handlers.h.socket: \"command\" and \"socket\" exclude each other; keep one\n");
    CHECK(handler_report(R"("start": "manual", "command": ["sh"])") ==
          "f:2:10: handlers.h.start: \"manual\" and \"command\" exclude each other: comment one of them out\n");
    CHECK(handler_report(R"("socket": "s", "start": "manual")") ==
          "f:2:25: handlers.h.start: a handler with a \"socket\" is not started by the broker; leave \"start\" out\n");
    CHECK(handler_report(R"("start": "manaul")") ==
          "f:2:10: handlers.h.start: unknown value \"manaul\"; did you mean \"manual\"?\n");
}

TEST_CASE("config handlers: the executable must be there and be executable", "[config]") {
    const temporary_folder folder;
    folder.write("run", "#!/bin/sh\n", 0755);
    folder.write("text", "", 0644);
    const auto check = [&](const std::string& command) {
        return parse("{\"handlers\": {\"h\": {\"command\": " + command + "}}}", "f", folder.path(), test_machine());
    };
    const auto good = check(R"(["./run", "./run"])");
    REQUIRE(good.config);
    CHECK(good.config->handlers[0].command == std::vector<std::string>{folder.path() + "/run", "./run"});
    CHECK(good.config->handlers[0].directory == folder.path());
    CHECK(check(R"(["./text"])").mistakes.front() ==
          finding{1, 33, "handlers.h.command[0]", '"' + folder.path() + "/text\" is not executable; chmod +x it"});
    CHECK(check(R"(["./"])").mistakes.front().message == '"' + folder.path() + "\" is not a file");
    CHECK(check(R"(["run"])").mistakes.front().message ==
          "no executable \"run\" in $PATH; with a '/' it is relative to \"" + folder.path() + '"');
    CHECK(check(R"([""])").mistakes.front().message == "must be an executable, not empty");
    CHECK(check("[]").mistakes.front().message == "must not be empty");
    CHECK(check("\"sh\"").mistakes.front().message == "must be an array of texts: [\"…\", …]");
    CHECK(check("[\"sh\", 3]").mistakes.front() == finding{1, 39, "handlers.h.command[1]", "must be a text in quotes"});
}

TEST_CASE("config handlers: a type is served by one handler", "[config]") {
    const auto result = parse_text(R"({"handlers": {
  "a": {"start": "manual", "types": ["x", "y"]},
  "b": {"start": "manual",
        "types": ["z", "x"]},
  "y": {"start": "manual"}
}})");
    CHECK(result.report() ==
          "test.jsonc:4:24: handlers.b.types[1]: type \"x\" is already served by \"a\" in line 2; one handler serves a "
          "type\n"
          "test.jsonc:5:3: handlers.y: type \"y\" is already served by \"a\" in line 2; one handler serves a type\n");
    CHECK(handler_report(R"("start": "manual", "types": ["x", "x"])") ==
          "f:2:35: handlers.h.types[1]: type \"x\" is already served by \"h\" in line 2; one handler serves a type\n");
}

TEST_CASE("config handlers: reserved and malformed types are refused", "[config]") {
    const std::string type = GENERATE("dummy", "builtin");
    CHECK(handler_report("\"start\": \"manual\", \"types\": [\"" + type + "\"]") ==
          "f:2:30: handlers.h.types[0]: type \"" + type + "\" is reserved for the broker itself\n");
    CHECK(parse_text("{\"handlers\": {\"" + type + "\": {\"start\": \"manual\"}}}").mistakes.front().message ==
          "type \"" + type + "\" is reserved for the broker itself");
    CHECK(handler_report(R"("start": "manual", "types": [""])") ==
          "f:2:30: handlers.h.types[0]: \"\" is not a message type: 1 to 64 bytes without control characters\n");
}

TEST_CASE("config handlers: user, folder and environment are checked", "[config]") {
    CHECK(handler_report(R"("start": "manual", "user": "no-such-user-here")") ==
          "f:2:28: handlers.h.user: there is no user \"no-such-user-here\" on this machine\n");
    CHECK(handler_report(R"("start": "manual", "directory": "/no/such/folder")") ==
          "f:2:33: handlers.h.directory: there is no folder \"/no/such/folder\"\n");
    CHECK(handler_report(R"("start": "manual", "environment": {"A=B": "1"})") ==
          "f:2:36: handlers.h.environment[\"A=B\"]: is not the name of a variable\n");
    CHECK(handler_report(R"("start": "manual", "environment": {"BESTER_TOKEN": "1"})") ==
          "f:2:36: handlers.h.environment.BESTER_TOKEN: names that start with BESTER_ are set by the broker\n");
    CHECK(handler_report(R"("start": "manual", "environment": {"A": 1})") ==
          "f:2:41: handlers.h.environment.A: must be a text in quotes\n");
    surroundings machine = test_machine();
    machine.user_id = 12'345;
    CHECK(parse(R"({"handlers": {"h": {"start": "manual", "user": "root"}}})", "f", "/", machine).report() ==
          "f:1:48: handlers.h.user: warning: only a broker that runs as root can start it as \"root\"\n");
}

TEST_CASE("config handlers: sizes, delays and deadlines must fit each other", "[config]") {
    // A frame has to hold what the broker adds to the data.
    CHECK(handler_report(R"("start": "manual", "message_size": "1KiB")") ==
          "f:2:36: handlers.h.message_size: must be at least 4KiB\n");
    CHECK(handler_report(R"("start": "manual", "queue_bytes": "512KiB")") ==
          "f:2:35: handlers.h.queue_bytes: queue_bytes (512KiB) must be at least message_size (1MiB), or the largest "
          "message never fits\n");
    CHECK(handler_report(R"("start": "manual", "restart": {"initial_delay": "31s"})") ==
          "f:2:31: handlers.h.restart: longest_delay must be at least initial_delay\n");
    CHECK(handler_report(R"("start": "manual", "types": ["report"], "deadlines": {"reprot": "1m"})") ==
          "f:2:55: handlers.h.deadlines.reprot: warning: this handler does not serve type \"reprot\"; did you mean "
          "\"report\"?\n");
    CHECK(handler_report(R"("start": "manual", "deadlines": {"h": "0s"})") ==
          "f:2:39: handlers.h.deadlines.h: must be at least 1ms\n");
}

TEST_CASE("config handlers: what a one-shot handler has no use for is a warning", "[config]") {
    CHECK(handler_report(R"("socket": "s", "instances": 2)") ==
          "f:2:16: handlers.h.instances: warning: has no effect on a handler with a \"socket\"\n");
}

TEST_CASE("config handlers: a name is a name, and keys in restart are suggested too", "[config]") {
    CHECK(parse_text(R"({"handlers": {"a b": {"start": "manual"}}})").mistakes.front() ==
          finding{1, 15, "handlers[\"a b\"]", "\"a b\" is not a name: 1 to 64 letters, digits, '-', '_' and '.'"});
    CHECK(handler_report(R"("start": "manual", "restart": {"inital_delay": "1s"})") ==
          "f:2:32: handlers.h.restart.inital_delay: unknown key \"inital_delay\"; did you mean \"initial_delay\"?\n");
    CHECK(parse_text(R"({"handlers": {"h": 3}})").mistakes.front() ==
          finding{1, 20, "handlers.h", "must be an object: { … }"});
    CHECK(parse_text(R"({"handlers": []})").mistakes.front() == finding{1, 14, "handlers", "must be an object: { … }"});
}
