#include <catch2/catch.hpp>

#include <csignal>
#include <cstdlib>

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <optional>
#include <string>
#include <vector>

#include "running_handler.hpp"

using namespace sdk_test;
using bester::message;
using bester::reply;
using bester::responder;

namespace {

/// Sets a variable of the environment while it lives; no thread may run meanwhile that reads it.
struct variable {
    const char* name;
    variable(const char* given, const char* value) : name{given} { ::setenv(name, value, 1); }
    ~variable() { ::unsetenv(name); }
};

}  // namespace

TEST_CASE("leaving: drained by the broker it answers what it holds, then closes", "[sdk]") {
    std::optional<responder> held;
    running_handler it{2};
    it.handler.on_message([&](const message&, responder r) {
        held.emplace(std::move(r));
        (void)it.handler.push(bester::join("seen", "s1"));
    });
    it.start();
    it.send_message(1, 1, "t");
    CHECK(it.receive(1).at("kind") == "push");
    it.broker.send(0, {{"kind", "drain"}});
    it.broker.send(1, {{"kind", "drain"}});
    it.handler.post([&] { held->answer(reply("late")); });
    CHECK(it.receive(1).at("commands").at(0).at("data") == "late");
    it.broker.await_close(0);
    it.broker.await_close(1);
    CHECK(it.await_exit() == 0);
}

TEST_CASE("leaving: stopped by a signal or by itself it says so, and takes what is on its way", "[sdk]") {
    running_handler it{2};
    it.handler.on_message([](const message&) { return reply("still"); });
    it.start();
    // Attached for sure: signals before run() are not the handler's.
    it.send_message(0, 1, "t");
    CHECK(it.receive(0) == reply_of(1, "still"));
    switch (GENERATE(0, SIGTERM, SIGINT)) {
        case SIGTERM: ::kill(::getpid(), SIGTERM); break;
        case SIGINT: ::kill(::getpid(), SIGINT); break;
        default: it.handler.stop();
    }
    CHECK(it.receive(0) == json{{"kind", "draining"}});
    CHECK(it.receive(1) == json{{"kind", "draining"}});
    it.send_message(1, 2, "t");
    CHECK(it.receive(1) == reply_of(2, "still"));
    it.broker.send(0, {{"kind", "drain"}});
    it.broker.send(1, {{"kind", "drain"}});
    CHECK(it.await_exit() == 0);
}

TEST_CASE("leaving: a broker that does not confirm is not waited for", "[sdk]") {
    running_handler it;
    it.handler.on_welcome([&](const bester::welcome&) { (void)it.handler.push(bester::join("here", "s1")); });
    it.start();
    CHECK(it.receive().at("kind") == "push");
    it.handler.stop();
    CHECK(it.receive() == json{{"kind", "draining"}});
    CHECK(it.await_exit() == 0);
}

TEST_CASE("leaving: the second wish to stop is obeyed at once", "[sdk]") {
    std::optional<responder> held;
    running_handler it;
    it.handler.on_message([&](const message&, responder r) {
        held.emplace(std::move(r));
        (void)it.handler.push(bester::join("seen", "s1"));
    });
    it.start();
    it.send_message(0, 1, "t");
    CHECK(it.receive().at("kind") == "push");
    it.handler.stop();
    CHECK(it.receive() == json{{"kind", "draining"}});
    it.handler.stop();
    CHECK(it.await_exit() == 1);
}

TEST_CASE("leaving: started by the broker, a lost connection is the end", "[sdk]") {
    const variable token{"BESTER_TOKEN", "secret"};
    running_handler it;
    it.launch();
    CHECK(it.broker.accept_hello().at("token") == "secret");
    it.broker.welcome();
    it.broker.close_channels();
    CHECK(it.await_exit() == 1);
}

TEST_CASE("leaving: started by hand, it connects again", "[sdk]") {
    std::atomic<int> welcomes{0};
    running_handler it;
    it.handler.on_welcome([&](const bester::welcome&) { ++welcomes; });
    it.handler.on_message([](const message&) { return reply(1); });
    it.start();
    it.broker.close_channels();
    it.broker.attach();
    it.send_message(0, 1, "t");
    CHECK(it.receive() == reply_of(1, 1));
    CHECK(welcomes == 2);
}

