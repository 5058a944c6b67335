#include "clients/engine/event_text.hpp"

#include <string>

#include <catch2/catch.hpp>

#include "wire/client_codec.hpp"

using namespace bester;
using namespace bester::clients;

namespace {

const socketio_namespace& admin() {
    static const socketio_namespace made{"/admin", "panel", R"("panel")", "42/admin,"};
    return made;
}

std::string arguments(std::string_view type_token, std::string_view data, std::uint64_t offset = 0) {
    std::string out;
    append_event_arguments(out, type_token, data, admin(), offset);
    return out;
}

exchange::payload delivery(std::string_view type_token, std::string_view data) {
    auto made = exchange::payload::of_size(wire::delivery_size(type_token, data, {}));
    wire::write_delivery(made.data(), type_token, data, {});
    return made;
}

}  // namespace

TEST_CASE("events: data of the namespace's own type that is an event goes out byte for byte") {
    CHECK(arguments(R"("panel")", R"(["seen", {"a" : 1.0e2}])") == R"(["seen", {"a" : 1.0e2}])");
    CHECK(arguments(R"("panel")", R"([ "seen" ])", 17) == R"([ "seen" ,"17"])");
}

TEST_CASE("events: every other delivery is an event of its type's name") {
    CHECK(arguments(R"("panel")", R"({"a":1})") == R"(["panel",{"a":1}])");
    CHECK(arguments(R"("panel")", "[]") == R"(["panel",[]])");
    CHECK(arguments(R"("panel")", "[1]") == R"(["panel",[1]])");
    CHECK(arguments(R"("news")", R"(["seen"])") == R"(["news",["seen"]])");
    CHECK(arguments(R"("news")", "null", 3) == R"(["news",null,"3"])");
}

TEST_CASE("events: a type whose name Socket.IO keeps for itself does not end the client's connection") {
    CHECK(arguments(R"("disconnect")", "1") == R"(["message",1])");
    CHECK(arguments(R"("panel")", R"(["connect",1])") == R"(["panel",["connect",1]])");
}

TEST_CASE("events: an acknowledgement's arguments are an array's members, or the one value") {
    const auto of = [](std::string_view data) {
        std::string out;
        append_ack_arguments(out, data);
        return out;
    };
    CHECK(of("[1,2]") == "[1,2]");
    CHECK(of("[]") == "[]");
    CHECK(of(R"({"a":[1]})") == R"([{"a":[1]}])");
    CHECK(of("null") == "[null]");
}

TEST_CASE("events: an error says its code and reason, and what else there is") {
    std::string out;
    append_error_members(out, "busy", "say \"later\"", true, 250);
    CHECK(out == R"("code":"busy","reason":"say \"later\"","temporary":true,"retry_after_ms":250)");
    out.clear();
    append_error_members(out, "forbidden", "no", false, 0);
    CHECK(out == R"("code":"forbidden","reason":"no")");
}

TEST_CASE("events: bytes leave the text, as frames of a WebSocket or packets of a payload") {
    const std::string packet = R"(42/admin,["image",{"_binary":"AQID"}])";
    const std::string head = R"(451-/admin,["image",{"_placeholder":true,"num":0}])";
    std::string frames;
    append_websocket_frames(frames, packet);
    CHECK(frames == std::string{'\x81', static_cast<char>(head.size())} + head + std::string{"\x82\x03\x01\x02\x03"});
    std::string payload;
    append_to_payload(payload, packet);
    CHECK(payload == head + "\x1e" + "bAQID");
    payload.clear();
    append_to_payload(payload, R"(43/admin,7[{"_binary":"AQID"}])");
    CHECK(payload == std::string{R"(461-/admin,7[{"_placeholder":true,"num":0}])"} + "\x1e" + "bAQID");
}

TEST_CASE("events: what many share is made once, and its offset counted once") {
    shared_events events;
    std::uint64_t offset = 40;
    const auto frame = delivery(R"("panel")", R"(["seen",1])");
    auto& first = events.of(frame, admin(), &offset);
    CHECK(first.packet.view() == R"(42/admin,["seen",1,"41"])");
    const char* const bytes = events.frames_of(first).data();
    auto& again = events.of(frame, admin(), &offset);
    CHECK(&again == &first);
    CHECK(events.frames_of(again).data() == bytes);
    CHECK(offset == 41);
    CHECK(events.of(frame, admin(), nullptr).packet.view() == R"(42/admin,["seen",1])");
    CHECK(events.of(delivery(R"("panel")", R"(["seen",2])"), admin(), &offset).packet.view() ==
          R"(42/admin,["seen",2,"42"])");
}
