#include "load/websocket.hpp"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "load/protocol.hpp"
#include "measure/frame.hpp"

using namespace bester::bench;

namespace {

const std::string accepted =
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

/// A frame as a server sends it.
std::string from_server(int first_byte, const std::string& body) {
    std::string frame(1, static_cast<char>(first_byte));
    const std::size_t more = body.size() <= 125 ? 0 : body.size() <= 0xffff ? 2 : 8;
    frame += static_cast<char>(more == 0 ? body.size() : more == 2 ? 126 : 127);
    for (std::size_t i = more; i-- > 0;) frame += static_cast<char>(body.size() >> (8 * i) & 0xff);
    return frame + body;
}

std::string with_length(const std::string& body) {
    std::string frame(frame_prefix, '\0');
    store_u32(frame.data(), static_cast<std::uint32_t>(body.size()));
    return frame + body;
}

struct client_frame {
    int first_byte = 0;
    std::string body;
    std::string mask;
};

/// What a client has sent, unmasked byte by byte, in the way of the RFC rather than that of the code.
std::vector<client_frame> from_client(std::string_view bytes) {
    std::vector<client_frame> frames;
    const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(bytes.at(at)); };
    while (!bytes.empty()) {
        REQUIRE((byte(1) & 0x80) != 0);
        std::size_t size = byte(1) & 0x7fu;
        const std::size_t more = size == 126 ? 2 : size == 127 ? 8 : 0;
        if (more != 0) size = 0;
        for (std::size_t i = 0; i < more; ++i) size = size << 8 | byte(2 + i);
        client_frame frame{byte(0), {}, std::string{bytes.substr(2 + more, 4)}};
        for (std::size_t i = 0; i < size; ++i)
            frame.body += static_cast<char>(bytes.at(6 + more + i) ^ frame.mask[i % 4]);
        bytes.remove_prefix(6 + more + size);
        frames.push_back(frame);
    }
    return frames;
}

/// A layer with its queues, as a connection has them.
struct client {
    explicit client(carriage how) : layer{how, 7} {}

    void hear(std::string_view bytes) {
        raw.append(bytes);
        raw.consume(layer.unwrap(raw.view(), plain, wire));
    }
    std::vector<client_frame> say(std::string_view bytes) {
        out.append(bytes);
        layer.wrap(out, wire);
        std::vector<client_frame> frames = from_client(wire.view());
        wire.consume(wire.size());
        return frames;
    }

    websocket_layer layer;
    byte_queue raw;
    byte_queue plain;
    byte_queue out;
    byte_queue wire;
};

}  // namespace

