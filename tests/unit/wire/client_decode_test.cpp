#include <catch2/catch.hpp>
#include <optional>
#include <ostream>
#include <random>
#include <string>
#include <vector>

#include "client_reference.hpp"
#include "padded.hpp"
#include "wire/client_codec.hpp"
#include "wire/names.hpp"

namespace bester::wire {

std::ostream& operator<<(std::ostream& out, error_code code) { return out << describe(code).text; }
std::ostream& operator<<(std::ostream& out, credentials_kind kind) { return out << "kind " << static_cast<int>(kind); }

namespace {

using test::padded;

/// A body, decoded; keeps what the message's views point into.
struct decoded {
    explicit decoded(std::string_view body, std::size_t max_depth = 64) : bytes{body}, reader{max_depth} {
        code = decode_client_message(reader, bytes.view(), message, reason);
    }

    padded bytes;
    json_reader reader;
    client_message message;
    std::string_view reason;
    error_code code;
};

std::string with_payload(const std::string& fields) { return R"({"payload":{)" + fields + "}}"; }

std::string with_authentication(const std::string& value) {
    return R"({"header":{"authentication":)" + value + R"(},"payload":{"type":"dummy"}})";
}

}  // namespace

TEST_CASE("client message: every field of the page's example is read", "[wire]") {
    const decoded result{
        R"({"header":  {"scope": "client", "authentication": {"username": "tina", "password": "s3cret"}},
 "payload": {"type": "afrikaans", "data": {"to": "gustav", "text": "Hallo"}, "id": "m1"}})"};
    CHECK(result.code == error_code::none);
    CHECK(result.reason.empty());
    const client_message& message = result.message;
    CHECK(message.scope == "client");
    CHECK(message.credentials == credentials_kind::password);
    CHECK(message.user == "tina");
    CHECK(message.password == "s3cret");
    CHECK(message.type == "afrikaans");
    CHECK(message.type_token == "\"afrikaans\"");
    CHECK(message.data == R"({"to": "gustav", "text": "Hallo"})");
    CHECK(message.id_token == "\"m1\"");
}

TEST_CASE("client message: only the type is needed", "[wire]") {
    const decoded result{with_payload(R"("type":"x")")};
    CHECK(result.code == error_code::none);
    CHECK(result.message.type == "x");
    CHECK(result.message.data == "null");
    CHECK(result.message.id_token.empty());
    CHECK(result.message.scope.empty());
    CHECK(result.message.credentials == credentials_kind::none);
}

TEST_CASE("client message: fields may stand in any order, unknown ones are ignored", "[wire]") {
    const decoded result{
        R"({"v":[{"payload":1}],"payload":{"x":{"type":"no"},"id":"1","data":[1],"type":"t","y":null},"header":{"z":[],"scope":"s"},"w":2})"};
    CHECK(result.code == error_code::none);
    CHECK(result.message.type == "t");
    CHECK(result.message.data == "[1]");
    CHECK(result.message.id_token == "\"1\"");
    CHECK(result.message.scope == "s");
}

TEST_CASE("client message: the data is passed on byte for byte", "[wire]") {
    const std::string data = GENERATE(as<std::string>{}, "null", "1e999", "1234567890123456789012345678901234567890",
                                      "-0", R"("\u0041\ud83d\ude00")", R"({ "a" : [ 1 ,	2 ] })", "[]",
                                      "\"\xf0\x9f\x98\x80\"", R"({"a":1,"a":2})", "true", "0.10");
    CAPTURE(data);
    const decoded result{with_payload(R"("type":"x", "data": )" + data + " ,\"id\":\"1\"")};
    REQUIRE(result.code == error_code::none);
    CHECK(result.message.data == data);
    // In place: the span lies within the frame.
    const std::string_view body = result.bytes.view();
    CHECK(result.message.data.data() >= body.data());
    CHECK(result.message.data.data() + result.message.data.size() <= body.data() + body.size());
}

