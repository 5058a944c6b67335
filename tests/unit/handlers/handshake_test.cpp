#include "handlers/handshake.hpp"
#include "supervisor_fixture.hpp"
#include "wire/frame.hpp"

#include <catch2/catch.hpp>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cerrno>

using namespace std::chrono_literals;
using namespace bester::handlers;
using namespace bester::handlers::testing;
using nlohmann::json;

namespace {

/// A handler's end of one connection, in the test's own hands.
class raw_channel {
public:
    raw_channel(supervisor_fixture& test, const std::string& path) : test_(test) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        path.copy(address.sun_path, sizeof address.sun_path - 1);
        fd_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        REQUIRE(::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    }
    explicit raw_channel(supervisor_fixture& test) : raw_channel(test, test.socket_path()) {}
    ~raw_channel() { ::close(fd_); }
    raw_channel(const raw_channel&) = delete;
    raw_channel& operator=(const raw_channel&) = delete;

    void send(const std::string& bytes) {
        REQUIRE(::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size()));
    }
    /// Sends a hello and returns what the broker answers.
    json say(const json& hello) {
        send(frame_of(hello.dump()));
        return answer();
    }
    json answer() {
        bester::wire::frame_result frame;
        REQUIRE(test_.wait([&] {
            read();
            frame = bester::wire::decode_frame(received_, 1 << 20);
            return frame.status == bester::wire::frame_status::complete;
        }));
        const json parsed = json::parse(frame.body);
        received_.erase(0, frame.consumed);
        return parsed;
    }
    bool is_closed() {
        read();
        return closed_;
    }

private:
    void read() {
        char buffer[4096];
        const ssize_t count = ::recv(fd_, buffer, sizeof buffer, 0);
        if (count > 0) received_.append(buffer, static_cast<std::size_t>(count));
        else if (count == 0 || errno == ECONNRESET) closed_ = true;
    }

    supervisor_fixture& test_;
    int fd_ = -1;
    std::string received_;
    bool closed_ = false;
};

json hello(const std::string& handler, const json& more = json::object()) {
    json message{{"kind", "hello"}, {"protocol", 1}, {"handler", handler}};
    message.update(more);
    return message;
}

handler_settings manual(const std::string& name, unsigned instances = 1) {
    handler_settings settings;
    settings.name = name;
    settings.start = start_mode::manual;
    settings.instances = instances;
    settings.types = {name};
    return settings;
}

}  // namespace

TEST_CASE("handshake: a process started by hand attaches", "[handlers]") {
    supervisor_fixture test(2);
    test.start({manual("chat")});
    CHECK(test.only("chat").state == instance_state::waiting);
    raw_channel first(test);
    const json welcome = first.say(hello("chat", {{"events", {"peers"}}}));
    CHECK(welcome.at("kind") == "welcome");
    CHECK(welcome.at("instance") == "chat#0");
    CHECK(welcome.at("shard") == 0);
    CHECK(welcome.at("shards") == 2);
    CHECK(welcome.at("server") == "home");
    CHECK(welcome.at("window") == 512);
    CHECK(test.only("chat").state == instance_state::starting);
    CHECK(test.only("chat").pid == ::getpid());

    raw_channel second(test);
    second.send(frame_of(hello("chat", {{"key", welcome.at("key")}, {"shard", 1}}).dump()) + "early bytes");
    CHECK(second.answer().at("shard") == 1);
    REQUIRE(test.wait([&] { return test.is_ready("chat"); }));
    CHECK(test.host.offers.at(1).received == "early bytes");
    CHECK(test.host.offers.at(0).wishes.peer_events);
    CHECK(test.host.offers.at(1).wishes.peer_events);
    CHECK_FALSE(test.host.offers.at(1).wishes.client_events);
    CHECK((::fcntl(test.host.offers.at(1).fd, F_GETFL) & O_NONBLOCK) != 0);

    SECTION("and the place is free again when it is lost") {
        test.runs->channel_lost(test.host.ready.front(), "closed");
        REQUIRE(test.wait([&] { return test.only("chat").state == instance_state::waiting; }));
        CHECK(test.only("chat").last_exit == "closed");
        raw_channel next(test);
        CHECK(next.say(hello("chat")).at("kind") == "welcome");
    }
    SECTION("a drain detaches it, and lets nobody else in") {
        REQUIRE(test.runs->drain("chat"));
        REQUIRE(test.wait([&] { return test.only("chat").state == instance_state::stopped; }));
        REQUIRE(test.wait([&] { return first.answer().at("kind") == "drain"; }));
        raw_channel next(test);
        CHECK(next.say(hello("chat")).at("code") == "not_permitted");
        REQUIRE(test.runs->restart("chat"));
        raw_channel again(test);
        CHECK(again.say(hello("chat")).at("kind") == "welcome");
    }
    CHECK(test.stop());
}

