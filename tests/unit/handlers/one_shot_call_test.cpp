#include "handlers/one_shot_call.hpp"
#include "event_loop.hpp"
#include "handlers/handshake_messages.hpp"
#include "handlers/spawn.hpp"
#include "temporary_directory.hpp"

#include <asio/io_context.hpp>
#include <catch2/catch.hpp>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <optional>

using namespace std::chrono_literals;
using namespace bester::handlers;
using namespace bester::handlers::testing;
using bester::wire::error_code;

namespace {

const std::string good_answer =
    R"({"header":{"status":"0","command":{"type":"sendClients","data":["gustav"]}},"data":{"n":1}})";

/// The handler's side, driven by the test itself: non-blocking, one connection.
class bare_handler {
public:
    explicit bare_handler(const std::string& path, int backlog = 8) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        path.copy(address.sun_path, sizeof address.sun_path - 1);
        listener_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        REQUIRE(::bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
        REQUIRE(::listen(listener_, backlog) == 0);
    }
    ~bare_handler() {
        hang_up();
        ::close(listener_);
    }
    bool accept() {
        if (connection_ < 0) connection_ = ::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
        return connection_ >= 0;
    }
    void hang_up() {
        if (connection_ >= 0) ::close(connection_);
        connection_ = -1;
    }
    bool has_received(const std::string& bytes) {
        char buffer[256];
        if (accept())
            if (const ssize_t count = ::read(connection_, buffer, sizeof buffer); count > 0)
                received_.append(buffer, static_cast<std::size_t>(count));
        return received_ == bytes;
    }
    void send(const std::string& bytes) {
        REQUIRE(::send(connection_, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size()));
    }

private:
    int listener_ = -1;
    int connection_ = -1;
    std::string received_;
};

struct caller {
    asio::io_context io;
    std::optional<one_shot_result> result;

    void call(const std::string& path, std::chrono::milliseconds timeout = 20s, std::size_t limit = 1000) {
        spawn(io, "test", [this, path, timeout, limit]() -> asio::awaitable<void> {
            result =
                co_await call_one_shot(path, "{\"to\":\"gustav\"}", std::chrono::steady_clock::now() + timeout, limit);
        });
    }
    bool is_done() const { return result.has_value(); }
};

}  // namespace

TEST_CASE("one-shot call: sends the data alone and takes one answer", "[handlers]") {
    temporary_directory directory;
    bare_handler handler(directory.path("h.sock"));
    caller calls;
    calls.call(directory.path("h.sock"));
    REQUIRE(eventually(calls.io, [&] { return handler.has_received(frame_of("{\"to\":\"gustav\"}")); }));
    const std::string frame = frame_of(good_answer);
    SECTION("whole") { handler.send(frame); }
    SECTION("in two pieces") {
        handler.send(frame.substr(0, 3));
        calls.io.poll();
        CHECK_FALSE(calls.is_done());
        handler.send(frame.substr(3));
    }
    SECTION("and what follows is nobody's business") { handler.send(frame + "more"); }
    SECTION("though the handler closes at once") {
        handler.send(frame);
        handler.hang_up();
    }
    REQUIRE(eventually(calls.io, [&] { return calls.is_done(); }));
    REQUIRE(*calls.result);
    CHECK((*calls.result)->recipients == std::vector<std::string>{"gustav"});
    CHECK((*calls.result)->data == R"({"n":1})");
}

TEST_CASE("one-shot call: what can go wrong has its code", "[handlers]") {
    temporary_directory directory;
    const std::string path = directory.path("h.sock");
    caller calls;
    error_code expected = error_code::none;
    SECTION("nobody listens") {
        calls.call(path);
        expected = error_code::handler_unavailable;
        REQUIRE(eventually(calls.io, [&] { return calls.is_done(); }));
    }
    SECTION("the path is too long for a socket") {
        calls.call("/" + std::string(200, 'x'));
        expected = error_code::handler_unavailable;
        REQUIRE(eventually(calls.io, [&] { return calls.is_done(); }));
    }
    SECTION("with a handler") {
        bare_handler handler(path);
        SECTION("that never answers") {
            calls.call(path, 50ms);
            expected = error_code::handler_timeout;
        }
        SECTION("that closes early") {
            calls.call(path);
            REQUIRE(eventually(calls.io, [&] { return handler.accept(); }));
            handler.hang_up();
            expected = error_code::handler_failed;
        }
        SECTION("that closes in the middle of its answer") {
            calls.call(path);
            REQUIRE(eventually(calls.io, [&] { return handler.accept(); }));
            handler.send(frame_of(good_answer).substr(0, 20));
            handler.hang_up();
            expected = error_code::handler_failed;
        }
        SECTION("that says too much") {
            calls.call(path, 20s, good_answer.size() - 1);
            REQUIRE(eventually(calls.io, [&] { return handler.accept(); }));
            handler.send(frame_of(good_answer));
            expected = error_code::handler_failed;
        }
        SECTION("that talks nonsense") {
            calls.call(path);
            REQUIRE(eventually(calls.io, [&] { return handler.accept(); }));
            handler.send(frame_of("nonsense"));
            expected = error_code::handler_failed;
        }
        SECTION("that refuses") {
            calls.call(path);
            REQUIRE(eventually(calls.io, [&] { return handler.accept(); }));
            handler.send(frame_of(R"({"header":{"status":"7"}})"));
            expected = error_code::handler_refused;
        }
        REQUIRE(eventually(calls.io, [&] { return calls.is_done(); }));
    }
    REQUIRE_FALSE(*calls.result);
    CAPTURE(calls.result->error().reason);
    CHECK(calls.result->error().code == expected);
}

TEST_CASE("one-shot call: waits for a handler whose backlog is full", "[handlers]") {
    temporary_directory directory;
    const std::string path = directory.path("h.sock");
    bare_handler handler(path, 0);  // the kernel lets one wait
    caller first, second;
    first.call(path);
    first.io.poll();
    second.call(path);
    second.io.poll();
    CHECK_FALSE(second.is_done());
    // The first one's turn ends; only then the second can get through.
    REQUIRE(handler.accept());
    handler.send(frame_of(good_answer));
    REQUIRE(eventually(first.io, [&] { return first.is_done(); }));
    CHECK(first.result->has_value());
    handler.hang_up();
    REQUIRE(eventually(second.io, [&] { return handler.accept(); }));
    handler.send(frame_of(good_answer));
    REQUIRE(eventually(second.io, [&] { return second.is_done(); }));
    CHECK(second.result->has_value());
}
