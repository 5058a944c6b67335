#include <array>
#include <catch2/catch.hpp>
#include <cstring>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "padded.hpp"
#include "wire/json_reader.hpp"
#include "wire/link_message.hpp"
#include "wire/names.hpp"

namespace bester::wire {
namespace {

constexpr std::array<std::string_view, 3> some_users{"gustav", "g+7", "x"};
constexpr std::array<unreached_user, 2> some_unreached{{{"gustav", "recipient_offline"}, {"x", "busy"}}};
constexpr std::string_view some_data = R"({"text":"Hallo"})";

deliver_message some_deliver() {
    return {1, 4'000, false, R"("chat")", "berta@other.server", user_list{some_users}, some_data};
}
submit_message some_submit() { return {2, 5'000, 3, R"("chat")", "gustav", "00ab", R"("id 7")", some_data}; }
reply_message some_reply() { return {"00ab", R"("id 7")", R"("chat")", some_data}; }
result_message some_result() { return {3, 17, "forbidden", true, "not for you", unreached_list{some_unreached}}; }

std::vector<link_message> all_messages() {
    deliver_message to_all = some_deliver();
    to_all.users = {};
    to_all.is_for_everybody = true;
    to_all.sender = {};
    submit_message bare = some_submit();
    bare.session = bare.id_token = {};
    return {some_deliver(), to_all, some_submit(), bare, some_reply(), some_result(), result_message{}, void_message{}};
}

std::string encoded(const link_message& message) {
    std::string out;
    append_link_message(out, message);
    return out;
}

link_error error_of(std::string_view body) {
    const std::unique_ptr<char[]> copy{new char[body.size()]};
    if (!body.empty()) std::memcpy(copy.get(), body.data(), body.size());
    link_message message;
    return decode_link_message({copy.get(), body.size()}, message);
}

/// The encoder does not check, the decoder and check_link_message must say the same.
link_error both_say(const link_message& message) {
    const link_error said = check_link_message(message);
    CHECK(error_of(encoded(message)) == said);
    return said;
}

link_error json_error_of(const link_message& message) {
    const test::padded body{encoded(message)};
    json_reader reader;
    link_message read;
    REQUIRE(decode_link_message(body.view(), read) == link_error::none);
    return check_message_json(reader, read);
}

std::string quoted(std::size_t size) { return '"' + std::string(size, 't') + '"'; }

/// `message` with one field changed.
template <class Message, class Value>
Message with(Message message, Value Message::*field, Value value) {
    message.*field = value;
    return message;
}

}  // namespace

TEST_CASE("link message: every kind comes out as it went in, in the size foretold", "[wire]") {
    for (const link_message& message : all_messages()) {
        CAPTURE(message.index());
        const std::string body = encoded(message);
        CHECK(link_message_size(message) == body.size());
        CHECK(check_link_message(message) == link_error::none);
        link_message read;
        REQUIRE(decode_link_message(body, read) == link_error::none);
        CHECK(read.index() == message.index());
        CHECK(encoded(read) == body);
        CHECK(json_error_of(message) == link_error::none);
    }
    CHECK(encoded(void_message{}) == void_body);
}

TEST_CASE("link message: the fields of a deliver message", "[wire]") {
    const std::string body = encoded(some_deliver());
    link_message message;
    REQUIRE(decode_link_message(body, message) == link_error::none);
    const auto& read = std::get<deliver_message>(message);
    CHECK(read.ref == 1);
    CHECK(read.budget_ms == 4'000);
    CHECK_FALSE(read.is_for_everybody);
    CHECK(read.type_token == R"("chat")");
    CHECK(read.sender == "berta@other.server");
    CHECK(std::vector<std::string_view>(read.users.begin(), read.users.end()) ==
          std::vector<std::string_view>(some_users.begin(), some_users.end()));
    CHECK(read.data == some_data);
}

TEST_CASE("link message: the fields of submit, reply and result messages", "[wire]") {
    link_message message;
    const std::string submit_body = encoded(some_submit());
    REQUIRE(decode_link_message(submit_body, message) == link_error::none);
    const auto submit = std::get<submit_message>(message);
    CHECK(submit.ref == 2);
    CHECK(submit.budget_ms == 5'000);
    CHECK(submit.hops == 3);
    CHECK(submit.type_token == R"("chat")");
    CHECK(submit.user == "gustav");
    CHECK(submit.session == "00ab");
    CHECK(submit.id_token == R"("id 7")");
    CHECK(submit.data == some_data);
    const std::string reply_body = encoded(some_reply());
    REQUIRE(decode_link_message(reply_body, message) == link_error::none);
    const auto reply = std::get<reply_message>(message);
    CHECK(reply.session == "00ab");
    CHECK(reply.id_token == R"("id 7")");
    CHECK(reply.type_token == R"("chat")");
    CHECK(reply.data == some_data);
    const std::string result_body = encoded(some_result());
    REQUIRE(decode_link_message(result_body, message) == link_error::none);
    const auto result = std::get<result_message>(message);
    CHECK(result.ref == 3);
    CHECK(result.delivered == 17);
    CHECK(result.code == "forbidden");
    CHECK(result.is_temporary);
    CHECK(result.reason == "not for you");
    CHECK(std::vector<unreached_user>(result.unreached.begin(), result.unreached.end()) ==
          std::vector<unreached_user>(some_unreached.begin(), some_unreached.end()));
}

TEST_CASE("link message: cut anywhere before its data it is refused", "[wire]") {
    for (const link_message& message : all_messages()) {
        const std::string body = encoded(message);
        const bool has_data = body.ends_with(some_data);
        const std::size_t fixed = has_data ? body.size() - some_data.size() : body.size();
        for (std::size_t size = 0; size < body.size(); ++size) {
            CAPTURE(message.index(), size);
            const link_error expected = size < fixed    ? link_error::truncated
                                        : size == fixed ? link_error::bad_data
                                                        : link_error::none;
            CHECK(error_of(std::string_view{body}.substr(0, size)) == expected);
        }
        if (!has_data) CHECK(error_of(body + "x") == link_error::trailing_bytes);
    }
}

TEST_CASE("link message: only the known operations are read", "[wire]") {
    for (int operation = 0; operation < 256; ++operation) {
        CAPTURE(operation);
        const link_error error = error_of(std::string(1, static_cast<char>(operation)) + std::string(40, '\0'));
        CHECK((error == link_error::unknown_operation) == (operation < 1 || operation > 5));
    }
}

TEST_CASE("link message: tokens and data are bounded", "[wire]") {
    const std::string longest = quoted(6 * max_type_size);
    const std::string too_long = quoted(6 * max_type_size + 1);
    for (const std::string_view token :
         {std::string_view{}, std::string_view{"\""}, std::string_view{"\"\""}, std::string_view{"chat"},
          std::string_view{"\"chat"}, std::string_view{too_long}}) {
        CAPTURE(token);
        CHECK(both_say(with(some_deliver(), &deliver_message::type_token, token)) == link_error::bad_token);
        CHECK(both_say(with(some_submit(), &submit_message::type_token, token)) == link_error::bad_token);
        CHECK(both_say(with(some_reply(), &reply_message::type_token, token)) == link_error::bad_token);
    }
    CHECK(both_say(with(some_reply(), &reply_message::type_token, std::string_view{longest})) == link_error::none);
    const std::string long_id = quoted(max_id_size);
    const std::string too_long_id = quoted(max_id_size + 1);
    struct {
        std::string_view id;
        link_error expected;
    } const ids[] = {
        {"", link_error::none},       {R"("")", link_error::none},   {long_id, link_error::none},
        {"7", link_error::bad_token}, {"\"", link_error::bad_token}, {too_long_id, link_error::bad_token},
    };
    for (const auto& [id, expected] : ids) {
        CAPTURE(id);
        CHECK(both_say(with(some_submit(), &submit_message::id_token, id)) == expected);
        CHECK(both_say(with(some_reply(), &reply_message::id_token, id)) == expected);
    }
    CHECK(both_say(with(some_submit(), &submit_message::data, std::string_view{})) == link_error::bad_data);
    CHECK(both_say(with(some_deliver(), &deliver_message::data, std::string_view{})) == link_error::bad_data);
    CHECK(both_say(with(some_reply(), &reply_message::data, std::string_view{})) == link_error::bad_data);
}

TEST_CASE("link message: users and sessions are names, or refused", "[wire]") {
    struct {
        std::string_view user;
        bool is_user;
        bool is_address;
    } const cases[] = {
        {"gustav", true, true},    {"g+1", true, true},          {"gustav@a.b", false, true}, {"", false, false},
        {"gustav@", false, false}, {"@server", false, false},    {"a@b@c", false, false},     {"a b", false, false},
        {"a\"b", false, false},    {"gustav@x+y", false, false},
    };
    for (const auto& [user, is_user, is_address] : cases) {
        CAPTURE(user);
        const std::array<std::string_view, 2> users{"berta", user};
        const std::array<unreached_user, 1> unreached{{{user, "busy"}}};
        const auto expected = [](bool is_good) { return is_good ? link_error::none : link_error::bad_name; };
        CHECK(both_say(with(some_deliver(), &deliver_message::users, user_list{users})) == expected(is_user));
        CHECK(both_say(with(some_deliver(), &deliver_message::sender, user)) == expected(is_address || user.empty()));
        CHECK(both_say(with(some_submit(), &submit_message::user, user)) == expected(is_address));
        CHECK(both_say(with(some_result(), &result_message::unreached, unreached_list{unreached})) ==
              expected(is_user));
    }
    for (const std::string_view session : {"a\"b", "a\\b", "a b", "a\nb", "\x7f", "\xc3\xa4"}) {
        CAPTURE(session);
        CHECK(both_say(with(some_submit(), &submit_message::session, session)) == link_error::bad_name);
        CHECK(both_say(with(some_reply(), &reply_message::session, session)) == link_error::bad_name);
    }
    CHECK(both_say(with(some_reply(), &reply_message::session, std::string_view{})) == link_error::bad_name);
    CHECK(both_say(with(some_reply(), &reply_message::session, std::string_view{"a/00ab~1:x"})) == link_error::none);
}

TEST_CASE("link message: everybody means no users, and users mean not everybody", "[wire]") {
    CHECK(both_say(with(some_deliver(), &deliver_message::is_for_everybody, true)) == link_error::bad_number);
    CHECK(both_say(with(some_deliver(), &deliver_message::users, user_list{})) == link_error::bad_number);
    std::string body = encoded(some_deliver());
    body[13] = 2;  // a flag that is not known
    CHECK(error_of(body) == link_error::bad_number);
}

TEST_CASE("link message: too many users are refused before they are looked at", "[wire]") {
    const std::vector<std::string_view> most(max_link_users, "u");
    const std::vector<std::string_view> more(max_link_users + 1, "u");
    CHECK(both_say(with(some_deliver(), &deliver_message::users, user_list{most})) == link_error::none);
    CHECK(both_say(with(some_deliver(), &deliver_message::users, user_list{more})) == link_error::too_many_users);
    const std::vector<unreached_user> unreached(max_link_users + 1, {"u", "busy"});
    CHECK(both_say(with(some_result(), &result_message::unreached, unreached_list{unreached})) ==
          link_error::too_many_users);
}

TEST_CASE("link message: error codes are codes, and a long reason is cut between characters", "[wire]") {
    CHECK(both_say(with(some_result(), &result_message::code, std::string_view{"Not a code"})) == link_error::bad_code);
    const std::array<unreached_user, 1> unreached{{{"gustav", ""}}};
    CHECK(both_say(with(some_result(), &result_message::unreached, unreached_list{unreached})) == link_error::bad_code);
    const std::string reason = std::string(max_reason_size - 1, 'r') + "\xc3\xa4 and so on";
    const result_message result = with(some_result(), &result_message::reason, std::string_view{reason});
    const std::string body = encoded(result);
    CHECK(link_message_size(result) == body.size());
    link_message read;
    REQUIRE(decode_link_message(body, read) == link_error::none);
    CHECK(std::get<result_message>(read).reason == std::string(max_reason_size - 1, 'r'));
    std::string odd = encoded(result_message{});
    odd[18] = 2;  // temporary
    CHECK(error_of(odd) == link_error::bad_number);
}

TEST_CASE("link message: the JSON is checked at the destination", "[wire]") {
    struct {
        std::string_view json;
        link_error expected;
    } const data[] = {
        {"null", link_error::none},         {R"({"a":[1,2.5e3,"x"]})", link_error::none}, {" 7 ", link_error::none},
        {"nul", link_error::bad_data},      {R"({"a":1}})", link_error::bad_data},        {"1 2", link_error::bad_data},
        {"\"\xff\"", link_error::bad_data}, {R"({"a":1},"b":2)", link_error::bad_data},   {" ", link_error::bad_data},
    };
    for (const auto& [json, expected] : data) {
        CAPTURE(json);
        CHECK(json_error_of(with(some_deliver(), &deliver_message::data, json)) == expected);
        CHECK(json_error_of(with(some_submit(), &submit_message::data, json)) == expected);
        CHECK(json_error_of(with(some_reply(), &reply_message::data, json)) == expected);
    }
    const std::string longest = quoted(max_type_size);
    const std::string too_long = quoted(max_type_size + 1);
    struct {
        std::string_view token;
        link_error as_type;
        link_error as_id;
    } const tokens[] = {
        {R"("chat")", link_error::none, link_error::none},
        {R"("a\u0041")", link_error::none, link_error::none},
        {"\"\xc3\xa4\"", link_error::none, link_error::none},
        {longest, link_error::none, link_error::none},
        {too_long, link_error::bad_token, link_error::none},
        {R"("a\n")", link_error::bad_token, link_error::none},
        {"\"a\nb\"", link_error::bad_token, link_error::bad_token},
        {R"("a","b")", link_error::bad_token, link_error::bad_token},
        {R"("a\")", link_error::bad_token, link_error::bad_token},
        {R"("a\x")", link_error::bad_token, link_error::bad_token},
        {"\"\xff\"", link_error::bad_token, link_error::bad_token},
    };
    for (const auto& [token, as_type, as_id] : tokens) {
        CAPTURE(token);
        CHECK(json_error_of(with(some_deliver(), &deliver_message::type_token, token)) == as_type);
        CHECK(json_error_of(with(some_submit(), &submit_message::type_token, token)) == as_type);
        CHECK(json_error_of(with(some_reply(), &reply_message::type_token, token)) == as_type);
        CHECK(json_error_of(with(some_submit(), &submit_message::id_token, token)) == as_id);
        CHECK(json_error_of(with(some_reply(), &reply_message::id_token, token)) == as_id);
    }
}

TEST_CASE("link message: the budget is changed in place where there is one", "[wire]") {
    for (const link_message& message : all_messages()) {
        CAPTURE(message.index());
        std::string body = encoded(message);
        set_budget(body.data(), body.size(), 77);
        link_message expected = message;
        if (auto* deliver = std::get_if<deliver_message>(&expected)) deliver->budget_ms = 77;
        if (auto* submit = std::get_if<submit_message>(&expected)) submit->budget_ms = 77;
        CHECK(body == encoded(expected));
    }
    std::string tiny{"\x01\x02"};
    set_budget(tiny.data(), tiny.size(), 77);
    CHECK(tiny == "\x01\x02");
}

}  // namespace bester::wire