TEST_CASE("client message: escapes in the type are undone, tokens stay as they stand", "[wire]") {
    const decoded result{with_payload(R"("type":"\u0061b\"","id":"\u0031")")};
    CHECK(result.code == error_code::none);
    CHECK(result.message.type == "ab\"");
    CHECK(result.message.type_token == R"("\u0061b\"")");
    CHECK(result.message.id_token == R"("\u0031")");
    CHECK(decoded{R"({"p\u0061yload":{"\u0074ype":"x"}})"}.code == error_code::none);
}

TEST_CASE("client message: what is no well-formed object is refused as a whole", "[wire]") {
    const std::string body =
        GENERATE(as<std::string>{}, "", "[]", "1", "null", "\"x\"", "{", R"({"payload":{"type":"x"})",
                 R"({"payload":{"type":"x"}}})", R"({"payload":{"type":"x"}} {})",
                 R"({"payload":{"type":"x","data":nul}})", R"({"payload":{"type":"x","data":[1,]}})",
                 R"({"payload":{"type":"x","other":01}})", R"({"payload":{"type":"\q"}})",
                 R"({"payload":{"type":"x","id":"\ud800"}})", R"({"header":{"scope":tru},"payload":{"type":"x"}})",
                 "{\"payload\":{\"type\":\"\xff\"}}", R"({"header":[1,,2],"payload":{"type":"x"}})",
                 R"({"payload":{"type":"x","id":nope}})", R"({"payload":{"type":"x","data"}})");
    CAPTURE(body);
    const decoded result{body};
    CHECK(result.code == error_code::bad_message);
    CHECK(result.reason.find("not well-formed") == 0);
    CHECK(result.message.id_token.empty());
    CHECK(result.message.type.empty());
}

TEST_CASE("client message: a known field that stands twice is refused, whatever its kind", "[wire]") {
    const std::string body = GENERATE(
        as<std::string>{}, R"({"payload":{"type":"x"},"payload":{"type":"x"}})",
        R"({"payload":1,"payload":{"type":"x"}})", R"({"payload":{"type":"x"},"payload":1})",
        R"({"header":{},"header":{},"payload":{"type":"x"}})", R"({"header":1,"payload":{"type":"x"},"header":{}})",
        R"({"payload":{"type":"x","type":"x"}})", R"({"payload":{"type":1,"type":"x"}})",
        R"({"payload":{"type":"x","data":1,"data":1}})", R"({"payload":{"type":"x","id":"1","id":"2"}})",
        R"({"payload":{"type":"x","id":null,"id":"2"}})", R"({"payload":{"type":"x","\u0069d":"1","id":"2"}})",
        R"({"header":{"scope":"a","scope":"b"},"payload":{"type":"x"}})",
        R"({"header":{"scope":1,"scope":"b"},"payload":{"type":"x"}})",
        R"({"header":{"authentication":{},"authentication":{}},"payload":{"type":"x"}})",
        R"({"header":{"authentication":{"username":"tina","username":"root","password":"x"}},"payload":{"type":"x"}})",
        R"({"header":{"authentication":{"username":1,"username":"root","password":"x"}},"payload":{"type":"x"}})",
        R"({"header":{"authentication":{"username":"tina","password":"x","password":"y"}},"payload":{"type":"x"}})",
        R"({"header":{"authentication":{"token":"a","token":"b"}},"payload":{"type":"x"}})");
    CAPTURE(body);
    const decoded result{body};
    CHECK(result.code == error_code::bad_message);
    CHECK(result.reason.find("each field once") != std::string_view::npos);
    CHECK(result.message.credentials == credentials_kind::none);
}

TEST_CASE("client message: unknown fields, and those in the data, may stand twice", "[wire]") {
    CHECK(decoded{with_payload(R"("type":"x","u":1,"u":2,"data":{"type":1,"type":2})")}.code == error_code::none);
}

TEST_CASE("client message: a missing payload or type is named", "[wire]") {
    const auto [body, reason] = GENERATE(table<std::string, std::string>({
        {"{}", "payload is missing"},
        {R"({"header":{}})", "payload is missing"},
        {R"({"payload":null})", "payload is missing"},
        {R"({"payload":[{"type":"x"}]})", "payload is missing"},
        {R"({"payload":{}})", "payload.type is missing"},
        {R"({"payload":{"data":{"type":"x"}}})", "payload.type is missing"},
        {R"({"payload":{"type":1}})", "payload.type is not a string"},
        {R"({"payload":{"type":null}})", "payload.type is not a string"},
        {R"({"payload":{"type":["x"]}})", "payload.type is not a string"},
        {R"({"payload":{"type":""}})", "payload.type is not 1 to 64"},
        {R"({"payload":{"type":"a\nb"}})", "payload.type is not 1 to 64"},
        {R"({"payload":{"type":"\u0000"}})", "payload.type is not 1 to 64"},
        {R"({"payload":{"type":"x","id":1}})", "payload.id is not a string"},
        {R"({"payload":{"type":"x","id":["a"]}})", "payload.id is not a string"},
        {R"({"payload":{"type":"x","key":1}})", "payload.key is not a string"},
        {R"({"payload":{"type":"x","key":null}})", "payload.key is not a string"},
        {R"({"payload":{"type":"x","key":["a"]}})", "payload.key is not a string"},
        {R"({"payload":{"key":"a","type":"x","key":"a"}})", "not well-formed"},
    }));
    CAPTURE(body);
    const decoded result{body};
    CHECK(result.code == error_code::bad_message);
    CHECK(result.reason.find(reason) == 0);
}

TEST_CASE("client message: the id is known even when the rest is wrong, so that the status can name it", "[wire]") {
    CHECK(decoded{with_payload(R"("id":"7")")}.message.id_token == "\"7\"");
    CHECK(decoded{with_payload(R"("type":1,"id":"7")")}.message.id_token == "\"7\"");
    CHECK(decoded{with_payload(R"("id":"7","type":"")")}.message.id_token == "\"7\"");
}

TEST_CASE("client message: a routing key counts as its text, not as it is written", "[wire]") {
    const decoded plain{with_payload(R"("type":"x","key":"room ä","id":"7")")};
    CHECK(plain.code == error_code::none);
    CHECK(plain.message.key_token == "\"room ä\"");
    CHECK(plain.message.key_hash == key_hash("room ä"));
    const decoded escaped{with_payload(R"("type":"\u0078","key":"room \u00e4")")};
    CHECK(escaped.message.type == "x");
    CHECK(escaped.message.key_hash == plain.message.key_hash);
    CHECK(escaped.message.key_token == R"("room \u00e4")");
    CHECK(decoded{with_payload(R"("type":"x","key":"room b")")}.message.key_hash != plain.message.key_hash);
    for (const char* none : {R"("type":"x")", R"("type":"x","key":"")"}) {
        const decoded result{with_payload(none)};
        CHECK(result.code == error_code::none);
        CHECK(result.message.key_token.empty());
        CHECK(result.message.key_hash == 0);
    }
    const auto with_key = [](std::size_t size) {
        return with_payload(R"("key":")" + std::string(size, 'k') + R"(","type":"x","id":"7")");
    };
    CHECK(decoded{with_key(128)}.code == error_code::none);
    const decoded too_long{with_key(129)};
    CHECK(too_long.code == error_code::bad_message);
    CHECK(too_long.reason == "payload.key is longer than 128 bytes");
    CHECK(too_long.message.id_token == "\"7\"");
}

TEST_CASE("client message: an id of null is no id", "[wire]") {
    const decoded result{with_payload(R"("type":"x","id":null)")};
    CHECK(result.code == error_code::none);
    CHECK(result.message.id_token.empty());
}

TEST_CASE("client message: type and id are taken to their limits", "[wire]") {
    const auto with_type = [](std::size_t size) { return with_payload(R"("type":")" + std::string(size, 't') + "\""); };
    CHECK(decoded{with_type(64)}.code == error_code::none);
    CHECK(decoded{with_type(65)}.code == error_code::bad_message);
    // The limit is on the text, not on how it is written.
    std::string escaped;
    for (int i = 0; i < 64; ++i) escaped += "\\u0074";
    CHECK(decoded{with_payload(R"("type":")" + escaped + "\"")}.code == error_code::none);

    const auto with_id = [](std::size_t size) {
        return with_payload(R"("type":"x","id":")" + std::string(size, 'i') + "\"");
    };
    const decoded longest{with_id(128)};
    CHECK(longest.code == error_code::none);
    CHECK(longest.message.id_token.size() == 130);
    const decoded too_long{with_id(129)};
    CHECK(too_long.code == error_code::bad_message);
    CHECK(too_long.reason == "payload.id is longer than 128 bytes");
    CHECK(too_long.message.id_token.empty());
}

