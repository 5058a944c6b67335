#include "supervisor_fixture.hpp"

#include <catch2/catch.hpp>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <fstream>

using namespace std::chrono_literals;
using namespace bester::handlers;
using namespace bester::handlers::testing;
using calls = std::vector<std::string>;

namespace {

bool is_alive(pid_t pid) { return ::kill(pid, 0) == 0; }

}  // namespace

TEST_CASE("supervisor: starts a handler, opens a channel for each shard, and drains it at the end", "[handlers]") {
    supervisor_fixture test(3);
    handler_settings chat = test.entry("chat");
    chat.config_json = R"({"rooms": [1.0]})";
    chat.window = 100;
    test.start({chat});
    CHECK(test.only("chat").state == instance_state::starting);
    REQUIRE(test.wait([&] { return test.is_ready("chat"); }));
    CHECK(test.host.calls == calls{"open chat#0 0", "open chat#0 1", "open chat#0 2", "ready chat#0"});
    for (const channel_offer& each : test.host.offers) {
        CHECK(each.wishes.client_events);
        CHECK_FALSE(each.wishes.peer_events);
        CHECK(each.instance == test.host.ready.front());
    }
    const instance_status status = test.only("chat");
    CHECK(status.restarts == 0);
    CHECK(status.epoch == test.host.ready.front().epoch);
    CHECK(is_alive(status.pid));
    // The handler prints its welcome: window and config are what the entry says.
    REQUIRE(test.wait([&] { return !test.only("chat").last_output.empty(); }));
    CHECK(test.log.has(R"("window": 34)"));
    CHECK(test.log.has(R"("config": {"rooms": [1.0]})"));
    CHECK(test.log.has("[handler chat#0 pid " + std::to_string(status.pid) + " out] {\"kind\": \"welcome\""));

    REQUIRE(test.stop());
    CHECK(test.host.calls[4] == "drain chat#0");
    CHECK(test.host.calls[5] == "close chat#0: drained");
    CHECK(test.host.calls.size() == 6);
    CHECK_FALSE(is_alive(status.pid));
    CHECK(test.runs->status().empty());
}

TEST_CASE("supervisor: a crash is named, and the handler started again with a new epoch", "[handlers]") {
    supervisor_fixture test;
    test.start({test.entry("chat")});
    REQUIRE(test.wait([&] { return test.is_ready("chat"); }));
    const instance_ref first = test.host.ready.front();
    SECTION("by a signal") {
        test.host.send(first, R"({"kind":"crash"})");
        REQUIRE(test.wait([&] { return test.host.ready.size() == 2; }));
        CHECK(test.has_call("close chat#0: killed by signal 9 (SIGKILL)"));
        CHECK(test.only("chat").last_exit == "killed by signal 9 (SIGKILL)");
        CHECK(test.log.has("warning handler chat#0: pid "));
    }
    SECTION("by its exit status, though the channel's end was noticed first") {
        test.host.send(first, R"({"kind":"exit","status":3})");
        test.runs->channel_lost(first, "the channel was closed");
        REQUIRE(test.wait([&] { return test.host.ready.size() == 2; }));
        CHECK(test.has_call("close chat#0: exited with status 3"));
        CHECK_THAT(test.only("chat").last_exit, Catch::StartsWith("exited with status 3"));
    }
    SECTION("after leaving by itself") {
        test.host.send(first, R"({"kind":"leave"})");
        REQUIRE(test.wait([&] { return test.host.ready.size() == 2; }));
        CHECK(test.has_call("close chat#0: exited with status 0"));
        CHECK(test.log.has("starting it again now"));
    }
    SECTION("after the host has told that it left") {
        test.runs->instance_drained(first);
        REQUIRE(test.wait([&] { return test.host.ready.size() == 2; }));
        CHECK(test.has_call("close chat#0: left by itself"));
    }
    SECTION("for breaking the protocol while its process lives on") {
        test.runs->channel_lost(first, "sent a frame that is not JSON");
        REQUIRE(test.wait([&] { return test.host.ready.size() == 2; }));
        CHECK(test.has_call("close chat#0: sent a frame that is not JSON"));
        CHECK_THAT(test.only("chat").last_exit, Catch::StartsWith("sent a frame that is not JSON; then "));
    }
    CHECK(test.host.ready[1].epoch > first.epoch);
    CHECK(test.only("chat").restarts == 1);
    CHECK(std::count_if(test.host.calls.begin(), test.host.calls.end(),
                        [](const std::string& call) { return call.starts_with("close"); }) == 1);
    CHECK(test.stop());
}

