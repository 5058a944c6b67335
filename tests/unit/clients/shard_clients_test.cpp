// Connections that arrive, and Socket.IO sessions that end, many at once, on a shard that runs.
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "clients/engine/engine_session.hpp"
#include "clients_of_shards.hpp"
#include "exchange/handler_port.hpp"
#include "exchange/turn.hpp"

using namespace bester;
using namespace bester::clients;

namespace {

/// Calls `note` at the end of each turn until it returns false.
struct noting_end final : exchange::turn_worker {
    noting_end(exchange::shard& of, std::function<bool()> call)
        : turn_worker{exchange::work_phase::ending}, shard{of}, note{std::move(call)} {}
    void work_in_turn() override {
        if (note()) shard.work_later(*this);
    }

    exchange::shard& shard;
    std::function<bool()> note;
};

/// Hears of each session that leaves, and takes longer for it than a turn has for all of them.
struct slow_observer final : exchange::session_observer {
    std::size_t gone = 0;
    void on_connected(const exchange::session&) noexcept override {}
    void on_disconnected(const exchange::session&) noexcept override {
        ++gone;
        std::this_thread::sleep_for(std::chrono::milliseconds{3});
    }
    void on_membership(const exchange::session&, std::string_view, bool,
                       const exchange::instance_mark&) noexcept override {}
};

/// The body of the answer to a request over HTTP.
std::string ask(int fd, const std::string& request) {
    REQUIRE(::send(fd, request.data(), request.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(request.size()));
    std::string got;
    for (;;) {
        const std::size_t head = got.find("\r\n\r\n");
        const std::size_t length = got.find("Content-Length: ");
        if (head != got.npos && length < head && got.size() >= head + 4 + std::stoul(got.substr(length + 16))) {
            REQUIRE(got.starts_with("HTTP/1.1 200 "));
            return got.substr(head + 4);
        }
        pollfd waiting{fd, POLLIN, 0};
        REQUIRE(::poll(&waiting, 1, 20'000) == 1);
        char buffer[4'096];
        const ssize_t count = ::recv(fd, buffer, sizeof buffer, 0);
        REQUIRE(count > 0);
        got.append(buffer, static_cast<std::size_t>(count));
    }
}

}  // namespace

TEST_CASE("shard clients: many that arrive at once are taken over in several turns, in order", "[clients]") {
    constexpr std::size_t count = 4;
    client_limits limits;
    limits.connections_per_address = 1'000;
    limits.connections = 10;
    listener_settings listener;
    // Each takes longer than a turn has for all that arrive: its address is compared with every proxy's.
    listener.proxies.assign(200'000, "192.0.2.0/24");
    clients_of_shards all{1, limits};
    std::vector<std::size_t> sizes;
    bool has_served_others = false;
    std::vector<int> ends;
    std::unique_ptr<noting_end> noting;
    all.ask(0, [&](shard_clients& there) {
        for (std::size_t i = 0; i < count; ++i) {
            std::array<int, 2> pair{};
            REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair.data()) == 0);
            ends.push_back(pair[0]);
            there.adopt({exchange::owned_socket{pair[1]}, connection_slot{all.connections(), count}, nullptr,
                         "198.51.100." + std::to_string(i)},
                        listener);
        }
        noting = std::make_unique<noting_end>(there.shard(), [&] {
            sizes.push_back(there.size());
            return there.size() < count;
        });
        there.shard().work_later(*noting);
        there.shard().post([&](exchange::shard&) { has_served_others = there.size() < count; });
    });
    while (all.ask(0, [&](shard_clients& there) { return there.size(); }) < count) std::this_thread::yield();
    all.ask(0, [&](shard_clients&) {
        std::size_t before = 0;
        for (const std::size_t now : sizes) {
            CHECK(now <= before + 1);
            before = now;
        }
        CHECK(has_served_others);
        noting.reset();
    });
    for (const int each : ends) ::close(each);
}

TEST_CASE("shard clients: Socket.IO sessions that end at once do so in several turns", "[clients]") {
    constexpr std::size_t count = 4;
    const std::string path = "/socket.io/?EIO=4&transport=polling";
    client_limits limits;
    limits.connections = 10;
    listener_settings listener;
    listener.kind = transport::websocket;
    listener.authentication = {authentication_method::anonymous};
    web_path& served = listener.web.paths.emplace_back();
    served.name = "/socket.io/";
    served.frames = bound_frames::socketio;
    served.namespaces = {{"/", "chat"}};
    clients_of_shards all{1, limits};
    std::vector<int> ends;
    std::vector<std::string> sessions;
    for (std::size_t i = 0; i < count; ++i) {
        std::array<int, 2> pair{};
        REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair.data()) == 0);
        ends.push_back(pair[0]);
        all.ask(0, [&](shard_clients& there) {
            there.adopt({exchange::owned_socket{pair[1]}, connection_slot{all.connections(), count}, nullptr, {}},
                        listener);
        });
        const std::string opened = ask(pair[0], "GET " + path + " HTTP/1.1\r\nHost: a\r\n\r\n");
        const std::size_t at = opened.find(R"("sid":")") + 7;
        sessions.push_back(opened.substr(at, opened.find('"', at) - at));
        ask(pair[0],
            "POST " + path + "&sid=" + sessions.back() + " HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n40");
    }
    slow_observer slow;
    std::vector<std::size_t> gone;
    std::unique_ptr<noting_end> noting;
    all.ask(0, [&](shard_clients& there) {
        there.shard().observers().add(slow);
        for (const std::string& sid : sessions) {
            engine_session* const found = there.engines().find(sid);
            REQUIRE(found);
            found->close_later();
        }
        noting = std::make_unique<noting_end>(there.shard(), [&] {
            gone.push_back(slow.gone);
            return slow.gone < count;
        });
        there.shard().work_later(*noting);
    });
    while (all.ask(0, [&](shard_clients&) { return slow.gone; }) < count) std::this_thread::yield();
    all.ask(0, [&](shard_clients& there) {
        std::size_t before = 0;
        for (const std::size_t now : gone) {
            CHECK(now <= before + 1);
            before = now;
        }
        for (const std::string& sid : sessions) CHECK_FALSE(there.engines().find(sid));
        there.shard().observers().remove(slow);
        noting.reset();
    });
    for (const int each : ends) ::close(each);
}
