#include <catch2/catch.hpp>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <bester/client.hpp>

#include "frame_server.hpp"

using namespace bester;
using namespace std::chrono_literals;
using bester::test::frame_server;
using bester::test::server_side;
using nlohmann::json;

namespace {
constexpr auto long_enough = 60s;
constexpr auto short_wait = 50ms;

connect_error::stage stage_of_failure(const std::string& endpoint, client_options options = {}) {
    try {
        client::connect(endpoint, {"tina", "wrong", ""}, options);
    } catch (const connect_error& failed) {
        return failed.where();
    }
    throw std::runtime_error("the client connected");
}

std::string bad_status(const std::string& id, const std::string& code) {
    return R"({"header":{"messageType":"statusReport","status":"bad","error":{"code":")" + code +
           R"(","reason":"because","temporary":false}},"payload":{"id":")" + id + "\"}}";
}
}  // namespace

TEST_CASE("client: a refused log-in is named as one", "[client]") {
    frame_server server({[](server_side& side) {
        side.read_frame();
        side.write_frame(bad_status("auth_special", "authentication_failed"));
        side.close();
    }});
    try {
        const auto self = client::connect(server.endpoint(), {"tina", "wrong", ""});
        FAIL("the client connected");
    } catch (const connect_error& failed) {
        CHECK(failed.where() == connect_error::stage::login);
        CHECK(failed.frame() == bad_status("auth_special", "authentication_failed"));
    }
}

TEST_CASE("client: nobody at the address, or somebody else, is no broker", "[client]") {
    CHECK(stage_of_failure("unix:/nonexistent/bester.sock") == connect_error::stage::connecting);
    CHECK(stage_of_failure("no endpoint") == connect_error::stage::connecting);
    frame_server server({[](server_side& side) {
        side.write_bytes("HTTP/1.1 400 Bad Request\r\n\r\n");
        side.close();
    }});
    CHECK(stage_of_failure(server.endpoint()) == connect_error::stage::connecting);
}

TEST_CASE("client: a broker that says nothing ends the log-in with a timeout", "[client]") {
    frame_server silent({[](server_side& side) {
        while (side.read_frame()) {}
    }});
    client_options options;
    options.connect_timeout = short_wait;
    CHECK(stage_of_failure(silent.endpoint(), options) == connect_error::stage::timeout);
}