TEST_CASE("load websocket: what a server sends is unwrapped wherever the bytes are cut", "[bench]") {
    const std::string big(70'000, 'b');
    struct row {
        carriage how;
        std::string bytes;
        std::string plain;
    };
    const std::vector<row> rows{
        {carriage::websocket_messages,
         accepted + from_server(0x81, "one") + from_server(0x89, "are you there?") +
             from_server(0x81, std::string(200, 'x')),
         with_length("one") + with_length(std::string(200, 'x'))},
        {carriage::websocket_messages,
         accepted + from_server(0x01, "fir") + from_server(0x89, "are you there?") + from_server(0x00, "s") +
             from_server(0x80, "t") + from_server(0x8a, "") + from_server(0x81, ""),
         with_length("first") + with_length("")},
        {carriage::websocket_bytes,
         accepted + from_server(0x82, "PO") + from_server(0x89, "are you there?") + from_server(0x02, "NG\r") +
             from_server(0x80, "\n"),
         "PONG\r\n"},
    };
    for (const row& each : rows) {
        for (std::size_t cut = 0; cut <= each.bytes.size(); ++cut) {
            CAPTURE(cut);
            client one{each.how};
            one.hear(each.bytes.substr(0, cut));
            one.hear(each.bytes.substr(cut));
            REQUIRE(one.plain.view() == each.plain);
            REQUIRE(one.raw.empty());
            const auto answers = from_client(one.wire.view());
            REQUIRE(answers.size() == 1);
            REQUIRE(answers[0].first_byte == 0x8a);
            REQUIRE(answers[0].body == "are you there?");
        }
    }
    client one{carriage::websocket_messages};
    one.hear(accepted + from_server(0x81, big));
    CHECK(one.plain.view() == with_length(big));
}

TEST_CASE("load websocket: nothing is said before the server has agreed", "[bench]") {
    client one{carriage::websocket_messages};
    one.layer.open("/ws", one.wire);
    const std::string request{one.wire.view()};
    CHECK(request.starts_with("GET /ws HTTP/1.1\r\n"));
    CHECK(request.find("Upgrade: websocket\r\n") != std::string::npos);
    CHECK(request.find("Sec-WebSocket-Version: 13\r\n") != std::string::npos);
    CHECK(request.ends_with("\r\n\r\n"));
    one.wire.consume(one.wire.size());
    CHECK(one.say(with_length("hello")).empty());
    one.hear(accepted);
    const auto frames = one.say("");
    REQUIRE(frames.size() == 1);
    CHECK(frames[0].body == "hello");
}

TEST_CASE("load websocket: each frame with a length word is a masked text message of its own", "[bench]") {
    client one{carriage::websocket_messages};
    one.hear(accepted);
    const std::vector<std::string> bodies{
        "", "short", std::string(125, 'a'), std::string(126, 'b'), std::string(65'535, 'c'), std::string(65'536, 'd')};
    std::string said;
    for (const std::string& body : bodies) said += with_length(body);
    const auto frames = one.say(said);
    REQUIRE(frames.size() == bodies.size());
    for (std::size_t i = 0; i < bodies.size(); ++i) {
        CHECK(frames[i].first_byte == 0x81);
        CHECK(frames[i].body == bodies[i]);
        CHECK(frames[i].mask != std::string(4, '\0'));
        if (i > 0) CHECK(frames[i].mask != frames[i - 1].mask);
    }
}

TEST_CASE("load websocket: a stream is sent in one binary message", "[bench]") {
    client one{carriage::websocket_bytes};
    one.hear(accepted);
    const auto frames = one.say("PUB a 1\r\nx\r\nPING\r\n");
    REQUIRE(frames.size() == 1);
    CHECK(frames[0].first_byte == 0x82);
    CHECK(frames[0].body == "PUB a 1\r\nx\r\nPING\r\n");
}

TEST_CASE("load websocket: what a server must not send ends the run", "[bench]") {
    const std::vector<std::string> wrong{
        "HTTP/1.1 403 Forbidden\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nX: " + std::string(20'000, 'x'),
        accepted + from_server(0x88, "\x03\xe8 bye"),
        accepted + from_server(0x88, ""),
        accepted + from_server(0xc1, "compressed"),
        accepted + from_server(0x82, "binary"),
        accepted + from_server(0x83, "?"),
        accepted + from_server(0x80, "a continuation of nothing"),
        accepted + from_server(0x01, "a message within") + from_server(0x81, "another"),
        accepted + "\x81\x85maskHELLO",
        accepted + std::string("\x81\x7e\x00\x05hello", 9),
        accepted + "\x81\x7f\xff\xff\xff\xff\xff\xff\xff\xff",
    };
    for (const std::string& bytes : wrong) {
        CAPTURE(bytes.substr(0, 200));
        client one{carriage::websocket_messages};
        CHECK_THROWS_AS(one.hear(bytes), wrong_answer);
    }
    client stream{carriage::websocket_bytes};
    CHECK_THROWS_AS(stream.hear(accepted + from_server(0x81, "text")), wrong_answer);
}

TEST_CASE("load websocket: bester is asked with the same bytes as over TCP", "[bench]") {
    byte_queue over_tcp;
    byte_queue over_websocket;
    make_protocol("bester")->request({3, 4711}, over_tcp);
    const auto speaks = make_protocol("bester-ws");
    speaks->request({3, 4711}, over_websocket);
    CHECK(over_tcp.view() == over_websocket.view());
    client one{speaks->carried()};
    one.hear(accepted);
    const auto frames = one.say(over_websocket.view());
    REQUIRE(frames.size() == 1);
    CHECK(frames[0].body == over_tcp.view().substr(frame_prefix));
    CHECK(make_protocol("nats-ws")->carried() == carriage::websocket_bytes);
    CHECK(make_protocol("nats")->carried() == carriage::plain);
}