TEST_CASE("handshake: refusals have their codes, and the connection ends", "[handlers]") {
    supervisor_fixture test(2);
    test.start({manual("chat"), test.entry("started", "silent")});
    struct row {
        json hello;
        const char* code;
    };
    const row rows[] = {
        {{{"kind", "hello"}, {"protocol", 9}, {"handler", "chat"}}, "protocol_mismatch"},
        {hello("nobody"), "handler_unknown"},
        {hello("chat", {{"token", "guessed"}}), "bad_token"},
        {hello("started", {{"token", std::string(64, '0')}}), "bad_token"},
        {hello("chat", {{"key", "guessed"}, {"shard", 1}}), "bad_token"},
        {hello("started"), "not_permitted"},
        {{{"kind", "hi"}}, "bad_hello"},
        {json::array(), "bad_hello"},
    };
    for (const row& each : rows) {
        CAPTURE(each.hello.dump());
        raw_channel channel(test);
        const json answer = channel.say(each.hello);
        CHECK(answer.at("kind") == "error");
        CHECK(answer.at("code") == each.code);
        CHECK_FALSE(answer.at("reason").get<std::string>().empty());
        CHECK(test.wait([&] { return channel.is_closed(); }));
    }
    CHECK(test.host.calls.empty());
    CHECK(test.stop());
}

TEST_CASE("handshake: a shard's channel is given once, and places are counted", "[handlers]") {
    supervisor_fixture test(2);
    test.start({manual("chat", 2)});
    raw_channel first(test);
    const json welcome = first.say(hello("chat"));
    const json key = welcome.at("key");
    raw_channel taken(test);
    CHECK(taken.say(hello("chat", {{"key", key}, {"shard", 0}})).at("code") == "shard_taken");
    raw_channel beyond(test);
    CHECK(beyond.say(hello("chat", {{"key", key}, {"shard", 2}})).at("code") == "bad_hello");
    raw_channel second(test);
    CHECK(second.say(hello("chat", {{"key", key}, {"shard", 1}})).at("kind") == "welcome");
    REQUIRE(test.wait([&] { return test.host.ready.size() == 1; }));
    raw_channel again(test);
    CHECK(again.say(hello("chat", {{"key", key}, {"shard", 1}})).at("code") == "shard_taken");
    raw_channel other(test);
    CHECK(other.say(hello("chat")).at("instance") == "chat#1");
    raw_channel third(test);
    CHECK(third.say(hello("chat")).at("code") == "instances_full");
    CHECK(test.stop());
}

