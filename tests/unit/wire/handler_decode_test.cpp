#include <catch2/catch.hpp>
#include <ostream>
#include <string>
#include <vector>

#include "padded.hpp"
#include "wire/excerpt.hpp"
#include "wire/handler_codec.hpp"

namespace bester::wire {

std::ostream& operator<<(std::ostream& out, command_kind kind) { return out << "kind " << static_cast<int>(kind); }
std::ostream& operator<<(std::ostream& out, handler_frame_kind kind) {
    return out << "kind " << static_cast<int>(kind);
}

namespace {

using test::padded;
using strings = std::vector<std::string>;

/// A body, decoded; keeps what the frame's views point into.
struct decoded {
    explicit decoded(std::string_view body) : bytes{body} {
        is_good = decode_handler_frame(reader, bytes.view(), frame);
    }

    strings of(string_range range) const {
        const auto begin = frame.strings.begin() + range.begin;
        return {begin, begin + range.count};
    }

    padded bytes;
    json_reader reader;
    handler_frame frame;
    bool is_good;
};

decoded push(const std::string& commands) { return decoded{R"({"kind":"push","commands":[)" + commands + "]}"}; }

bool is_malformed(const std::string& text) {
    const decoded result = push(text + R"(,{"command":"reply"})");
    CAPTURE(text);
    REQUIRE(result.is_good);
    REQUIRE(result.frame.commands.size() == 2);
    CHECK_FALSE(result.frame.commands[1].is_malformed);
    return result.frame.commands[0].is_malformed;
}

}  // namespace

TEST_CASE("handler frame: the page's answer is read", "[wire]") {
    const decoded result{
        R"({"kind":"answer","id":7,"commands":[{"command":"sendClients","users":["gustav"],"data":{"text":"Hallo"}}]})"};
    REQUIRE(result.is_good);
    CHECK(result.frame.kind == handler_frame_kind::answer);
    CHECK(result.frame.has_id);
    CHECK(result.frame.id == 7);
    CHECK_FALSE(result.frame.has_error);
    REQUIRE(result.frame.commands.size() == 1);
    const command& first = result.frame.commands[0];
    CHECK(first.kind == command_kind::send_clients);
    CHECK(first.name == "sendClients");
    CHECK_FALSE(first.is_malformed);
    CHECK(first.has_targets);
    CHECK(result.of(first.users) == strings{"gustav"});
    CHECK(first.data == R"({"text":"Hallo"})");
    CHECK(first.type_token.empty());
    CHECK(first.report.empty());
}

TEST_CASE("handler frame: an answer may refuse, and may do both", "[wire]") {
    const decoded result{
        R"({"kind":"answer","id":8,"error":{"code":"no_such_user","reason":"gustav has \"moved\"","temporary":true,"x":1},"commands":[{"command":"reply"}]})"};
    REQUIRE(result.is_good);
    CHECK(result.frame.has_error);
    CHECK(result.frame.error_code == "no_such_user");
    CHECK(result.frame.error_reason == "gustav has \"moved\"");
    CHECK(result.frame.error_is_temporary);
    CHECK(result.frame.commands.size() == 1);
    const decoded no_error{R"({"kind":"answer","id":8,"error":null})"};
    CHECK(no_error.is_good);
    CHECK_FALSE(no_error.frame.has_error);
}