TEST_CASE("client message: nesting is limited, the frame's own objects counted", "[wire]") {
    CHECK(decoded{with_payload(R"("type":"x","data":[[]])"), 4}.code == error_code::none);
    CHECK(decoded{with_payload(R"("type":"x","data":[[[]]])"), 4}.code == error_code::bad_message);
}

TEST_CASE("client message: what the authentication says decides its kind", "[wire]") {
    const auto [value, kind] = GENERATE(table<std::string, credentials_kind>({
        {R"({"username":"tina","password":"x"})", credentials_kind::password},
        {R"({"password":"","username":""})", credentials_kind::password},
        {R"({"username":"tina","password":"x","token":"t"})", credentials_kind::password},
        {R"({"username":"tina","password":"x","more":[1]})", credentials_kind::password},
        {R"({"token":"t"})", credentials_kind::token},
        {R"({"token":{"any":1}})", credentials_kind::token},
        {R"({"username":"tina","token":"t"})", credentials_kind::token},
        {R"({"username":"tina"})", credentials_kind::unknown},
        {R"({"password":"x"})", credentials_kind::unknown},
        {R"({"username":1,"password":"x"})", credentials_kind::unknown},
        {R"({"username":"tina","password":null})", credentials_kind::unknown},
        {"{}", credentials_kind::unknown},
        {"null", credentials_kind::unknown},
        {"\"tina\"", credentials_kind::unknown},
        {"[]", credentials_kind::unknown},
    }));
    CAPTURE(value);
    const decoded result{with_authentication(value)};
    CHECK(result.code == error_code::none);
    CHECK(result.message.credentials == kind);
}

