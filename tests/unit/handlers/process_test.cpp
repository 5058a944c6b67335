#include "handlers/process.hpp"
#include "event_loop.hpp"
#include "temporary_directory.hpp"

#include <catch2/catch.hpp>

#include <fcntl.h>
#include <pwd.h>
#include <unistd.h>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <sstream>

using namespace std::chrono_literals;
using namespace bester::handlers;
using namespace bester::handlers::testing;

namespace {

/// Runs a process to its end and keeps what it wrote.
struct finished {
    exit_status status;
    std::string output;
    std::string errors;
};

std::string read_all(int fd) {
    std::string text;
    char buffer[1024];
    for (ssize_t count = 0; (count = ::read(fd, buffer, sizeof buffer)) > 0;)
        text.append(buffer, static_cast<std::size_t>(count));
    ::close(fd);
    return text;
}

process_settings shell(const std::string& script) {
    process_settings settings;
    settings.command = {"/bin/sh", "-c", script};
    return settings;
}

finished run(const process_settings& settings) {
    asio::io_context io;
    auto started = process::start(io, settings, nullptr);
    if (!started) FAIL(started.error());
    std::optional<exit_status> status;
    (*started)->on_exit([&](exit_status ended) { status = ended; });
    REQUIRE(eventually(io, [&] { return status.has_value(); }));
    return {*status, read_all((*started)->take_output()), read_all((*started)->take_errors())};
}

}  // namespace

TEST_CASE("exit status: in words", "[handlers]") {
    CHECK(describe({3, 0, false}) == "exited with status 3");
    CHECK(describe({0, SIGSEGV, true}) == "killed by signal 11 (SIGSEGV), core dumped");
    CHECK(describe({0, SIGKILL, false}) == "killed by signal 9 (SIGKILL)");
    CHECK(describe({0, SIGRTMIN + 1, false}) == "killed by signal 35");
}

TEST_CASE("process: its end is told", "[handlers]") {
    CHECK(run(shell("exit 3")).status == exit_status{3, 0, false});
    process_settings true_program;
    true_program.command = {"true"};
    CHECK(run(true_program).status.is_success());
    CHECK(run(shell("kill -TERM $$")).status == exit_status{0, SIGTERM, false});
    CHECK(run(shell("ulimit -c 0; kill -SEGV $$")).status.signal == SIGSEGV);
}

TEST_CASE("process: output and errors come by different pipes", "[handlers]") {
    const finished ended = run(shell("echo out; echo err >&2; cat"));
    CHECK(ended.output == "out\n");
    CHECK(ended.errors == "err\n");
}

TEST_CASE("process: what cannot be started says why", "[handlers]") {
    temporary_directory directory;
    asio::io_context io;
    process_settings settings;
    std::string expected;
    SECTION("no command") { expected = "no command"; }
    SECTION("a missing file") {
        settings.command = {"/nowhere/at/all"};
        expected = "cannot execute '/nowhere/at/all': No such file or directory";
    }
    SECTION("a name that is not in PATH") {
        settings.command = {"bester-no-such-program"};
        expected = "cannot find 'bester-no-such-program' in PATH";
    }
    SECTION("a file that is not executable") {
        settings.command = {"/etc/passwd"};
        expected = "Permission denied";
    }
    SECTION("a missing directory") {
        settings.command = {"/bin/true"};
        settings.directory = "/nowhere";
        expected = "cannot enter the directory '/nowhere': No such file or directory";
    }
    SECTION("a missing user") {
        settings.command = {"/bin/true"};
        settings.user = "bester-no-such-user";
        expected = "there is no user 'bester-no-such-user'";
    }
    const auto started = process::start(io, settings, nullptr);
    REQUIRE_FALSE(started);
    CHECK_THAT(started.error(), Catch::Contains(expected));
}

TEST_CASE("process: gets a minimal environment, with its own additions", "[handlers]") {
    ::setenv("BESTER_TEST_SECRET", "leaked", 1);
    process_settings settings = shell("env");
    settings.environment = {{"COLOUR", "blue sky"}, {"LANG", "C"}};
    const std::string output = run(settings).output;
    ::unsetenv("BESTER_TEST_SECRET");
    CHECK_THAT(output, Catch::Contains("COLOUR=blue sky\n") && Catch::Contains("LANG=C\n") && Catch::Contains("PATH="));
    CHECK_THAT(output, !Catch::Contains("leaked"));
}

