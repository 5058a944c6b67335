#include <catch2/catch.hpp>

#include <bester/client.hpp>

#include <unistd.h>

#include "frame_server.hpp"

using namespace bester;
using namespace std::chrono_literals;
using bester::test::frame_server;
using bester::test::server_side;
using nlohmann::json;

namespace {
constexpr auto long_enough = 60s;

std::string id_of(const std::optional<std::string>& frame) {
    return json::parse(frame.value_or("{}")).value("/payload/id"_json_pointer, "");
}
}  // namespace

TEST_CASE("client: logs in, sends, and gets reply and status", "[client]") {
    std::string login;
    std::string message;
    frame_server server({[&](server_side& side) {
        login = side.accept_login("tina");
        message = side.read_frame().value_or("");
        side.deliver("echo", R"({"text":"hello"})", id_of(message));
        side.say_good(id_of(message), 1);
        side.close();
    }});
    auto self = client::connect(server.endpoint(), {"tina", "secret", ""});
    CHECK(self.user() == "tina");
    CHECK(self.login().good);
    const auto result = self.send("echo", {{"text", "hello"}}, long_enough);
    CHECK(result.good);
    CHECK(result.delivered == 1);
    REQUIRE(result.replies.size() == 1);
    CHECK(result.reply() == json{{"text", "hello"}});
    CHECK(self.unanswered() == 0);
    self.close();
    server.finish();
    CHECK(json::parse(login)["header"]["authentication"]["password"] == "secret");
    CHECK(json::parse(message)["payload"]["data"] == json{{"text", "hello"}});
    CHECK(json::parse(message)["payload"]["type"] == "echo");
}

TEST_CASE("client: speaks over a UNIX socket", "[client]") {
    const std::string path = "/tmp/bester-unit-client-" + std::to_string(::getpid()) + ".sock";
    frame_server server({[&](server_side& side) {
                            side.accept_login("gustav");
                            side.close();
                        }},
                        path);
    auto self = client::connect("unix:" + path);
    CHECK(self.user() == "gustav");
}

TEST_CASE("client: a bad status is a value with code, reason and temporary", "[client]") {
    frame_server server({[&](server_side& side) {
        side.accept_login();
        const auto id = id_of(side.read_frame());
        side.write_frame(
            R"({"header":{"messageType":"statusReport","status":"bad","error":{"code":"busy","reason":"later","temporary":true}},"payload":{"id":")" +
            id + "\"}}");
        side.close();
    }});
    auto self = client::connect(server.endpoint());
    const auto result = self.send("echo", nullptr, long_enough);
    CHECK_FALSE(result.good);
    CHECK(result.error == error_info{"busy", "later", true});
    CHECK(result.reply() == json());
}

TEST_CASE("client: what others send during a wait is kept for receive, in order", "[client]") {
    frame_server server({[&](server_side& side) {
        side.accept_login();
        const auto id = id_of(side.read_frame());
        side.deliver("news", "1");
        side.deliver("mine", "\"reply\"", id);
        side.deliver("news", "2");
        side.write_frame(R"({"header":{"messageType":"notice","notice":"reconnect"},"payload":{"after":5}})");
        side.say_good(id);
        side.close();
    }});
    auto self = client::connect(server.endpoint());
    const auto result = self.send_raw("mine", "{}", long_enough);
    REQUIRE(result.good);
    REQUIRE(result.replies.size() == 1);
    CHECK(result.replies[0].data() == "\"reply\"");
    const auto first = self.receive(long_enough);
    REQUIRE(first);
    CHECK(std::get<delivery>(*first).data() == "1");
    const auto second = self.receive(long_enough);
    REQUIRE(second);
    CHECK(std::get<delivery>(*second).data() == "2");
    const auto third = self.receive(long_enough);
    REQUIRE(third);
    CHECK(std::get<notice>(*third).name == "reconnect");
}

TEST_CASE("client: submitted messages are answered through receive, posts carry no id", "[client]") {
    std::vector<std::string> seen;
    frame_server server({[&](server_side& side) {
        side.accept_login();
        for (int i = 0; i < 3; ++i) seen.push_back(side.read_frame().value_or("{}"));
        side.say_good("b");
        side.say_good(id_of(seen[0]));
        side.close();
    }});
    auto self = client::connect(server.endpoint());
    const auto chosen = self.submit("t", 1);
    REQUIRE(chosen);
    CHECK_FALSE(chosen.id.empty());
    REQUIRE(self.submit_raw("t", "[ 2 ]", "b"));
    REQUIRE(self.post("t", "three"));
    CHECK(self.unanswered() == 2);
    const auto first = self.receive(long_enough);
    REQUIRE(first);
    CHECK(std::get<status>(*first).id == "b");
    const auto second = self.receive(long_enough);
    REQUIRE(second);
    CHECK(std::get<status>(*second).id == chosen.id);
    CHECK(self.unanswered() == 0);
    self.close();
    server.finish();
    CHECK_THAT(seen[1], Catch::Contains("\"data\":[ 2 ]"));
    CHECK_FALSE(json::parse(seen[2])["payload"].contains("id"));
}

TEST_CASE("client: two full sockets do not block each other", "[client]") {
    // The server writes 8 MiB before it reads anything; the client writes 8 MiB at the same time.
    constexpr std::size_t size = std::size_t{8} << 20;
    const std::string text(size, 'x');
    std::size_t received = 0;
    frame_server server({[&](server_side& side) {
        side.accept_login();
        side.deliver("big", "\"" + text + "\"");
        const auto message = side.read_frame().value_or("{}");
        received = message.size();
        side.say_good(id_of(message));
        side.close();
    }});
    client_options options;
    options.message_size = 2 * size;
    auto self = client::connect(server.endpoint(), {}, options);
    const auto result = self.send("big", text, long_enough);
    CHECK(result.good);
    const auto event = self.receive(long_enough);
    REQUIRE(event);
    CHECK(std::get<delivery>(*event).data().size() == size + 2);
    self.close();
    server.finish();
    CHECK(received > size);
}

TEST_CASE("client: frames that arrive byte by byte are put together", "[client]") {
    frame_server server({[&](server_side& side) {
        side.accept_login();
        const std::string body = R"({"header":{"messageType":"receivedMessage"},"payload":{"type":"t","data":[1,2]}})";
        std::string bytes{static_cast<char>(body.size()), 0, 0, 0};
        bytes += body;
        for (const char byte : bytes) side.write_bytes(std::string_view(&byte, 1));
        side.close();
    }});
    auto self = client::connect(server.endpoint());
    const auto event = self.receive(long_enough);
    REQUIRE(event);
    CHECK(std::get<delivery>(*event).data() == "[1,2]");
}