TEST_CASE("leaving: an answer to a message of a lost connection goes nowhere", "[sdk]") {
    std::optional<responder> held;
    running_handler it;
    it.handler.on_message([&](const message& m, responder r) {
        if (m.data() == "hold") held.emplace(std::move(r));
        else r.answer(reply("now"));
        if (held) (void)it.handler.push(bester::join("seen", "s1"));
    });
    it.start();
    it.send_message(0, 1, "t", "hold");
    CHECK(it.receive().at("kind") == "push");
    it.broker.close_channels();
    it.broker.attach();
    it.handler.post([&] {
        held->answer(reply("late"));
        held.reset();
    });
    it.send_message(0, 1, "t", "answer");
    CHECK(it.receive() == reply_of(1, "now"));
}

TEST_CASE("leaving: refused by the broker", "[sdk]") {
    running_handler it;
    it.launch();
    it.broker.accept_hello();
    it.broker.send(0, {{"kind", "error"}, {"code", "handler_unknown"}, {"reason", "no such entry"}});
    CHECK(it.await_exit() == 3);
}

TEST_CASE("leaving: a place that is still taken is asked for again", "[sdk]") {
    running_handler it;
    it.handler.on_welcome([&](const bester::welcome&) { (void)it.handler.push(bester::join("here", "s1")); });
    it.launch();
    it.broker.accept_hello();
    it.broker.send(0, {{"kind", "error"}, {"code", "instances_full"}, {"reason", "all are running"}});
    it.broker.close_channels();
    it.broker.attach();
    CHECK(it.receive().at("kind") == "push");
    it.handler.stop();
    CHECK(it.receive() == json{{"kind", "draining"}});
    CHECK(it.await_exit() == 0);
}

TEST_CASE("leaving: a config that the author refuses", "[sdk]") {
    running_handler it;
    it.handler.on_welcome([](const bester::welcome& w) { (void)w.config.at("interval"); });
    it.start();
    CHECK(it.await_exit() == 4);
}

TEST_CASE("leaving: bytes that are no frame end the connection", "[sdk]") {
    running_handler it;
    it.start();
    const std::string bytes =
        GENERATE(std::string("\1\0\0\0{", 5), std::string("\xff\xff\xff\xff", 4), std::string("\4\0\0\0{{{{", 8));
    it.broker.send_bytes(0, bytes);
    it.broker.await_close(0);
    it.broker.close_channels();
    it.broker.attach();
}

TEST_CASE("leaving: without a socket there is nothing to run", "[sdk]") {
    bester::handler handler{"test"};
    CHECK(handler.run() == 2);
    char program[] = "handler";
    char wrong[] = "--sockt";
    char* arguments[] = {program, wrong};
    CHECK(handler.run(2, arguments) == 2);
}

TEST_CASE("leaving: who cannot reach the broker's socket says that, not that it was refused", "[sdk]") {
    bester::handler handler{"test"};
    std::vector<std::string> words{"handler", "--socket", "/nowhere/handlers.sock"};
    std::vector<char*> arguments;
    for (auto& word : words) arguments.push_back(word.data());
    // As if the broker had started it: then it does not try again.
    const variable token{"BESTER_TOKEN", "test"};
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    const int before = ::dup(STDERR_FILENO);
    ::dup2(ends[1], STDERR_FILENO);
    const int exit_code = handler.run(static_cast<int>(arguments.size()), arguments.data());
    ::dup2(before, STDERR_FILENO);
    std::string said(4096, ' ');
    said.resize(static_cast<std::size_t>(std::max(::read(ends[0], said.data(), said.size()), ssize_t{0})));
    for (const int fd : {ends[0], ends[1], before}) ::close(fd);
    CHECK(exit_code == 1);
    CHECK_THAT(said, Catch::Contains("bester handler: cannot connect to /nowhere/handlers.sock: No such file"));
}
