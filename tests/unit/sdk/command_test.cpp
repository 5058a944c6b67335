#include <catch2/catch.hpp>

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include <bester/answer.hpp>
#include <bester/message.hpp>

#include "frame_writer.hpp"
#include "wire/handler_codec.hpp"
#include "wire/json_reader.hpp"

namespace {

using nlohmann::json;
using namespace bester;

json as_json(commands list) {
    detail::output_buffer out;
    detail::begin_push(out);
    detail::append_commands(out, list, 1);
    detail::end_ordered(out, {});
    return json::parse(out.view().substr(4)).value("commands", json::array());
}

struct letter {
    std::string to;
    std::string text;
};
void from_json(const json& from, letter& read) {
    from.at("to").get_to(read.to);
    from.at("text").get_to(read.text);
}
void to_json(json& made, const letter& from) { made = {{"to", from.to}, {"text", from.text}}; }

}  // namespace

TEST_CASE("commands: each is written as the handler page says", "[sdk]") {
    const std::vector<std::string> listed{"s1", "s2"};
    struct row {
        command made;
        const char* expected;
    };
    std::vector<row> rows;
    rows.push_back({reply({{"text", "Hallo"}}), R"({"command":"reply","data":{"text":"Hallo"}})"});
    rows.push_back({reply("words"), R"({"command":"reply","data":"words"})"});
    rows.push_back({reply(7), R"({"command":"reply","data":7})"});
    rows.push_back({reply({}), R"({"command":"reply","data":null})"});
    rows.push_back({reply(letter{"g", "t"}), R"({"command":"reply","data":{"to":"g","text":"t"}})"});
    rows.push_back({reply(raw_json{"[1,2]"}), R"({"command":"reply","data":[1,2]})"});
    rows.push_back({reply(1).type("other"), R"({"command":"reply","data":1,"type":"other"})"});
    rows.push_back({send_clients("gustav", 1), R"({"command":"sendClients","users":["gustav"],"data":1})"});
    rows.push_back({send_clients({"tina", "gustav"}, raw_json{"{}"}),
                    R"({"command":"sendClients","users":["tina","gustav"],"data":{}})"});
    rows.push_back({send_clients(listed, 1).except("s9"),
                    R"({"command":"sendClients","users":["s1","s2"],"data":1,"except":["s9"]})"});
    rows.push_back({send_sessions(listed, 1), R"({"command":"sendClients","sessions":["s1","s2"],"data":1})"});
    rows.push_back({send_clients(std::vector<std::string>{}, 1), R"({"command":"sendClients","users":[],"data":1})"});
    rows.push_back({send_group("news", 1), R"({"command":"sendGroup","group":"news","data":1})"});
    rows.push_back({join("news"), R"({"command":"join","group":"news"})"});
    rows.push_back({join("news", listed), R"({"command":"join","group":"news","sessions":["s1","s2"]})"});
    rows.push_back({leave("news"), R"({"command":"leave","group":"news"})"});
    rows.push_back({leave("news", "s1"), R"({"command":"leave","group":"news","sessions":["s1"]})"});
    rows.push_back({send_handler("other", 1), R"({"command":"sendHandler","handler":"other","data":1})"});
    rows.push_back({send_handler("other", 1).key("room \"7\""),
                    R"({"command":"sendHandler","handler":"other","data":1,"key":"room \"7\""})"});
    rows.push_back({send_servers("*", 1), R"({"command":"sendServers","servers":["*"],"data":1})"});
    rows.push_back({disconnect("tina", "bye"), R"({"command":"disconnect","users":["tina"],"reason":"bye"})"});
    rows.push_back(
        {disconnect_sessions("s1", "\"x\""), R"({"command":"disconnect","sessions":["s1"],"reason":"\"x\""})"});
    for (auto& it : rows) {
        CAPTURE(it.expected);
        CHECK(as_json(std::move(it.made)) == json::array({json::parse(it.expected)}));
    }
}