TEST_CASE("handler frame: every field of every command is read", "[wire]") {
    const decoded result = push(
        R"({"command":"reply","type":"t","data":[1],"report":"r1"},)"
        R"({"command":"sendClients","users":["a","b@c","*"],"sessions":["s1"],"except":["s2","s3"],"data":1e999,"report":17},)"
        R"({"command":"sendGroup","group":"news","except":[],"type":"headline","data":"x"},)"
        R"({"command":"join","group":"news","sessions":["s1","s2"]},)"
        R"({"command":"leave","group":"news"},)"
        R"({"command":"sendHandler","handler":"other","data":null},)"
        R"({"command":"sendServers","servers":["*"],"data":{}},)"
        R"({"command":"disconnect","sessions":["s1"],"users":["a"],"reason":"go\n"},)"
        R"({"command":"dance","how":"slowly"})");
    REQUIRE(result.is_good);
    CHECK(result.frame.kind == handler_frame_kind::push);
    const auto& commands = result.frame.commands;
    REQUIRE(commands.size() == 9);
    for (const command& each : commands) CHECK_FALSE(each.is_malformed);

    CHECK(commands[0].kind == command_kind::reply);
    CHECK(commands[0].type_token == "\"t\"");
    CHECK(commands[0].data == "[1]");
    CHECK(commands[0].report == "\"r1\"");
    CHECK_FALSE(commands[0].has_targets);

    CHECK(commands[1].kind == command_kind::send_clients);
    CHECK(result.of(commands[1].users) == strings{"a", "b@c", "*"});
    CHECK(result.of(commands[1].sessions) == strings{"s1"});
    CHECK(result.of(commands[1].except) == strings{"s2", "s3"});
    CHECK(commands[1].data == "1e999");
    CHECK(commands[1].report == "17");

    CHECK(commands[2].kind == command_kind::send_group);
    CHECK(commands[2].target == "news");
    CHECK(commands[2].type_token == "\"headline\"");
    CHECK(commands[2].except.count == 0);

    CHECK(commands[3].kind == command_kind::join);
    CHECK(commands[3].target == "news");
    CHECK(commands[3].has_targets);
    CHECK(result.of(commands[3].sessions) == strings{"s1", "s2"});

    CHECK(commands[4].kind == command_kind::leave);
    CHECK_FALSE(commands[4].has_targets);
    CHECK(commands[4].data == "null");

    CHECK(commands[5].kind == command_kind::send_handler);
    CHECK(commands[5].target == "other");

    CHECK(commands[6].kind == command_kind::send_servers);
    CHECK(result.of(commands[6].servers) == strings{"*"});

    CHECK(commands[7].kind == command_kind::disconnect);
    CHECK(commands[7].reason == "go\n");
    CHECK(result.of(commands[7].sessions) == strings{"s1"});
    CHECK(result.of(commands[7].users) == strings{"a"});

    CHECK(commands[8].kind == command_kind::unknown);
    CHECK(commands[8].name == "dance");
}

TEST_CASE("handler frame: a malformed command is marked, and those after it are read", "[wire]") {
    const std::string text = GENERATE(
        as<std::string>{},
        // no object, no name
        "1", "null", "[]", "\"reply\"", R"({"command":1})",
        // a needed field is missing
        R"({"command":"sendClients"})", R"({"command":"sendServers"})", R"({"command":"disconnect"})",
        R"({"command":"sendGroup"})", R"({"command":"join"})", R"({"command":"leave","sessions":["a"]})",
        R"({"command":"sendHandler"})",
        // what it takes belongs to another command
        R"({"command":"sendClients","servers":["a"]})", R"({"command":"disconnect","servers":["a"]})",
        R"({"command":"sendServers","users":["a"]})", R"({"command":"sendServers","sessions":["a"]})",
        R"({"command":"sendGroup","handler":"a"})", R"({"command":"join","handler":"a"})",
        R"({"command":"sendHandler","group":"a"})",
        // a field of a wrong kind
        R"({"command":"sendClients","users":"tina"})", R"({"command":"sendClients","users":[1]})",
        R"({"command":"sendClients","users":["a",null]})", R"({"command":"sendClients","users":["a"],"sessions":{}})",
        R"({"command":"sendClients","users":["a"],"except":"s"})", R"({"command":"sendGroup","group":1})",
        R"({"command":"sendGroup","group":""})", R"({"command":"join","group":"no spaces"})",
        R"({"command":"sendHandler","handler":""})", R"({"command":"sendHandler","handler":[]})",
        R"({"command":"sendHandler","handler":"a","key":1})", R"({"command":"sendHandler","handler":"a","key":null})",
        R"({"command":"sendHandler","handler":"a","key":")" + std::string(129, 'k') + "\"}",
        R"({"command":"disconnect","users":["a"],"reason":5})", R"({"command":"reply","type":1})",
        R"({"command":"reply","type":""})", R"({"command":"reply","type":"a\u0001"})",
        R"({"command":"reply","type":null})", R"({"command":"reply","report":{}})",
        R"({"command":"reply","report":null})", R"({"command":"reply","report":true})",
        R"({"command":"reply","report":1.5})", R"({"command":"reply","report":1e3})");
    CAPTURE(text);
    CHECK(is_malformed(text));
}