TEST_CASE("client message: escapes in name and password are undone, and both views stay valid", "[wire]") {
    const decoded result{
        with_authentication(R"({"username":"t\u0069na","password":"a\"b\\c\u20ac\ud83d\ude00 and more"})")};
    CHECK(result.message.user == "tina");
    CHECK(result.message.password == "a\"b\\c\xe2\x82\xac\xf0\x9f\x98\x80 and more");
}

TEST_CASE("client message: a header that is no object says nothing", "[wire]") {
    const decoded result{R"({"header":"client","payload":{"type":"x"}})"};
    CHECK(result.code == error_code::none);
    CHECK(result.message.credentials == credentials_kind::none);
}

TEST_CASE("client message: nothing of the last message is left in the next", "[wire]") {
    json_reader reader;
    client_message message;
    std::string_view reason;
    const padded full{
        R"({"header":{"scope":"s","authentication":{"username":"u","password":"p"}},"payload":{"type":"t","id":"i","data":1}})"};
    REQUIRE(decode_client_message(reader, full.view(), message, reason) == error_code::none);
    const padded bare{R"({"payload":{"type":"x"}})"};
    REQUIRE(decode_client_message(reader, bare.view(), message, reason) == error_code::none);
    CHECK(message.id_token.empty());
    CHECK(message.user.empty());
    CHECK(message.scope.empty());
    CHECK(message.credentials == credentials_kind::none);
    CHECK(message.data == "null");
}

