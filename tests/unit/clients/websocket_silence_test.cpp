// A WebSocket whose client is silent, on a shard that runs, with the test as the client.
#include <sys/socket.h>

#include <poll.h>
#include <unistd.h>
#include <array>
#include <catch2/catch.hpp>
#include <chrono>
#include <string>
#include <thread>

#include "clients_of_shards.hpp"

using namespace bester;
using namespace bester::clients;
using namespace std::chrono_literals;

namespace {

constexpr const char* opening =
    "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
const std::string ping{"\x89\0", 2};
const std::string pong{"\x8a\x80\0\0\0\0", 6};  // masked with zeros

client_limits pinged_after(std::chrono::milliseconds idle, std::chrono::milliseconds timeout) {
    client_limits limits;
    limits.keepalive_idle = idle;
    limits.keepalive_timeout = timeout;
    return limits;
}

class websocket {
public:
    explicit websocket(const client_limits& limits) : clients_{1, limits} {
        listener_.kind = transport::websocket;
        listener_.authentication = {authentication_method::anonymous};
        listener_.web.paths.emplace_back().name = "/";
        std::array<int, 2> ends{};
        REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()) == 0);
        end_ = ends[0];
        clients_.ask(0, [&](shard_clients& there) {
            there.adopt({exchange::owned_socket{ends[1]}, connection_slot{clients_.connections(), 1}, nullptr, {}},
                        listener_);
        });
        send(opening);
        while (received_.find("\r\n\r\n") == received_.npos) REQUIRE(receive());
        REQUIRE(received_.starts_with("HTTP/1.1 101 "));
        received_.clear();
    }
    ~websocket() { ::close(end_); }

    void send(const std::string& bytes) {
        REQUIRE(::send(end_, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size()));
    }
    /// Waits for more; false: the connection has ended.
    bool receive() {
        pollfd watched{end_, POLLIN, 0};
        REQUIRE(::poll(&watched, 1, 20'000) == 1);
        std::array<char, 512> bytes{};
        const ssize_t got = ::recv(end_, bytes.data(), bytes.size(), 0);
        if (got <= 0) return false;
        received_.append(bytes.data(), static_cast<std::size_t>(got));
        return true;
    }
    /// Returns all that has come, when it is a ping at least.
    std::string next() {
        received_.clear();
        while (received_.size() < ping.size()) REQUIRE(receive());
        return received_;
    }
    /// The shard does nothing else for so long.
    void busy_for(std::chrono::milliseconds time) {
        clients_.ask(0, [time](shard_clients&) { std::this_thread::sleep_for(time); });
    }
    bool is_open() { return clients_.connections() == 1; }

private:
    listener_settings listener_;
    clients_of_shards clients_;
    int end_ = -1;
    std::string received_;
};

}  // namespace

TEST_CASE("websocket: a silent client is pinged, and stays as long as it answers", "[clients]") {
    websocket it{pinged_after(50ms, 60s)};
    for (int i = 0; i < 3; ++i) {
        CHECK(it.next() == ping);
        it.send(pong);
    }
    CHECK(it.is_open());
}

TEST_CASE("websocket: who does not answer the ping is closed, and not asked again", "[clients]") {
    websocket it{pinged_after(50ms, 100ms)};
    CHECK(it.next() == ping);
    while (it.receive()) {}
    CHECK_FALSE(it.is_open());
}

TEST_CASE("websocket: the time to answer begins with the ping, however late the shard sends it", "[clients]") {
    websocket it{pinged_after(100ms, 2s)};
    it.busy_for(2'500ms);  // longer than both together
    CHECK(it.next() == ping);
    it.send(pong);
    CHECK(it.next() == ping);
    CHECK(it.is_open());
}