TEST_CASE("handler frame: limits of a command's fields are exact", "[wire]") {
    const auto with = [](const std::string& field, std::size_t size) {
        return R"({"command":"reply",")" + field + R"(":")" + std::string(size, 'x') + "\"}";
    };
    CHECK_FALSE(is_malformed(with("type", 64)));
    CHECK(is_malformed(with("type", 65)));
    CHECK_FALSE(is_malformed(with("report", 128)));
    CHECK(is_malformed(with("report", 129)));
    CHECK_FALSE(is_malformed(R"({"command":"join","group":")" + std::string(64, 'g') + "\"}"));
    CHECK(is_malformed(R"({"command":"join","group":")" + std::string(65, 'g') + "\"}"));
}

TEST_CASE("handler frame: fields that belong to other commands do not change a command", "[wire]") {
    const decoded result = push(
        R"({"command":"sendHandler","handler":"right","group":"wrong"},{"group":"right","handler":"wrong","command":"join","users":["a"]},)"
        R"({"command":"sendClients","users":[]},{"unknown":{"command":"reply"},"command":"sendServers","servers":[]})");
    REQUIRE(result.is_good);
    const auto& commands = result.frame.commands;
    REQUIRE(commands.size() == 4);
    CHECK(commands[0].target == "right");
    CHECK(commands[1].target == "right");
    CHECK_FALSE(commands[1].has_targets);
    CHECK(commands[2].has_targets);
    CHECK(commands[2].users.count == 0);
    CHECK(commands[3].kind == command_kind::send_servers);
    for (const command& each : commands) CHECK_FALSE(each.is_malformed);
}

TEST_CASE("handler frame: escaped strings of many commands stay apart", "[wire]") {
    std::string commands;
    for (int i = 0; i < 200; ++i)
        commands += (i ? "," : "") + std::string(R"({"command":"send\u0043lients","users":["\u0075ser)") +
                    std::to_string(i) + R"(","b\n"]})";
    const decoded result = push(commands);
    REQUIRE(result.is_good);
    REQUIRE(result.frame.commands.size() == 200);
    for (std::size_t i = 0; i < 200; ++i) {
        CHECK(result.frame.commands[i].kind == command_kind::send_clients);
        CHECK(result.of(result.frame.commands[i].users) == strings{"user" + std::to_string(i), "b\n"});
    }
}

TEST_CASE("handler frame: every field of a query is read", "[wire]") {
    const decoded result{
        R"({"kind":"query","id":1,"query":"listClients","after":"ti\u006ea","limit":50,"user":"u","group":"g","x":[]})"};
    REQUIRE(result.is_good);
    CHECK(result.frame.kind == handler_frame_kind::query);
    CHECK(result.frame.id == 1);
    CHECK(result.frame.query == "listClients");
    CHECK(result.frame.after_user == "tina");
    CHECK(result.frame.limit == 50);
    CHECK(result.frame.user == "u");
    CHECK(result.frame.group == "g");
    CHECK(result.frame.after.empty());
}

TEST_CASE("handler frame: draining needs nothing else", "[wire]") {
    const decoded result{R"({"kind":"draining"})"};
    REQUIRE(result.is_good);
    CHECK(result.frame.kind == handler_frame_kind::draining);
}

TEST_CASE("handler frame: the order among channels is read", "[wire]") {
    const decoded result{R"({"kind":"push","after":{"0":17,"2":40},"commands":[]})"};
    REQUIRE(result.is_good);
    REQUIRE(result.frame.after.size() == 2);
    CHECK(result.frame.after[0].shard == 0);
    CHECK(result.frame.after[0].count == 17);
    CHECK(result.frame.after[1].shard == 2);
    CHECK(result.frame.after[1].count == 40);
}

TEST_CASE("handler frame: the kind may stand last, and unknown fields anywhere", "[wire]") {
    const decoded result{
        R"({"x":{"kind":"push"},"id":3,"commands":[{"y":[1],"command":"reply"}],"z":null,"kind":"answer"})"};
    REQUIRE(result.is_good);
    CHECK(result.frame.kind == handler_frame_kind::answer);
    CHECK(result.frame.commands.size() == 1);
}