TEST_CASE("client message: mutated messages are understood as a decoder on nlohmann's tree does", "[wire]") {
    const std::vector<std::string> fields{R"("header":)",   R"("payload":)",  R"("scope":)", R"("authentication":)",
                                          R"("username":)", R"("password":)", R"("token":)", R"("type":)",
                                          R"("data":)",     R"("id":)",       R"("x":)"};
    const std::vector<std::string> scalars{"null",        "1",    "\"tina\"", "\"\"", "\"a\\nb\"",
                                           "\"\\u0061\"", "true", "1e999",    "[]",   "tru"};
    std::mt19937 random{4711};
    const auto pick = [&](const std::vector<std::string>& from) { return from[random() % from.size()]; };
    const auto object = [&](auto&& self, int depth) -> std::string {
        std::string text = "{";
        const unsigned count = random() % 5;
        for (unsigned i = 0; i < count; ++i) {
            const bool is_nested = depth > 0 && random() % 3 != 0;
            text += (i ? "," : "") + pick(fields) + (is_nested ? self(self, depth - 1) : pick(scalars));
        }
        return text + "}";
    };
    int good = 0;
    int known_id = 0;
    for (int round = 0; round < 60'000; ++round) {
        std::string header = object(object, 1);
        std::string payload = random() % 4 ? R"({"type":"t",)" + object(object, 0).substr(1) : object(object, 1);
        if (payload.substr(payload.size() - 2) == ",}") payload.replace(payload.size() - 2, 2, "}");
        const std::string body =
            random() % 8 ? R"({"header":)" + header + R"(,"payload":)" + payload + "}" : object(object, 2);
        const auto expected = test::reference_decode(body);
        const decoded result{body};
        CAPTURE(body);
        REQUIRE(result.code == expected.code);
        if (!expected.is_well_formed) continue;
        REQUIRE(result.message.credentials == expected.credentials);
        REQUIRE(result.message.user == expected.user);
        REQUIRE(result.message.password == expected.password);
        REQUIRE(result.message.scope == expected.scope);
        REQUIRE(!result.message.id_token.empty() == expected.has_id);
        if (result.code == error_code::none) REQUIRE(result.message.type == expected.type);
        good += result.code == error_code::none;
        known_id += expected.has_id;
    }
    CHECK(good > 3'000);
    CHECK(known_id > 1'000);
}

TEST_CASE("builtin: the command and its fields are read", "[wire]") {
    json_reader reader;
    builtin_command command;
    const padded data{R"({"command":{"old":"a\"b","type":"password","new":"c","more":{}},"x":1})"};
    REQUIRE(decode_builtin(reader, data.view(), command) == error_code::none);
    CHECK(command.type == "password");
    CHECK(command.old_password == "a\"b");
    CHECK(command.new_password == "c");
    const padded close{R"({"command":{"type":"close"}})"};
    REQUIRE(decode_builtin(reader, close.view(), command) == error_code::none);
    CHECK(command.type == "close");
    CHECK(command.old_password.empty());
}

TEST_CASE("builtin: data that names no command is an unknown command", "[wire]") {
    const std::string data = GENERATE(as<std::string>{}, "null", "{}", "[]", "\"close\"", R"({"command":"close"})",
                                      R"({"command":{}})", R"({"command":{"type":1}})", R"({"command":{"type":""}})",
                                      R"({"command":{"type":"password","old":1}})");
    CAPTURE(data);
    json_reader reader;
    builtin_command command;
    const padded copy{data};
    CHECK(decode_builtin(reader, copy.view(), command) == error_code::unknown_command);
}

TEST_CASE("client message: the token, and the credentials as they stood", "[wire]") {
    const decoded result{
        R"({"header":{"authentication" : {"token":"a.\u0062.c", "more":[1, {"x":"}"}] }  ,"scope":"client"},"payload":{"type":"x"}})"};
    CHECK(result.message.credentials == credentials_kind::token);
    CHECK(result.message.token == "a.b.c");
    CHECK(result.message.authentication == R"({"token":"a.\u0062.c", "more":[1, {"x":"}"}] })");
    CHECK(decoded{R"({"payload":{"type":"x"}})"}.message.authentication.empty());
    CHECK(decoded{R"({"header":{"authentication":"none"},"payload":{"type":"x"}})"}.message.authentication ==
          "\"none\"");
}

}  // namespace bester::wire