TEST_CASE("supervisor: an exception in the middle of an instance's life keeps no handler from being started again",
          "[handlers]") {
    supervisor_fixture test;
    unsigned exceptions = 0;
    const auto until = [&](const std::function<bool()>& condition) {
        for (;;) {
            try {
                return test.wait(condition);
            } catch (const std::bad_alloc&) {  // as the control thread does
                ++exceptions;
                test.runs->go_on();
            }
        }
    };
    handler_settings chat = test.entry("chat");
    SECTION("when its process has ended") {
        test.start({chat});
        REQUIRE(until([&] { return test.is_ready("chat"); }));
        test.host.fails_to_close = true;
        test.host.send(test.host.ready.front(), R"({"kind":"crash"})");
        REQUIRE(until([&] { return test.host.ready.size() == 2; }));
        CHECK(exceptions == 1);
    }
    SECTION("when it is ready") {
        chat.hello_timeout = std::chrono::milliseconds{1'000};
        test.host.fails_when_ready = true;
        test.start({chat});
        REQUIRE(until([&] { return test.is_ready("chat"); }));
        CHECK_FALSE(test.host.fails_when_ready);
    }
    CHECK(test.stop());
}

TEST_CASE("supervisor: news about an instance that is gone changes nothing", "[handlers]") {
    supervisor_fixture test;
    test.start({test.entry("chat")});
    REQUIRE(test.wait([&] { return test.is_ready("chat"); }));
    instance_ref late = test.host.ready.front();
    --late.epoch;
    test.runs->channel_lost(late, "late");
    test.runs->instance_drained(late);
    test.runs->channel_lost({"nobody", 0, 1}, "unknown");
    CHECK(test.only("chat").state == instance_state::ready);
    CHECK(test.stop());
}

TEST_CASE("supervisor: a handler that cannot start backs off, becomes degraded and is still tried", "[handlers]") {
    supervisor_fixture test;
    handler_settings broken = test.entry("broken", "fail");
    std::string reason = "exited with status 1";
    SECTION("because it exits at once") {
        test.start({broken});
        REQUIRE(test.wait([&] { return test.status_of("broken").is_degraded; }));
        CHECK(test.log.has("its last line: this handler is broken"));
        CHECK(test.status_of("broken").instances.front().last_output == "this handler is broken");
    }
    SECTION("because it does not exist") {
        broken.command = {"/nowhere/handler"};
        reason = "could not be started: cannot execute '/nowhere/handler': No such file or directory";
        test.start({broken});
        REQUIRE(test.wait([&] { return test.status_of("broken").is_degraded; }));
    }
    const instance_status status = test.status_of("broken").instances.front();
    CHECK(status.is_degraded);
    CHECK(status.restarts >= 5);
    CHECK(status.last_exit == reason);
    CHECK(test.log.has("error handler broken#0: degraded: 5 failed starts within 60 s"));
    CHECK(test.host.calls.empty());
    REQUIRE(test.wait([&] { return test.status_of("broken").instances.front().restarts > status.restarts; }));
    CHECK(test.stop());
}

TEST_CASE("supervisor: a process that does not open all its channels in time is a failed start", "[handlers]") {
    const std::string mode = GENERATE("silent", "one_channel");
    supervisor_fixture test;
    handler_settings mute = test.entry("mute", mode);
    mute.hello_timeout = 300ms;
    test.start({mute});
    REQUIRE(test.wait([&] { return test.status_of("mute").instances.front().restarts > 0; }));
    CHECK_THAT(test.status_of("mute").instances.front().last_exit,
               Catch::StartsWith("not ready within 0.3 s (hello_timeout)"));
    CHECK(test.host.ready.empty());
    CHECK(test.stop());
}

TEST_CASE("supervisor: what ignores SIGTERM is killed after its grace", "[handlers]") {
    supervisor_fixture test;
    handler_settings stubborn = test.entry("stubborn", "stubborn");
    stubborn.stop_grace = 200ms;
    test.start({stubborn});
    REQUIRE(test.wait([&] { return test.is_ready("stubborn"); }));
    const pid_t pid = test.only("stubborn").pid;
    CHECK(test.stop());
    CHECK(test.log.has("still runs 0.2 s after SIGTERM (stop_grace); killing it"));
    CHECK_FALSE(is_alive(pid));
}

TEST_CASE("supervisor: a drain that does not end is cut short", "[handlers]") {
    supervisor_fixture test;
    test.host.answers_drains = false;
    handler_settings stubborn = test.entry("stubborn", "stubborn");
    stubborn.stop_grace = 50ms;
    test.start({stubborn});
    REQUIRE(test.wait([&] { return test.is_ready("stubborn"); }));
    CHECK(test.stop(100ms));
    CHECK(test.has_call("drain stubborn#0"));
    CHECK(test.has_call("close stubborn#0: not drained in time"));
}

TEST_CASE("supervisor: stop works at any moment of a handler's life", "[handlers]") {
    const std::string mode = GENERATE("normal", "silent", "fail");
    supervisor_fixture test;
    test.start({test.entry("chat", mode), test.entry("other", mode)});
    if (mode == "fail") REQUIRE(test.wait([&] { return test.only("chat").state == instance_state::backing_off; }));
    CHECK(test.stop());
    CHECK(test.runs->status().empty());
    // Nothing that would keep the loop running, or start something, is left.
    test.io.restart();
    test.io.run_for(10s);
    CHECK(test.io.stopped());
}

TEST_CASE("supervisor: stop without any handler is told as well", "[handlers]") {
    supervisor_fixture test;
    test.start({});
    CHECK(test.stop());
}

TEST_CASE("supervisor: destroying it kills what runs", "[handlers]") {
    supervisor_fixture test;
    test.start({test.entry("chat", "stubborn")});
    REQUIRE(test.wait([&] { return test.is_ready("chat"); }));
    const pid_t pid = test.only("chat").pid;
    test.runs.reset();
    CHECK_FALSE(is_alive(pid));
    test.io.restart();
    test.io.run_for(10s);
    CHECK(test.io.stopped());
}

TEST_CASE("supervisor: one-shot entries are none of its business", "[handlers]") {
    supervisor_fixture test;
    handler_settings old = test.entry("old");
    old.start = start_mode::one_shot;
    old.socket = "/nowhere";
    test.start({old});
    CHECK(test.runs->status().empty());
    CHECK_FALSE(test.runs->restart("old"));
    CHECK(test.stop());
}

TEST_CASE("supervisor: refuses the place of a broker that lives, takes that of a dead one", "[handlers]") {
    supervisor_fixture test;
    test.start({});
    supervisor second(test.io, test.host, {test.directory.path(), "home"}, nullptr);
    CHECK_THROWS_WITH(second.start({}), Catch::Contains("another process listens"));
    SECTION("the socket is gone after a stop") { CHECK(test.stop()); }
    SECTION("a file that is no socket is not removed") {
        CHECK(test.stop());
        std::ofstream(test.socket_path()) << "precious";
        CHECK_THROWS_WITH(second.start({}), Catch::Contains("is not a socket"));
        std::filesystem::remove(test.socket_path());
    }
    CHECK_FALSE(std::filesystem::exists(test.socket_path()));
    // A socket file without a listener, as kill -9 leaves it.
    const int dead = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    test.socket_path().copy(address.sun_path, sizeof address.sun_path - 1);
    REQUIRE(::bind(dead, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    ::close(dead);
    CHECK_NOTHROW(second.start({}));
}