/// What the broker answers to this hello from a process of another user (only root can have one); empty if that cannot
/// be had here.
std::string answer_to_nobody(supervisor_fixture& test, const json& said) {
    if (::geteuid() != 0) {
        WARN("needs root to have another user; the check itself is covered where the tests run as root");
        return {};
    }
    ::chmod(test.directory.path().c_str(), 0711);
    int result[2];
    REQUIRE(::pipe2(result, O_CLOEXEC | O_NONBLOCK) == 0);
    const std::string path = test.socket_path();
    const std::string frame = frame_of(said.dump());
    const pid_t child = ::fork();
    if (child == 0) {
        // Only system calls here: the test's own machinery belongs to the parent.
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        path.copy(address.sun_path, sizeof address.sun_path - 1);
        char buffer[1024];
        if (::setuid(65534) != 0) ::_exit(1);
        const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
        if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) ::_exit(2);
        if (::write(fd, frame.data(), frame.size()) < 0) ::_exit(3);
        const ssize_t count = ::read(fd, buffer, sizeof buffer);
        if (count < 4 || ::write(result[1], buffer + 4, static_cast<std::size_t>(count - 4)) < 0) ::_exit(4);
        ::_exit(0);
    }
    std::string answer;
    CHECK(test.wait([&] {
        char buffer[1024];
        const ssize_t count = ::read(result[0], buffer, sizeof buffer);
        if (count > 0) answer.assign(buffer, static_cast<std::size_t>(count));
        return count > 0;
    }));
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(WEXITSTATUS(status) == 0);
    ::close(result[0]);
    ::close(result[1]);
    return answer;
}

TEST_CASE("handshake: without a token, only the broker's own user and root may attach", "[handlers]") {
    supervisor_fixture test(1);
    test.start({manual("chat")});
    const std::string answer = answer_to_nobody(test, hello("chat"));
    if (!answer.empty()) CHECK_THAT(answer, Catch::Contains("not_permitted"));
    CHECK(test.stop());
}

TEST_CASE("handshake: the key opens further channels only for the user that opened the first", "[handlers]") {
    supervisor_fixture test(2);
    test.start({manual("chat")});
    raw_channel first(test);
    const json welcome = first.say(hello("chat"));
    const json further = hello("chat", {{"key", welcome.at("key")}, {"shard", 1}});
    const std::string answer = answer_to_nobody(test, further);
    if (!answer.empty()) CHECK_THAT(answer, Catch::Contains("not_permitted"));
    raw_channel second(test);
    CHECK(second.say(further).at("kind") == "welcome");
    CHECK(test.stop());
}

TEST_CASE("handshake: bounds of size, time and number", "[handlers]") {
    supervisor_fixture test(1);
    handshake_limits limits;
    limits.hello_size = 200;
    limits.hello_timeout = 200ms;
    limits.unfinished = 2;
    handshake_decisions decisions;
    decisions.admit = [](const hello_message&, const peer_credentials&) -> tl::expected<admission, refusal> {
        return tl::unexpected(refusal{bester::wire::error_code::handler_unknown, "none"});
    };
    const std::string path = test.directory.path("other.sock");
    handshake_listener listener(test.io, path, decisions, limits);
    SECTION("a hello that is too long is refused before it is read") {
        raw_channel channel(test, path);
        channel.send(std::string("\xc9\0\0\0", 4));
        CHECK(channel.answer().at("code") == "bad_hello");
        CHECK(test.wait([&] { return channel.is_closed(); }));
    }
    SECTION("one that does not come is refused in time") {
        raw_channel channel(test, path);
        channel.send(std::string("\x0a\0\0", 3));
        CHECK(channel.answer().at("code") == "bad_hello");
        CHECK(test.wait([&] { return channel.is_closed(); }));
        CHECK(test.log.has("no hello within 200 ms"));
    }
    SECTION("too many silent ones do not keep a handler out: the oldest goes") {
        raw_channel oldest(test, path), older(test, path), talks(test, path);
        CHECK(talks.say(hello("chat")).at("code") == "handler_unknown");
        CHECK(test.wait([&] { return oldest.is_closed(); }));
        CHECK(test.log.has("closing the oldest"));
    }
    SECTION("one byte at a time is fine") {
        raw_channel channel(test, path);
        for (const char byte : frame_of(hello("chat").dump())) {
            channel.send(std::string(1, byte));
            test.io.poll();
        }
        CHECK(channel.answer().at("code") == "handler_unknown");
    }
    SECTION("anybody may connect") {
        struct stat about {};
        REQUIRE(::stat(path.c_str(), &about) == 0);
        CHECK((about.st_mode & 0777) == 0666);
    }
    listener.close();
    test.io.restart();
    test.io.run_for(10s);
    CHECK(test.io.stopped());
}
