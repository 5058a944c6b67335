#include "handlers/one_shot.hpp"

#include <catch2/catch.hpp>

using namespace bester::handlers;
using bester::wire::error_code;
using recipients = std::vector<std::string>;

TEST_CASE("one-shot answer: commands of the original daemon", "[handlers]") {
    struct row {
        const char* json;
        one_shot_answer expected;
    };
    const row rows[] = {
        {R"({"header":{"status":"0","command":{"type":"sendClients","data":["gustav","tina"]}},"data":{"text":"Hallo"}})",
         {one_shot_command::send_clients, {"gustav", "tina"}, R"({"text":"Hallo"})"}},
        {R"({"data":"x","header":{"command":{"data":["a.example:2223"],"type":"sendServers"},"status":"0"}})",
         {one_shot_command::send_servers, {"a.example:2223"}, R"("x")"}},
        {R"({"header":{"status":"0","command":{"type":"sendHandler","data":"other"}},"data":1})",
         {one_shot_command::send_handler, {"other"}, "1"}},
        {R"({"header":{"status":"0","command":{"type":"sendHandler","data":["other"]}},"data":null})",
         {one_shot_command::send_handler, {"other"}, "null"}},
        {R"({"header":{"status":"0","command":{"type":"sendClients","data":[]}}})",
         {one_shot_command::send_clients, {}, "null"}},
        {R"({"header":{"status":"0","command":{"type":"sendClients","data":["g\u00fc\n"]}},"data": [1.50,  2e3 ] })",
         {one_shot_command::send_clients, {"g\xc3\xbc\n"}, "[1.50,  2e3 ]"}},
        {R"({"extra":[{}],"header":{"more":1,"status":"0","command":{"type":"sendClients","data":["a"],"z":{}}},"data":0})",
         {one_shot_command::send_clients, {"a"}, "0"}},
    };
    for (const row& each : rows) {
        CAPTURE(each.json);
        const auto answer = decode_one_shot_answer(each.json);
        REQUIRE(answer);
        CHECK(answer->command == each.expected.command);
        CHECK(answer->recipients == each.expected.recipients);
        CHECK(answer->data == each.expected.data);
    }
}

TEST_CASE("one-shot answer: refusals and nonsense", "[handlers]") {
    struct row {
        const char* json;
        error_code code;
        const char* in_reason;
    };
    const row rows[] = {
        {R"({"header":{"status":"3"}})", error_code::handler_refused, "'3'"},
        {R"({"header":{"status":"","command":{"type":"sendClients","data":["a"]}},"data":1})",
         error_code::handler_refused, "''"},
        {"", error_code::handler_failed, "not a JSON object"},
        {"[]", error_code::handler_failed, "not a JSON object"},
        {"{}", error_code::handler_failed, "header.status"},
        {R"({"header":"x"})", error_code::handler_failed, "header.status"},
        {R"({"header":{"status":0}})", error_code::handler_failed, "header.status"},
        {R"({"header":{"status":"0"},"data":1})", error_code::handler_failed, "command.type"},
        {R"({"header":{"status":"0","command":"sendClients"},"data":1})", error_code::handler_failed, "command.type"},
        {R"({"header":{"status":"0","command":{"type":"dance","data":["a"]}},"data":1})", error_code::handler_failed,
         "command.type"},
        {R"({"header":{"status":"0","command":{"type":"sendClients"}},"data":1})", error_code::handler_failed,
         "command.data"},
        {R"({"header":{"status":"0","command":{"type":"sendClients","data":[1]}},"data":1})",
         error_code::handler_failed, "command.data"},
        {R"({"header":{"status":"0","command":{"type":"sendClients","data":{}}},"data":1})", error_code::handler_failed,
         "command.data"},
        {R"({"header":{"status":"0","command":{"type":"sendHandler","data":["a","b"]}},"data":1})",
         error_code::handler_failed, "exactly one"},
        {R"({"header":{"status":"0","command":{"type":"sendHandler","data":[]}},"data":1})", error_code::handler_failed,
         "exactly one"},
        {R"({"header":{"status":"0","command":{"type":"sendClients","data":["a"]}},"data":{"a":}})",
         error_code::handler_failed, "not a JSON"},
        {R"({"header":{"status":"0","command":{"type":"sendClients","data":["a"]}},"data":1} trailing)",
         error_code::handler_failed, "not a JSON"},
        {"{\"header\":{\"status\":\"0\",\"command\":{\"type\":\"sendClients\",\"data\":[\"a\"]}},\"data\":\"\xff\"}",
         error_code::handler_failed, "not a JSON"},
    };
    for (const row& each : rows) {
        CAPTURE(each.json);
        const auto answer = decode_one_shot_answer(each.json);
        REQUIRE_FALSE(answer);
        CHECK(answer.error().code == each.code);
        CHECK_THAT(answer.error().reason, Catch::Contains(each.in_reason));
    }
}