TEST_CASE("handler frame: what is not understood is a protocol error", "[wire]") {
    const std::string body = GENERATE(
        as<std::string>{}, "", "{}", "[]", "null", "{", "garbage", R"({"kind":"push")", R"({"kind":"push"}})",
        R"({"kind":"push"} {})", R"({"kind":1})", R"({"kind":"hello"})", R"({"kind":"message","id":1})",
        R"({"kind":"Answer","id":1})", R"({"kind":""})",
        // ids
        R"({"kind":"answer"})", R"({"kind":"query","query":"listPeers"})", R"({"kind":"answer","id":-1})",
        R"({"kind":"answer","id":"1"})", R"({"kind":"answer","id":1.5})", R"({"kind":"answer","id":9007199254740992})",
        R"({"kind":"answer","id":null})",
        // commands and what is in them
        R"({"kind":"push","commands":{}})", R"({"kind":"push","commands":null})",
        R"({"kind":"push","commands":"reply"})", R"({"kind":"push","commands":[{]})",
        R"({"kind":"push","commands":[{"command":"reply","data":nul}]})",
        R"({"kind":"push","commands":[{"command":"reply","data":01}]})",
        R"({"kind":"push","commands":[{"command":"reply"},]})", R"({"kind":"push","commands":[{"command":"\q"}]})",
        "{\"kind\":\"push\",\"commands\":[{\"data\":\"\xff\"}]}",
        // errors
        R"({"kind":"answer","id":1,"error":"x"})", R"({"kind":"answer","id":1,"error":{}})",
        R"({"kind":"answer","id":1,"error":{"code":""}})", R"({"kind":"answer","id":1,"error":{"code":"Not A Code"}})",
        R"({"kind":"answer","id":1,"error":{"code":1}})", R"({"kind":"answer","id":1,"error":{"code":"x","reason":1}})",
        R"({"kind":"answer","id":1,"error":{"code":"x","temporary":"yes"}})",
        R"({"kind":"answer","id":1,"error":{"reason":"x"}})", R"({"kind":"answer","id":1,"error":[]})",
        // after
        R"({"kind":"push","after":1})", R"({"kind":"push","after":[]})", R"({"kind":"push","after":{"a":1}})",
        R"({"kind":"push","after":{"":1}})", R"({"kind":"push","after":{"1x":1}})",
        R"({"kind":"push","after":{"-1":1}})", R"({"kind":"push","after":{"0":"1"}})",
        R"({"kind":"push","after":{"0":-1}})", R"({"kind":"push","after":{"4294967296":1}})",
        // query fields
        R"({"kind":"query","id":1,"query":5})", R"({"kind":"query","id":1,"query":"isClient","user":1})",
        R"({"kind":"query","id":1,"query":"listGroup","group":[]})",
        R"({"kind":"query","id":1,"query":"listClients","limit":"all"})");
    CAPTURE(body);
    CHECK_FALSE(decoded{body}.is_good);
}

TEST_CASE("handler frame: what was not understood is said, and where", "[wire]") {
    const auto [body, words] = GENERATE(table<std::string, std::string>({
        {R"({"kind":"push","commands":[}])", R"(no JSON as expected at byte 27 (29 bytes): …sh","commands":[}])"},
        {R"({"kind":"push"} {})", R"(no JSON as expected at byte 16 (18 bytes): {"kind":"push"} {})"},
        {"{\"kind\":\"push\",\"x\":\"\xff\"}", R"(no UTF-8 at byte 20 (23 bytes): …nd":"push","x":"\xff"})"},
        {R"({"kind":"push","x":"never)",
         R"(a string that does not end, or with a control character in it (25 bytes): {"kind":"push","x":"never)"},
        {R"({"kind":"what"})", R"(there is no such `kind` (15 bytes): {"kind":"what"})"},
        {R"({"kind":"query"})", R"(`id` is missing (16 bytes): {"kind":"query"})"},
        {R"({"kind":"answer","id":1,"error":{"code":"No"}})",
         R"(`error` has no `code` of 1 to 64 of a-z, 0-9, _ (46 bytes): {"kind":"answer","id":1,"error":{"code":"No"}})"},
    }));
    json_reader reader;
    handler_frame frame;
    const padded bytes{body};
    REQUIRE_FALSE(decode_handler_frame(reader, bytes.view(), frame));
    CHECK(describe_problem(reader, bytes.view(), frame) == words);
}

