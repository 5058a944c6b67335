#include <catch2/catch.hpp>

#include <concepts>
#include <ranges>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <bester/answer.hpp>
#include <bester/handler.hpp>
#include <bester/message.hpp>

#include "frame_writer.hpp"
#include "wire/handler_codec.hpp"
#include "wire/json_reader.hpp"

namespace {

using nlohmann::json;
using namespace bester;

json as_json(answer what) {
    detail::output_buffer out;
    detail::begin_push(out);
    detail::append_commands(out, what.list(), 1);
    detail::end_ordered(out, {});
    return json::parse(out.view().substr(4)).value("commands", json::array());
}

TEST_CASE("sdk: what an author's own test sees of answers, commands and responders", "[sdk]") {
    answer both = refuse("no_such_user", "gustav has moved", temporary);
    both << reply(1) << send_clients("gustav", {{"a", 2}}).type("t");
    const auto shown = both.json();
    CHECK(shown["error"] == json{{"code", "no_such_user"}, {"reason", "gustav has moved"}, {"temporary", true}});
    CHECK(shown["commands"].size() == 2);
    CHECK(shown["commands"][1]["users"] == json::array({"gustav"}));
    CHECK(answer{}.json() == json{{"commands", json::array()}});
    CHECK(commands{join("g", "s1")}.json()[0]["command"] == "join");

    std::vector<json> answers;
    const auto taker = [&](answer what) { answers.push_back(what.json()); };
    {
        responder door{taker};
        CHECK_FALSE(door.is_answered());
        responder moved{std::move(door)};
        CHECK_FALSE(moved.is_answered());
        moved.answer(reply("in"));
        CHECK(moved.is_answered());
        moved.answer(reply("again"));
        responder dropped{taker};
        dropped = std::move(moved);
    }
    REQUIRE(answers.size() == 2);
    CHECK(answers[0]["commands"][0]["data"] == "in");
    CHECK(answers[1]["error"]["code"] == "handler_gave_no_answer");
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

TEST_CASE("commands: a field that is given again is there once", "[sdk]") {
    const std::vector<std::string> none;
    struct row {
        command made;
        const char* text;
    };
    std::vector<row> rows;
    rows.push_back({send_group("g", 1).except("a").except("b").except(none).except({"c", "d"}),
                    R"({"command":"sendGroup","group":"g","data":1,"except":["a","b","c","d"]})"});
    rows.push_back({send_group("g", 1).except(none).type("t").except("b"),
                    R"({"command":"sendGroup","group":"g","data":1,"except":["b"],"type":"t"})"});
    rows.push_back({send_group("g", 1).except(none).type("t"),
                    R"({"command":"sendGroup","group":"g","data":1,"except":[],"type":"t"})"});
    rows.push_back({reply(1).type("a longer one").type("b"), R"({"command":"reply","data":1,"type":"b"})"});
    rows.push_back({send_handler("h", 1).key("1").type("t").key("\"22\"").type("longer"),
                    R"({"command":"sendHandler","handler":"h","data":1,"key":"\"22\"","type":"longer"})"});
    rows.push_back(
        {send_sessions("s0", 1).sessions("s1"), R"({"command":"sendClients","sessions":["s0","s1"],"data":1})"});
    rows.push_back(
        {send_clients("u", 1).sessions("s0").except("x").sessions("s1").except("y").type("t"),
         R"({"command":"sendClients","users":["u"],"data":1,"sessions":["s0","s1"],"except":["x","y"],"type":"t"})"});
    rows.push_back({disconnect_sessions("s0", "bye").sessions("s1"),
                    R"({"command":"disconnect","sessions":["s0","s1"],"reason":"bye"})"});
    rows.push_back({disconnect("u", "bye").sessions("s0").sessions("s1"),
                    R"({"command":"disconnect","users":["u"],"reason":"bye","sessions":["s0","s1"]})"});
    for (auto& it : rows) CHECK(answer{std::move(it.made)}.list().text() == it.text);

    answer reported{send_sessions("s0", 1).report([](auto&) {}).report([](auto&) {}).sessions("s1").type("t")};
    REQUIRE(reported.list().reports().size() == 1);
    CHECK(as_json(std::move(reported)) ==
          json::parse(R"([{"command":"sendClients","sessions":["s0","s1"],"data":1,"report":1,"type":"t"}])"));
}

TEST_CASE("commands: they can be built step by step", "[sdk]") {
    auto made = send_clients("u", 1);
    made.type("t").except("a");
    if (made.except("b").sessions("s").report([](auto&) {}); true) made.type("last");
    CHECK(
        as_json(std::move(made)) ==
        json::parse(
            R"([{"command":"sendClients","users":["u"],"data":1,"type":"last","except":["a","b"],"sessions":["s"],"report":1}])"));
    auto passed_on = send_handler("h", 1);
    passed_on.key("k");
    CHECK(as_json(std::move(passed_on)) ==
          json::parse(R"([{"command":"sendHandler","handler":"h","data":1,"key":"k"}])"));
    command any = join("g");
    any.report([](auto&) {});
    CHECK(as_json(std::move(any)) == json::parse(R"([{"command":"join","group":"g","report":1}])"));
}

TEST_CASE("commands: names may come from a view that filters or makes them", "[sdk]") {
    const std::vector<std::string> all{"tina", "gustav", "tom"};
    auto with_t = all | std::views::filter([](const std::string& name) { return name.front() == 't'; });
    auto elsewhere =
        all | std::views::transform([](const std::string& name) { return name + "@a server with a name"; });
    CHECK(name_list{with_t}.text() == R"("tina","tom")");
    CHECK(name_list{all | std::views::filter([](const std::string& name) { return name.size() > 4; })}.text() ==
          R"("gustav")");
    CHECK(name_list{elsewhere}.text() ==
          R"("tina@a server with a name","gustav@a server with a name","tom@a server with a name")");
}

namespace {

// What cannot be meant does not compile. Each has a sibling that does, so that the question itself is right.
template <class Made>
concept takes_type = requires(Made it) {
    std::move(it).type("t");
    it.type("t");
};
template <class Made>
concept takes_key = requires(Made it) {
    std::move(it).key("k");
    it.key("k");
};
template <class Made>
concept takes_except = requires(Made it) {
    std::move(it).except("s");
    it.except("s");
};
template <class Made>
concept takes_sessions = requires(Made it) {
    std::move(it).sessions("s");
    it.sessions("s");
};
template <class Made>
concept can_be_pushed = requires(handler& to, Made it) {
    to.push(std::move(it));
};
template <class Made>
concept can_be_pushed_with_others = requires(commands& list, Made it) {
    list << std::move(it);
};
template <class Made>
concept can_answer = std::convertible_to<Made, answer>;

using to_sender = decltype(reply(1));
using to_clients = decltype(send_clients("u", 1));
using to_group = decltype(send_group("g", 1));
using to_handler = decltype(send_handler("h", 1));
using to_servers = decltype(send_servers("*", 1));
using of_sender = decltype(join("g"));
using of_sessions = decltype(leave("g", "s"));
using closing = decltype(disconnect("u", "why"));

static_assert(takes_type<to_sender> && takes_type<to_clients> && takes_type<to_group> && takes_type<to_handler> &&
              takes_type<to_servers> && !takes_type<of_sender> && !takes_type<of_sessions> && !takes_type<closing>);
static_assert(takes_key<to_handler> && !takes_key<to_sender> && !takes_key<to_clients> && !takes_key<to_group> &&
              !takes_key<to_servers> && !takes_key<of_sender> && !takes_key<closing>);
static_assert(takes_except<to_clients> && takes_except<to_group> && !takes_except<to_sender> &&
              !takes_except<to_handler> && !takes_except<to_servers> && !takes_except<of_sender> &&
              !takes_except<closing>);
static_assert(takes_sessions<to_clients> && takes_sessions<closing> && !takes_sessions<to_sender> &&
              !takes_sessions<to_group> && !takes_sessions<of_sender> && !takes_sessions<of_sessions>);

using typed_to_clients = decltype(send_clients("u", 1).type("t").except("s"));
using typed_to_group = decltype(send_group("g", 1).except("s").type("t").report({}));
using typed_to_sender = decltype(reply(1).type("t"));
static_assert(can_be_pushed<typed_to_clients> && can_be_pushed<typed_to_group> && can_be_pushed<of_sessions> &&
              can_be_pushed<closing> && can_be_pushed<commands> &&
              can_be_pushed<decltype(send_servers("*", 1).type("t"))>);
static_assert(!can_be_pushed<to_sender> && !can_be_pushed<typed_to_sender> && !can_be_pushed<to_clients> &&
              !can_be_pushed<to_group> && !can_be_pushed<to_handler> && !can_be_pushed<to_servers> &&
              !can_be_pushed<of_sender> && !can_be_pushed<command> && !can_be_pushed<answer>);
static_assert(can_be_pushed_with_others<typed_to_group> && !can_be_pushed_with_others<to_group> &&
              !can_be_pushed_with_others<to_sender> && !can_be_pushed_with_others<of_sender>);
static_assert(can_answer<to_sender> && can_answer<typed_to_clients> && can_answer<to_group> && can_answer<of_sender> &&
              can_answer<closing> && can_answer<command> && can_answer<commands>);

// JSON text is not taken for a string.
static_assert(!std::convertible_to<raw_json, json> && !std::convertible_to<raw_json, std::string_view>);

}  // namespace

TEST_CASE("commands: a message's own text is passed on as it is", "[sdk]") {
    message_fields fields;
    fields.data = R"({"a": [1,"x"]})";
    const message m{fields};
    CHECK(answer{reply(m.raw())}.list().text() == R"({"command":"reply","data":{"a": [1,"x"]}})");
    CHECK(answer{send_group("g", m.raw())}.list().text() ==
          R"({"command":"sendGroup","group":"g","data":{"a": [1,"x"]}})");
}

TEST_CASE("commands: what the SDK writes the broker's codec reads", "[sdk]") {
    answer list{join("news"),
                send_clients({"tina", "gu\"stav"}, raw_json{R"({"a":1})"}).type("t").report([](auto&) {})};
    list << reply("x").report([](const delivery_report&) {});
    detail::output_buffer out;
    const std::vector<detail::order_entry> after{{0, 17}, {2, 40}};
    detail::begin_answer(out, 77, refuse("a_code", "a \"reason\"", temporary).error());
    detail::append_commands(out, list.list(), 41);
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
    detail::command_list list;
    CHECK(list.empty());
    CHECK(list.is_only_replies());
    list.add(reply(1));
    CHECK(list.is_only_replies());
    list.add(join("g"));
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
