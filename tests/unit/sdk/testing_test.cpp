#include <catch2/catch.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include <sys/stat.h>

#include <bester/testing/case_file.hpp>
#include <bester/testing/json_match.hpp>
#include <bester/testing/test_handler.hpp>

using namespace bester::testing;
using json = nlohmann::ordered_json;

namespace {

std::string differences(const char* expected, const char* got) {
    std::vector<difference> found;
    match(json::parse(expected), json::parse(got), "", found);
    std::string text;
    for (const auto& it : found) text += it.path + ": " + it.expected + " / " + it.got + "\n";
    return text;
}

/// A handler that is a shell or Python script, in a directory that is gone afterwards.
struct script {
    std::string directory = (std::filesystem::temp_directory_path() / "bester-script-XXXXXX").string();
    std::string path;
    explicit script(const std::string& text) {
        REQUIRE(::mkdtemp(directory.data()) != nullptr);
        path = directory + "/handler";
        std::ofstream{path} << text;
        ::chmod(path.c_str(), 0755);
    }
    ~script() { std::filesystem::remove_all(directory); }
};

suite_result run(const std::string& handler, const std::string& cases, std::chrono::milliseconds timeout) {
    test_options options;
    options.command = {handler};
    options.timeout = timeout;
    return run_cases(options, parse_case_file(cases, "cases.jsonl"));
}

constexpr const char* one_case =
    R"({"name":"n","message":{"data":"Hallo"},"expect":{"commands":[{"command":"reply","data":"Hallo"}]}})";

// Attaches, then answers the first message with a frame that argument 0 is put into.
std::string python_handler(const std::string& after_message) {
    return R"(#!/usr/bin/python3
import json, os, socket, struct, sys
s = socket.socket(socket.AF_UNIX)
s.connect(os.environ["BESTER_SOCKET"])
def send(body):
    s.sendall(struct.pack("<I", len(body)) + body)
def receive():
    (length,) = struct.unpack("<I", s.recv(4, socket.MSG_WAITALL))
    return json.loads(s.recv(length, socket.MSG_WAITALL))
send(json.dumps({"kind": "hello", "protocol": 1, "handler": "test", "token": os.environ["BESTER_TOKEN"]}).encode())
receive()
m = receive()
)" + after_message;
}

}  // namespace

TEST_CASE("match: says where what came is not what was expected", "[sdk]") {
    CHECK(differences(R"({"a":1,"b":[1,2]})", R"({"b":[1,2],"a":1})").empty());
    CHECK(differences("1", "1.0").empty());
    CHECK(differences(R"({"a":1})", R"({"a":2})") == "a: 1 / 2\n");
    CHECK(differences(R"({"a":{"b":[0,{"c":"x"}]}})", R"({"a":{"b":[0,{"c":"y"}]}})") == "a.b[1].c: \"x\" / \"y\"\n");
    CHECK(differences(R"({"a":1})", R"({"b":1})") == "a: 1 / nothing\nb: nothing / 1\n");
    CHECK(differences("[1]", "[1,2]") == "[1]: nothing / 2\n");
    CHECK(differences("[1,2]", "[1]") == "[1]: 2 / nothing\n");
    CHECK(differences("[]", "{}") == ": [] / {}\n");
    CHECK(differences("null", "false") == ": null / false\n");
}

TEST_CASE("match: values that vary are matched by kind or pattern", "[sdk]") {
    CHECK(differences(R"([{"$any":true},{"$any":"number"},{"$any":"object"}])", R"([null,2.5,{"x":1}])").empty());
    CHECK(differences(R"({"$any":"string"})", "7") == ": any string / 7\n");
    CHECK(differences(R"({"a":{"$any":true}})", "{}") == "a: {\"$any\":true} / nothing\n");
    CHECK(differences(R"({"$matches":"H.*o"})", R"("Hallo")").empty());
    CHECK(differences(R"({"$matches":"H.*o"})", R"("Hallo!")") == ": a string like H.*o / \"Hallo!\"\n");
    CHECK_THROWS_AS(differences(R"({"$anything":true})", "1"), std::invalid_argument);
    CHECK_THROWS_AS(differences(R"({"$any":7})", "1"), std::invalid_argument);
}

TEST_CASE("case file: comments, setup and cases are read", "[sdk]") {
    const auto file = parse_case_file(
        "// words\n\n"
        R"({"setup":{"config":{"a":1},"clients":[{"session":"s","user":"u"}]}})"
        "\n"
        R"({"event":{"event":"connected","session":"s1","user":"x"}})"
        "\n" +
            std::string{one_case} + "\n",
        "f");
    CHECK(file.config == json{{"a", 1}});
    CHECK(file.clients.size() == 1);
    REQUIRE(file.cases.size() == 2);
    CHECK(file.cases[0].name == "case in line 4");
    CHECK(file.cases[0].events.size() == 1);
    CHECK(file.cases[1].line == 5);
    CHECK(file.cases[1].message->at("data") == "Hallo");
}

TEST_CASE("case file: mistakes are named with their line", "[sdk]") {
    const auto mistake = [](const std::string& text) -> std::string {
        try {
            parse_case_file(text, "f");
        } catch (const bad_case_file& error) {
            return error.what();
        }
        return "none";
    };
    CHECK(mistake("") == "f: has no cases");
    CHECK(mistake("\n{").find("f:2: not JSON") == 0);
    CHECK(mistake("7").find("f:1: ") == 0);
    CHECK(mistake(R"({"mesage":{}})").find("unknown field \"mesage\"") != std::string::npos);
    CHECK(mistake(R"({"message":{"typ":"x"}})").find("unknown field \"typ\" in message") != std::string::npos);
    CHECK(mistake(R"({"message":{},"expect":{"command":[]}})").find("unknown field \"command\" in expect") !=
          std::string::npos);
    CHECK(mistake(R"({"name":"idle"})").find("does nothing") != std::string::npos);
    CHECK(mistake(R"({"event":"connected"})").find("an event is an object") != std::string::npos);
    CHECK(mistake(R"({"name":7,"message":{}})").find("name must be a string") != std::string::npos);
    CHECK(mistake(std::string{one_case} + "\n" + R"({"setup":{}})").find("f:2: setup must stand before") == 0);
    CHECK(mistake(one_case) == "none");
}