TEST_CASE("process: starts in its directory, and finds its command from there", "[handlers]") {
    temporary_directory directory;
    process_settings settings;
    settings.command = {"./here"};
    settings.directory = directory.path();
    const int fd = ::open(directory.path("here").c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0755);
    REQUIRE(::write(fd, "#!/bin/sh\npwd\n", 14) == 14);
    ::close(fd);
    CHECK(run(settings).output == directory.path() + "\n");
}

TEST_CASE("process: inherits no descriptor, signal handling or group of the broker", "[handlers]") {
    const int leak = ::open("/etc/passwd", O_RDONLY);  // not close-on-exec
    REQUIRE(leak >= 0);
    const auto before = ::signal(SIGPIPE, SIG_IGN);
    sigset_t blocked, old;
    ::sigemptyset(&blocked);
    ::sigaddset(&blocked, SIGTERM);
    ::pthread_sigmask(SIG_BLOCK, &blocked, &old);
    const finished ended = run(shell("ls /proc/self/fd | wc -l; readlink /proc/$$/fd/0; ps -o pgid= -p $$; echo $$"));
    process_settings status;
    status.command = {"grep", "-E", "^Sig(Ign|Blk)", "/proc/self/status"};
    const finished signals = run(status);
    ::pthread_sigmask(SIG_SETMASK, &old, nullptr);
    ::signal(SIGPIPE, before);
    ::close(leak);
    std::istringstream lines(ended.output);
    int descriptors = 0;
    std::string input;
    pid_t group = 0, pid = -1;
    lines >> descriptors >> input >> group >> pid;
    CHECK(descriptors == 4);  // 0 to 2, and the directory that ls reads
    CHECK(input == "/dev/null");
    CHECK(signals.output == "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
    CHECK(group == pid);
}

TEST_CASE("process: what it leaves behind in its group ends with it", "[handlers]") {
    // The pipe that the grandchild inherits ends when it is gone: reading to the end proves it.
    const finished ended = run(shell("sleep 1000 & echo $!"));
    const pid_t left = std::stoi(ended.output);
    CHECK(ended.status.is_success());
    asio::io_context io;
    CHECK(eventually(io, [&] {
        std::ifstream stat("/proc/" + std::to_string(left) + "/stat");
        std::string text;
        std::getline(stat, text);
        return text.empty() || text.find(") Z") != std::string::npos;
    }));
}

TEST_CASE("process: a signal reaches the whole group, and destruction kills it", "[handlers]") {
    asio::io_context io;
    auto started = process::start(io, shell("trap '' TERM; echo up; while :; do sleep 1000; done"), nullptr);
    REQUIRE(started);
    const pid_t pid = (*started)->pid();
    SECTION("signal") {
        std::optional<exit_status> status;
        (*started)->on_exit([&](exit_status ended) { status = ended; });
        (*started)->signal_group(SIGKILL);
        REQUIRE(eventually(io, [&] { return status.has_value(); }));
        CHECK(*status == exit_status{0, SIGKILL, false});
        CHECK((*started)->has_ended());
    }
    SECTION("destruction") { started->reset(); }
    CHECK(::kill(pid, 0) == -1);
    CHECK(errno == ESRCH);
}

TEST_CASE("process: runs as its user", "[handlers]") {
    const passwd* nobody = ::getpwnam("nobody");
    REQUIRE(nobody);
    const std::string expected = std::to_string(nobody->pw_uid) + "\n" + std::to_string(nobody->pw_gid) + "\n";
    process_settings settings = shell("id -u; id -g; id -G | wc -w; echo $HOME");
    settings.user = "nobody";
    if (::geteuid() == 0) {
        const finished ended = run(settings);
        CHECK(ended.output == expected + "1\n" + nobody->pw_dir + "\n");
    } else {
        asio::io_context io;
        const auto started = process::start(io, settings, nullptr);
        REQUIRE_FALSE(started);
        CHECK_THAT(started.error(), Catch::Contains("does not run as root"));
    }
}