TEST_CASE("excerpt: a line of printable ASCII around a place, whatever the bytes are", "[wire]") {
    const std::string long_text = std::string(100, 'a') + "\n\xc3\xa4" + std::string(100, 'b');
    CHECK(excerpt(long_text, 100) == "…" + std::string(16, 'a') + "\\x0a\\xc3\\xa4" + std::string(29, 'b') + "…");
    CHECK(excerpt("abc", 2) == "abc");
    CHECK(excerpt("abc", 99) == "abc");
    CHECK(excerpt("", 0).empty());
    CHECK(first_invalid_utf8("ä€😀") == std::string_view::npos);
    const auto bad = GENERATE(as<std::string>{}, "\x80", "\xc3", "\xc0\xaf", "\xe0\x80\xaf", "\xed\xa0\x80",
                              "\xf0\x80\x80\x80", "\xf4\x90\x80\x80", "\xff", "\xe2\x82");
    CHECK(first_invalid_utf8("ok " + bad + "x") == 3);
}

TEST_CASE("handler frame: a report that is none is not told back", "[wire]") {
    const decoded result{
        R"({"kind":"push","commands":[{"command":"join","group":"g","sessions":[],"report":{"a":1}}]})"};
    REQUIRE(result.is_good);
    CHECK(result.frame.commands.at(0).is_malformed);
    CHECK(result.frame.commands.at(0).report.empty());
}

TEST_CASE("handler frame: a pong", "[wire]") {
    const decoded result{R"({"kind":"pong"})"};
    REQUIRE(result.is_good);
    CHECK(result.frame.kind == handler_frame_kind::pong);
}

TEST_CASE("handler frame: what a frame says does not change when the reader reads something else", "[wire]") {
    json_reader reader;
    handler_frame frame;
    // Short ones, too: their text must not lie within an object that moves.
    const padded body{R"({"kind":"p\u0075sh","commands":[{"command":"disconnect","users":["g\u0075stav","\u0061"],)"
                      R"("reason":"\u0071uiet"}]})"};
    REQUIRE(decode_handler_frame(reader, body.view(), frame));
    for (int i = 0; i < 3; ++i) {
        const padded other{R"({"m\u0061llory":"M\u0041LLORYS_PRIVATE_TEXT","\u0062":"\u0063"})"};
        REQUIRE(reader.start(other.view()));
        REQUIRE(reader.object([&](std::string_view) {
            std::string_view value;
            return reader.string(value);
        }));
    }
    REQUIRE(frame.strings.size() == 2);
    CHECK(frame.strings[0] == "gustav");
    CHECK(frame.strings[1] == "a");
    CHECK(frame.commands[0].reason == "quiet");
}

TEST_CASE("handler frame: nothing of the last frame is left in the next", "[wire]") {
    json_reader reader;
    handler_frame frame;
    const padded full{
        R"({"kind":"answer","id":9,"error":{"code":"x","reason":"r","temporary":true},"after":{"0":1},"query":"q","user":"u","group":"g","limit":3,"commands":[{"command":"sendClients","users":["a"]}]})"};
    REQUIRE(decode_handler_frame(reader, full.view(), frame));
    const padded page{R"({"kind":"query","id":1,"after":"tina"})"};
    REQUIRE(decode_handler_frame(reader, page.view(), frame));
    const padded bare{R"({"kind":"push"})"};
    REQUIRE(decode_handler_frame(reader, bare.view(), frame));
    CHECK_FALSE(frame.has_id);
    CHECK(frame.id == 0);
    CHECK_FALSE(frame.has_error);
    CHECK_FALSE(frame.error_is_temporary);
    CHECK(frame.error_code.empty());
    CHECK(frame.error_reason.empty());
    CHECK(frame.commands.empty());
    CHECK(frame.strings.empty());
    CHECK(frame.after.empty());
    CHECK(frame.after_user.empty());
    CHECK(frame.query.empty());
    CHECK(frame.user.empty());
    CHECK(frame.group.empty());
    CHECK(frame.limit == 0);
}

}  // namespace bester::wire
