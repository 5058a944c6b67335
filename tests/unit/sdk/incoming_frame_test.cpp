#include <catch2/catch.hpp>

#include <string>

#include "incoming_frame.hpp"
#include "wire/handler_codec.hpp"
#include "wire/json_reader.hpp"

namespace {

using bester::detail::incoming_kind;
namespace wire = bester::wire;

struct decoded {
    std::string body;
    wire::json_reader reader;
    bester::detail::incoming_frame frame;
    explicit decoded(std::string text) : body{std::move(text)} {
        const std::size_t size = body.size();
        body += std::string(wire::json_padding, ' ');
        frame = bester::detail::decode_incoming(reader, {body.data(), size});
    }
};

}  // namespace

TEST_CASE("incoming frame: a message as the broker writes it is read in full", "[sdk]") {
    wire::handler_message sent;
    sent.id = 9007199254740991;
    sent.type_token = R"("letter")";
    sent.key_token = R"("room \u00e4")";
    sent.data = R"({"a":[1,{"b":"}"}]})";
    sent.origin = {"tina", "00a3", "home"};
    sent.is_request = true;
    sent.time_ms = 1'790'000'000'000;
    sent.deadline_ms = 5'000;
    std::string bytes(wire::handler_message_size(sent), ' ');
    bytes.resize(static_cast<std::size_t>(wire::write_handler_message(bytes.data(), sent) - bytes.data()));
    const decoded it{bytes.substr(4)};
    CHECK(it.frame.kind == incoming_kind::message);
    CHECK(it.frame.message.id == sent.id);
    CHECK(it.frame.message.type == "letter");
    CHECK(it.frame.message.key == "room ä");
    CHECK(it.frame.message.data == sent.data);
    CHECK(it.frame.message.user == "tina");
    CHECK(it.frame.message.session == "00a3");
    CHECK(it.frame.message.server == "home");
    CHECK(it.frame.message.handler.empty());
    CHECK(it.frame.message.is_request);
    CHECK(it.frame.message.time_ms == sent.time_ms);
    CHECK(it.frame.deadline_ms == 5'000);
}

TEST_CASE("incoming frame: fields may come in any order, and unknown ones are ignored", "[sdk]") {
    const decoded it{
        R"({"data":null,"from":{"roles":["a"],"claims":{"b":[1]},"handler":"clock","x":{}},"type":"t\u0041","new":[{}],"id":3,"kind":"message"})"};
    CHECK(it.frame.kind == incoming_kind::message);
    CHECK(it.frame.message.id == 3);
    CHECK(it.frame.message.type == "tA");
    CHECK(it.frame.message.handler == "clock");
    CHECK(it.frame.message.roles == R"(["a"])");
    CHECK(it.frame.message.claims == R"({"b":[1]})");
    CHECK(it.frame.message.data == "null");
    CHECK_FALSE(it.frame.message.is_request);
    CHECK(it.frame.deadline_ms == 0);
}

TEST_CASE("incoming frame: every kind is told from the others", "[sdk]") {
    CHECK(decoded{R"({"kind":"event","sequence":1,"event":"connected"})"}.frame.kind == incoming_kind::event);
    CHECK(decoded{R"({"kind":"snapshot","clients":[]})"}.frame.kind == incoming_kind::snapshot);
    CHECK(decoded{R"({"kind":"report","report":"r1","delivered":2})"}.frame.kind == incoming_kind::report);
    CHECK(decoded{R"({"kind":"refused","index":0})"}.frame.kind == incoming_kind::refused);
    CHECK(decoded{R"({"id":7,"online":true,"kind":"result"})"}.frame.kind == incoming_kind::result);
    CHECK(decoded{R"({"kind":"drain"})"}.frame.kind == incoming_kind::drain);
    CHECK(decoded{R"({"kind":"error","code":"x"})"}.frame.kind == incoming_kind::error);
    CHECK(decoded{R"({"kind":"of a later version","id":"text"})"}.frame.kind == incoming_kind::unknown);
}

TEST_CASE("incoming frame: what is no frame of the protocol is malformed", "[sdk]") {
    for (const char* text :
         {"", "{}", "[]", "null", R"({"kind":7})", R"({"kind":"drain")", R"({"kind":"drain"}})",
          R"({"kind":"message","type":"t"})", R"({"kind":"message","id":1})",
          R"({"kind":"message","id":-1,"type":"t"})", R"({"kind":"message","id":1,"type":"t","data":})"}) {
        CAPTURE(text);
        CHECK(decoded{text}.frame.kind == incoming_kind::malformed);
    }
}