TEST_CASE("run: a handler that does as expected passes, one that does not is shown", "[sdk]") {
    const script good{python_handler(R"(
send(json.dumps({"kind": "answer", "id": m["id"], "commands": [{"command": "reply", "data": m["data"]}]}).encode())
receive()
)")};
    const auto passed = run(good.path, one_case, std::chrono::seconds{10});
    CHECK(passed.death.empty());
    CHECK(passed.warning.empty());
    REQUIRE(passed.cases.size() == 1);
    CHECK(passed.cases[0].passed());

    const auto failed =
        run(good.path,
            R"({"message":{"data":1},"expect":{"commands":[{"command":"reply","data":2}],"error":{"code":"x"}}})",
            std::chrono::seconds{10});
    REQUIRE(failed.cases.size() == 1);
    REQUIRE(failed.cases[0].differences.size() == 2);
    CHECK(failed.cases[0].differences[0].path == "error");
    CHECK(failed.cases[0].differences[1].path == "commands[0].data");
    CHECK(failed.failed() == 1);
}

TEST_CASE("run: a handler that closes its side first and waits for the other is not late", "[sdk]") {
    const script half{python_handler(R"(
send(json.dumps({"kind": "answer", "id": m["id"], "commands": [{"command": "reply", "data": m["data"]}]}).encode())
receive()
s.shutdown(socket.SHUT_WR)
sys.exit(len(s.recv(1)))
)")};
    const auto result = run(half.path, one_case, std::chrono::seconds{10});
    CHECK(result.death.empty());
    CHECK(result.warning.empty());
    CHECK(result.failed() == 0);
}

TEST_CASE("run: one that dies, hangs or talks nonsense is named", "[sdk]") {
    const auto dead =
        run(script{python_handler("print('words'); sys.exit(9)\n")}.path, one_case, std::chrono::seconds{10});
    CHECK(dead.death == "the handler ended: exit code 9");
    CHECK(dead.output == "words\n");
    CHECK(dead.failed() == 1);

    const auto nonsense =
        run(script{python_handler("send(b'{nonsense'); receive()\n")}.path, one_case, std::chrono::seconds{10});
    CHECK(nonsense.death.find("a frame that is not JSON") != std::string::npos);

    const auto silent = run(script{python_handler("receive()\n")}.path, one_case, std::chrono::seconds{3});
    CHECK(silent.death.empty());
    REQUIRE(silent.cases.size() == 1);
    CHECK(silent.cases[0].notes.at(0).find("no answer within 3000 ms") == 0);

    const auto early = run("/bin/true", one_case, std::chrono::seconds{10});
    CHECK(early.death == "the handler ended: exit code 0");
    CHECK(early.cases.empty());
    CHECK(run("/nowhere/at/all", one_case, std::chrono::seconds{1}).death.find("No such file") != std::string::npos);
}

TEST_CASE("run: a handler that says that it answers pings has to", "[sdk]") {
    const bool answers = GENERATE(false, true);
    std::string text = python_handler(R"(
send(json.dumps({"kind": "answer", "id": m["id"], "commands": [{"command": "reply", "data": m["data"]}]}).encode())
while receive()["kind"] != "drain":
    PONG
)");
    text.replace(text.find("PONG"), 4, answers ? R"(send(b'{"kind":"pong"}'))" : "pass");
    text.replace(text.find(R"("token")"), 7, R"("ping": True, "token")");
    const script handler{text};
    const auto result = run(handler.path, one_case, std::chrono::milliseconds{answers ? 10'000 : 1'500});
    REQUIRE(result.cases.size() == 1);
    CHECK(result.cases[0].passed());
    CHECK(result.warning.empty() == answers);
    if (!answers) CHECK(result.warning.find("pong") != std::string::npos);
}

TEST_CASE("run: queries and reports are answered from the case", "[sdk]") {
    const script asking{python_handler(R"(
send(json.dumps({"kind": "query", "id": 5, "query": "isClient", "user": "x"}).encode())
online = receive().get("online")
send(json.dumps({"kind": "push", "commands": [{"command": "sendClients", "users": ["x"], "report": "r"}]}).encode())
delivered = receive()["delivered"]
send(json.dumps({"kind": "answer", "id": m["id"], "commands": [{"command": "reply", "data": [online, delivered]}]}).encode())
receive()
)")};
    const auto good = run(
        asking.path,
        R"({"message":{},"answers":{"isClient":{"online":true}},"reports":[{"delivered":3}],"expect":{"commands":[{"command":"reply","data":[true,3]}],"pushes":[{"commands":[{"command":"sendClients","users":["x"],"report":{"$any":true}}]}]}})",
        std::chrono::seconds{10});
    REQUIRE(good.cases.size() == 1);
    for (const auto& it : good.cases[0].differences) UNSCOPED_INFO(it.path + it.expected + it.got);
    CHECK(good.cases[0].passed());
    const auto unanswered =
        run(asking.path, R"({"message":{},"expect":{"commands":{"$any":true}}})", std::chrono::seconds{10});
    CHECK(unanswered.cases.at(0).notes.at(0).find("the case has no answer to it") != std::string::npos);
}