TEST_CASE("commands: what the SDK writes the broker's codec reads", "[sdk]") {
    commands list{join("news"),
                  send_clients({"tina", "gu\"stav"}, raw_json{R"({"a":1})"}).type("t").report([](auto&) {})};
    list << reply("x").report([](const delivery_report&) {});
    detail::output_buffer out;
    const std::vector<detail::order_entry> after{{0, 17}, {2, 40}};
    detail::begin_answer(out, 77, refuse("a_code", "a \"reason\"", temporary).error());
    detail::append_commands(out, list, 41);
    detail::end_ordered(out, after);
    const std::string bytes = std::string{out.view()} + std::string(wire::json_padding, ' ');
    const auto frame = wire::decode_frame({bytes.data(), out.size()}, 1 << 20);
    REQUIRE(frame.status == wire::frame_status::complete);
    CHECK(frame.consumed == out.size());

    wire::json_reader reader;
    wire::handler_frame read;
    REQUIRE(wire::decode_handler_frame(reader, frame.body, read));
    CHECK(read.kind == wire::handler_frame_kind::answer);
    CHECK(read.id == 77);
    CHECK(read.error_code == "a_code");
    CHECK(read.error_reason == "a \"reason\"");
    CHECK(read.error_is_temporary);
    REQUIRE(read.commands.size() == 3);
    CHECK(read.commands[0].kind == wire::command_kind::join);
    CHECK(read.commands[0].report.empty());
    CHECK(read.commands[1].kind == wire::command_kind::send_clients);
    CHECK(read.commands[1].report == "41");
    CHECK(read.commands[1].data == R"({"a":1})");
    CHECK(read.strings.at(read.commands[1].users.begin + 1) == "gu\"stav");
    CHECK(read.commands[2].report == "42");
    for (const auto& it : read.commands) CHECK_FALSE(it.is_malformed);
    REQUIRE(read.after.size() == 2);
    CHECK(read.after[1].shard == 2);
    CHECK(read.after[1].count == 40);
}

TEST_CASE("commands: bytes that are not UTF-8 never make a frame that is not JSON", "[sdk]") {
    const auto made = as_json({reply(std::string{"a\xff z"}), join("gr\xc3oup")});
    CHECK(made[0]["data"] == "a\xEF\xBF\xBD z");
}

TEST_CASE("commands: a list knows whether it is replies alone", "[sdk]") {
    commands list;
    CHECK(list.empty());
    CHECK(list.is_only_replies());
    list << reply(1);
    CHECK(list.is_only_replies());
    list << join("g");
    CHECK_FALSE(list.is_only_replies());
    CHECK_FALSE(list.empty());
}

TEST_CASE("refuse: a code that the broker would not take is the author's mistake", "[sdk]") {
    CHECK_THROWS_AS(refuse("Bad Code", ""), std::invalid_argument);
    CHECK_THROWS_AS(refuse("", ""), std::invalid_argument);
    CHECK_THROWS_AS(refuse(std::string(65, 'a'), ""), std::invalid_argument);
    CHECK(json::parse(refuse("moved", "gustav\nhas moved").error()) ==
          json{{"code", "moved"}, {"reason", "gustav\nhas moved"}, {"temporary", false}});
    CHECK(json::parse(refuse("later", "", temporary).error())["temporary"] == true);
}

TEST_CASE("message: typed data that does not fit refuses the letter", "[sdk]") {
    message_fields fields;
    fields.data = R"({"to":"gustav","text":"Hallo"})";
    CHECK(message{fields}.get<letter>().to == "gustav");
    fields.data = R"({"to":7})";
    try {
        (void)message{fields}.get<letter>();
        FAIL("nothing was thrown");
    } catch (const refusal& why) {
        CHECK(why.code() == "bad_data");
        CHECK_FALSE(why.is_temporary());
    }
}

TEST_CASE("message: roles and times are there when asked for", "[sdk]") {
    message_fields fields;
    fields.roles = R"(["admin","staff"])";
    fields.time_ms = 1'790'000'000'000;
    const message m{fields};
    CHECK(m.roles() == std::vector<std::string>{"admin", "staff"});
    CHECK(m.has_role("staff"));
    CHECK_FALSE(m.has_role("boss"));
    CHECK(m.claims() == nlohmann::json::object());
    CHECK(m.time().time_since_epoch() == std::chrono::milliseconds{1'790'000'000'000});
    CHECK(m.data().is_null());
}
