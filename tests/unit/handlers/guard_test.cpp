#include "handlers/guard.hpp"
#include "event_loop.hpp"
#include "handlers/process.hpp"

#include <catch2/catch.hpp>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cerrno>
#include <csignal>
#include <fstream>
#include <string>

using namespace std::chrono_literals;
using namespace bester::handlers;
using namespace bester::handlers::testing;

namespace {

std::string stat_of(pid_t pid) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
    std::string text;
    std::getline(file, text);
    return text;
}

/// A zombie that nobody has reaped yet is as good as gone.
bool is_gone(pid_t pid) {
    const std::string text = stat_of(pid);
    return text.empty() || text.find(") Z") != std::string::npos;
}

struct pids {
    pid_t guard = 0;
    pid_t handler = 0;
};

/// A broker in small: has a guard and a handler, tells their pids, and waits for its end.
[[noreturn]] void be_broker(int report, const char* script) {
    guard watcher;
    asio::io_context io;
    process_settings settings;
    settings.command = {"/bin/sh", "-c", script};
    auto started = process::start(io, settings, &watcher);
    if (!started) ::_exit(1);
    // Wait for the script's first byte: by then its traps are set.
    const int output = (*started)->take_output();
    ::fcntl(output, F_SETFL, 0);
    char byte;
    if (::read(output, &byte, 1) != 1) ::_exit(1);
    const pids told{watcher.pid(), (*started)->pid()};
    if (::write(report, &told, sizeof told) != sizeof told) ::_exit(1);
    for (;;) ::pause();
}

}  // namespace

TEST_CASE("guard: no handler outlives a broker that is killed", "[handlers]") {
    const char* script = GENERATE("echo up; exec sleep 1000", "trap '' TERM; echo up; while :; do sleep 1000; done");
    CAPTURE(script);
    int report[2];
    REQUIRE(::pipe2(report, O_CLOEXEC) == 0);
    const pid_t broker = ::fork();
    if (broker == 0) be_broker(report[1], script);
    ::close(report[1]);
    pids told;
    REQUIRE(::read(report[0], &told, sizeof told) == sizeof told);
    ::close(report[0]);
    CHECK_FALSE(is_gone(told.handler));
    CHECK_THAT(stat_of(told.guard), Catch::Contains("(bester-guard)"));

    // What a terminal or an impatient admin sends to the broker's neighbours does not end it.
    for (const int number : {SIGINT, SIGTERM, SIGHUP}) ::kill(told.guard, number);

    ::kill(broker, SIGKILL);
    REQUIRE(::waitpid(broker, nullptr, 0) == broker);
    asio::io_context io;
    CHECK(eventually(io, [&] { return is_gone(told.handler); }));
    CHECK(eventually(io, [&] { return is_gone(told.guard); }));
}

TEST_CASE("guard: what has been forgotten is left alone", "[handlers]") {
    int ready[2];
    REQUIRE(::pipe2(ready, O_CLOEXEC) == 0);
    pid_t bystander = -1;
    {
        guard watcher;
        bystander = ::fork();
        if (bystander == 0) {
            ::setpgid(0, 0);
            guard::enroll_self(watcher.descriptor());
            // Else this copy would keep the guard waiting.
            ::close(watcher.descriptor());
            if (::write(ready[1], "x", 1) != 1) ::_exit(1);
            for (;;) ::pause();
        }
        char byte;
        REQUIRE(::read(ready[0], &byte, 1) == 1);
        watcher.forget(bystander);
        const pid_t guard_pid = watcher.pid();
        CHECK_FALSE(is_gone(guard_pid));
    }
    // The guard has ended, and everything that it was going to kill is dead.
    CHECK(::waitpid(bystander, nullptr, WNOHANG) == 0);
    ::kill(bystander, SIGKILL);
    CHECK(::waitpid(bystander, nullptr, 0) == bystander);
    ::close(ready[0]);
    ::close(ready[1]);
}

TEST_CASE("guard: its death is no harm to the broker", "[handlers]") {
    guard watcher;
    ::kill(watcher.pid(), SIGKILL);
    siginfo_t about{};
    REQUIRE(::waitid(P_PID, static_cast<id_t>(watcher.pid()), &about, WEXITED | WNOWAIT) == 0);
    watcher.forget(12345);
    guard::enroll_self(watcher.descriptor());
    SUCCEED("no SIGPIPE");
}