TEST_CASE("client: over TCP the kernel asks whether the broker is still there, as the broker does", "[client]") {
    frame_server server({[](server_side& side) {
                             side.accept_login();
                             while (side.read_frame()) {}
                         },
                         [](server_side& side) {
                             side.accept_login();
                             while (side.read_frame()) {}
                         }});
    const auto option = [](const client& of, int level, int name) {
        int value = -1;
        socklen_t size = sizeof value;
        CHECK(::getsockopt(of.file_descriptor(), level, name, &value, &size) == 0);
        return value;
    };
    {
        const auto self = client::connect(server.endpoint());
        CHECK(option(self, SOL_SOCKET, SO_KEEPALIVE) == 1);
        CHECK(option(self, IPPROTO_TCP, TCP_KEEPIDLE) == 25);
        CHECK(option(self, IPPROTO_TCP, TCP_KEEPINTVL) * option(self, IPPROTO_TCP, TCP_KEEPCNT) == 10);
        CHECK(option(self, IPPROTO_TCP, TCP_USER_TIMEOUT) == 300'000);
    }
    client_options options;
    options.keepalive_idle = 2'001ms;
    options.keepalive_timeout = 0ms;
    const auto self = client::connect(server.endpoint(), {}, options);
    CHECK(option(self, IPPROTO_TCP, TCP_KEEPIDLE) == 3);
    CHECK(option(self, IPPROTO_TCP, TCP_KEEPINTVL) == 1);
    CHECK(option(self, IPPROTO_TCP, TCP_USER_TIMEOUT) == 300'000);
}

TEST_CASE("client: a broker that closes before it answered the log-in is not one", "[client]") {
    frame_server server({[](server_side& side) { side.close(); }});
    CHECK(stage_of_failure(server.endpoint()) == connect_error::stage::connecting);
}

TEST_CASE("client: a status that does not come is a timeout, and a late one is given to receive", "[client]") {
    frame_server server({[](server_side& side) {
        side.accept_login();
        const auto first = json::parse(side.read_frame().value_or("{}"));
        side.read_frame();  // sent when the wait for the first is over
        side.say_good(first.value("/payload/id"_json_pointer, ""));
        side.close();
    }});
    auto self = client::connect(server.endpoint());
    const auto result = self.send("slow", 1, short_wait);
    CHECK_FALSE(result.good);
    CHECK(result.error.code == "timeout");
    CHECK(self.is_connected());
    REQUIRE(self.post("go", nullptr));
    const auto late = self.receive(long_enough);
    REQUIRE(late);
    CHECK(std::get<status>(*late).good);
}

TEST_CASE("client: a lost connection answers everything that was open, then says so", "[client]") {
    frame_server server({[](server_side& side) {
        side.accept_login();
        side.read_frame();
        side.read_frame();
        side.write_frame(bad_status("close_special", "shutting_down"));
        side.close();
    }});
    auto self = client::connect(server.endpoint());
    REQUIRE(self.submit("t", 1, "first"));
    const auto result = self.send("t", 2, long_enough);
    CHECK(result.error.code == "connection_lost");
    CHECK(result.error.temporary);
    const auto answer = self.receive(long_enough);
    REQUIRE(answer);
    CHECK(std::get<status>(*answer).id == "first");
    CHECK(std::get<status>(*answer).error.code == "connection_lost");
    const auto lost = self.receive(long_enough);
    REQUIRE(lost);
    CHECK(std::get<connection_lost>(*lost).why.code == "shutting_down");
    CHECK(std::get<connection_lost>(*lost).frame == bad_status("close_special", "shutting_down"));
    CHECK_FALSE(std::get<connection_lost>(*lost).reconnecting);
    CHECK_FALSE(self.is_connected());
    CHECK(self.send("t", 3, long_enough).error.code == "connection_lost");
    CHECK_FALSE(self.receive(long_enough));
}

TEST_CASE("client: data that is no JSON and frames above the limit never leave", "[client]") {
    std::optional<std::string> message;
    frame_server server({[&](server_side& side) {
        side.accept_login();
        message = side.read_frame();
        side.close();
    }});
    client_options options;
    options.message_size = 200;
    auto self = client::connect(server.endpoint(), {}, options);
    const auto injected = GENERATE("", "1,\"id\":\"x\"", "{\"a\":1}}", "tru", "1 2");
    CAPTURE(injected);
    CHECK(self.post_raw("t", injected).error.code == "bad_data");
    CHECK(self.send("t", std::string(200, 'x'), long_enough).error.code == "too_large");
    self.close();
    server.finish();
    CHECK_FALSE(message);
}

TEST_CASE("client: a frame above the receive limit, or an empty one, ends the connection", "[client]") {
    const auto bytes = GENERATE(std::string("\xff\xff\xff\x7f", 4), std::string("\0\0\0\0", 4));
    frame_server server({[&](server_side& side) {
        side.accept_login();
        side.write_bytes(bytes);
        side.close();
    }});
    auto self = client::connect(server.endpoint());
    const auto event = self.receive(long_enough);
    REQUIRE(event);
    const auto code = std::get<connection_lost>(*event).why.code;
    CHECK(code == (bytes[0] == 0 ? "bad_frame" : "too_large"));
}

TEST_CASE("client: more events than allowed end the connection instead of vanishing", "[client]") {
    frame_server server({[](server_side& side) {
        side.accept_login();
        side.read_frame();
        for (int i = 0; i < 4; ++i) side.deliver("news", std::to_string(i));
        side.close();
    }});
    client_options options;
    options.queued_events = 3;
    auto self = client::connect(server.endpoint(), {}, options);
    CHECK(self.send("t", 1, long_enough).error.code == "connection_lost");
    for (int i = 0; i < 4; ++i) {
        const auto event = self.receive(long_enough);
        REQUIRE(event);
        CHECK(std::get<delivery>(*event).data() == std::to_string(i));
    }
    const auto lost = self.receive(long_enough);
    REQUIRE(lost);
    CHECK(std::get<connection_lost>(*lost).why.code == "receive_queue_full");
}

TEST_CASE("client: with reconnecting it comes back as a new session and goes on", "[client]") {
    std::string second_login;
    frame_server server({[](server_side& side) {
                             side.accept_login("tina");
                             side.read_frame();
                         },
                         [](server_side& side) {
                             side.read_frame();  // the first attempt fails half way
                         },
                         [&](server_side& side) {
                             second_login = side.accept_login("tina");
                             const auto message = json::parse(side.read_frame().value_or("{}"));
                             side.say_good(message.value("/payload/id"_json_pointer, ""));
                             side.close();
                         }});
    client_options options;
    options.reconnect = {true, 1ms, 4ms};
    auto self = client::connect(server.endpoint(), {"tina", "secret", ""}, options);
    CHECK(self.send("t", 1, long_enough).error.code == "connection_lost");
    const auto lost = self.receive(long_enough);
    REQUIRE(lost);
    CHECK(std::get<connection_lost>(*lost).reconnecting);
    const auto back = self.receive(long_enough);
    REQUIRE(back);
    CHECK(std::get<reconnected>(*back).user == "tina");
    CHECK(self.send("t", 2, long_enough).good);
    self.close();
    server.finish();
    CHECK_THAT(second_login, Catch::Contains("secret"));
}

TEST_CASE("client: reconnecting ends when the log-in is refused, or a handler put it out", "[client]") {
    client_options options;
    options.reconnect = {true, 1ms, 4ms};
    SECTION("refused") {
        frame_server server({[](server_side& side) { side.accept_login(); },
                             [](server_side& side) {
                                 side.read_frame();
                                 side.write_frame(bad_status("auth_special", "authentication_failed"));
                                 side.close();
                             }});
        auto self = client::connect(server.endpoint(), {"tina", "secret", ""}, options);
        const auto lost = self.receive(long_enough);
        REQUIRE(lost);
        CHECK(std::get<connection_lost>(*lost).reconnecting);
        const auto refused = self.receive(long_enough);
        REQUIRE(refused);
        CHECK(std::get<connection_lost>(*refused).why.code == "authentication_failed");
        CHECK_FALSE(std::get<connection_lost>(*refused).reconnecting);
    }
    SECTION("told when to come") {
        const std::string busy =
            R"({"header":{"messageType":"statusReport","status":"bad","error":{"code":"busy","reason":"r","temporary":true,)"
            R"("retry_after_ms":200}},"payload":{"id":"auth_special"}})";
        std::chrono::steady_clock::time_point told;
        std::chrono::steady_clock::time_point came;
        frame_server server({[](server_side& side) { side.accept_login(); },
                             [&](server_side& side) {
                                 side.read_frame();
                                 told = std::chrono::steady_clock::now();
                                 side.write_frame(busy);
                                 side.close();
                             },
                             [&](server_side& side) {
                                 came = std::chrono::steady_clock::now();
                                 side.accept_login();
                             }});
        auto self = client::connect(server.endpoint(), {}, options);
        REQUIRE(self.receive(long_enough));
        const auto back = self.receive(long_enough);
        REQUIRE(back);
        CHECK(std::holds_alternative<reconnected>(*back));
        self.close();
        server.finish();
        CHECK(came - told >= 200ms);
    }
    SECTION("put out") {
        frame_server server({[](server_side& side) {
            side.accept_login();
            side.write_frame(bad_status("close_special", "disconnected"));
            side.close();
        }});
        auto self = client::connect(server.endpoint(), {}, options);
        const auto lost = self.receive(long_enough);
        REQUIRE(lost);
        CHECK(std::get<connection_lost>(*lost).why.code == "disconnected");
        CHECK_FALSE(std::get<connection_lost>(*lost).reconnecting);
    }
}
