#include "cli/user.hpp"
#include "storage/accounts.hpp"

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <thread>

using namespace bester;

namespace {

struct outcome {
    int exit_code = -1;
    std::string out;
    std::string errors;
};

std::string read_file(const std::string& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
}

void require(bool condition, const char* what) {
    if (!condition) throw std::runtime_error(what);
}

struct fixture {
    fixture() {
        auto name = (std::filesystem::temp_directory_path() / "bester-user-XXXXXX").string();
        require(::mkdtemp(name.data()) != nullptr, "mkdtemp");
        directory = name;
        out = directory + "/out";
        errors = directory + "/errors";
        database = directory + "/accounts.db";
        ::unsetenv("BESTER_CONFIG");
    }
    ~fixture() { std::filesystem::remove_all(directory); }

    /// Starts the command in a child process, as a shell would, with this as its standard input. For a process of one
    /// thread: a child of several may find locks taken that nobody will release.
    pid_t start_on(int input, std::vector<std::string> arguments) {
        std::cout.flush();
        const pid_t child = ::fork();
        require(child >= 0, "fork");
        if (child == 0) {
            ::dup2(input, STDIN_FILENO);
            require(std::freopen(out.c_str(), "w", stdout) && std::freopen(errors.c_str(), "w", stderr), "freopen");
            int exit_code = 0;
            CLI::App app;
            cli::add_user_command(app, exit_code);
            std::reverse(arguments.begin(), arguments.end());
            try {
                app.parse(std::move(arguments));
            } catch (const CLI::ParseError& failed) {
                exit_code = app.exit(failed) == 0 ? 0 : 2;
            }
            std::cout.flush();
            std::fflush(nullptr);
            ::_exit(exit_code);
        }
        return child;
    }

    outcome wait_for(pid_t child) {
        int status = 0;
        require(::waitpid(child, &status, 0) == child, "waitpid");
        return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, read_file(out), read_file(errors)};
    }

    outcome run(std::vector<std::string> arguments, const std::string& input = "") {
        const auto path = directory + "/input";
        std::ofstream(path) << input;
        std::FILE* file = std::fopen(path.c_str(), "r");
        const pid_t child = start_on(::fileno(file), std::move(arguments));
        std::fclose(file);
        return wait_for(child);
    }

    bool accepts(const std::string& user, const std::string& password) {
        return storage::accounts::open({database, {}, {}})->verify(user, password).value();
    }

    std::string directory;
    std::string out;
    std::string errors;
    std::string database;
};

/// A terminal at which somebody types as soon as it echoes no more.
struct terminal_fixture : fixture {
    terminal_fixture() { require(::openpty(&master, &slave, nullptr, nullptr, nullptr) == 0, "openpty"); }
    ~terminal_fixture() {
        ::close(master);
        ::close(slave);
    }

    bool echoes() const {
        termios now{};
        require(::tcgetattr(slave, &now) == 0, "tcgetattr");
        return (now.c_lflag & ECHO) != 0;
    }

    outcome run_typing(const std::string& keys, std::vector<std::string> arguments) {
        const pid_t child = start_on(slave, std::move(arguments));
        std::atomic<bool> is_done{false};
        std::thread typist([&] {
            for (const char key : keys) {
                while (!is_done && echoes()) std::this_thread::yield();
                if (::write(master, &key, 1) != 1) return;
            }
        });
        auto result = wait_for(child);
        is_done = true;
        typist.join();
        return result;
    }

    std::string seen_on_screen() const {
        std::string text;
        pollfd waiting{master, POLLIN, 0};
        char bytes[256];
        while (::poll(&waiting, 1, 0) > 0 && (waiting.revents & POLLIN) != 0) {
            const auto got = ::read(master, bytes, sizeof(bytes));
            if (got <= 0) break;
            text.append(bytes, static_cast<std::size_t>(got));
        }
        return text;
    }

    int master = -1;
    int slave = -1;
};

}  // namespace

TEST_CASE_METHOD(fixture, "user command: adds an account with the password of standard input", "[user_command]") {
    const auto added = run({"user", "add", "tina", "--database", database}, "s3cret with spaces \nmore\n");
    CHECK(added.exit_code == 0);
    CHECK(added.out == "user tina added to " + database + "\n");
    CHECK(added.errors.empty());
    CHECK(accepts("tina", "s3cret with spaces "));
    struct stat status {};
    REQUIRE(::stat(database.c_str(), &status) == 0);
    CHECK((status.st_mode & 0777) == 0600);
}

TEST_CASE_METHOD(fixture, "user command: refuses what is there already or not there", "[user_command]") {
    REQUIRE(run({"user", "add", "tina", "--database", database}, "secret\n").exit_code == 0);
    const auto again = run({"user", "add", "tina", "--database", database}, "other\n");
    CHECK(again.exit_code == 1);
    CHECK(again.errors.find("user_exists") != std::string::npos);
    CHECK(accepts("tina", "secret"));
    for (const char* action : {"passwd", "remove"}) {
        CAPTURE(action);
        const auto unknown = run({"user", action, "gustav", "--database", database}, "other\n");
        CHECK(unknown.exit_code == 1);
        CHECK(unknown.errors.find("there is no user \"gustav\"") != std::string::npos);
        CHECK(unknown.out.empty());
    }
}

TEST_CASE_METHOD(fixture, "user command: wrong usage changes nothing", "[user_command]") {
    CHECK(run({"user"}).exit_code == 2);
    CHECK(run({"user", "add", "--database", database}, "secret\n").exit_code == 2);
    CHECK(run({"user", "add", "ti na", "--database", database}, "secret\n").exit_code == 2);
    CHECK(run({"user", "add", "tina", "--database", database}, "").exit_code == 2);
    CHECK(run({"user", "add", "tina", "--database", database}, "\n").exit_code == 2);
    CHECK(run({"user", "add", "tina", "--database", database}, std::string(1025, 'x') + "\n").exit_code == 2);
    CHECK(run({"user", "add", "tina", "--database", database, "--password-file", directory + "/missing"}).exit_code ==
          2);
    CHECK(run({"user", "add", "tina", "secret", "--database", database}).exit_code == 2);
    const auto listed = run({"user", "list", "--database", database});
    CHECK(listed.out.find("no users in") == 0);
}

TEST_CASE_METHOD(fixture, "user command: a database that cannot be had is told apart", "[user_command]") {
    const auto failed = run({"user", "list", "--database", directory + "/missing/accounts.db"});
    CHECK(failed.exit_code == 3);
    CHECK(failed.errors.find("database_unavailable") != std::string::npos);
    CHECK(failed.errors.find("No such file or directory") != std::string::npos);
}

TEST_CASE_METHOD(fixture, "user command: sets and removes", "[user_command]") {
    REQUIRE(run({"user", "add", "tina", "--database", database}, "old\n").exit_code == 0);
    const auto file = directory + "/password";
    std::ofstream(file) << "new\n";
    const auto set = run({"user", "passwd", "tina", "--password-file", file, "--database", database});
    CHECK(set.exit_code == 0);
    CHECK(accepts("tina", "new"));
    CHECK_FALSE(accepts("tina", "old"));
    const auto removed = run({"user", "remove", "tina", "--database", database});
    CHECK(removed.exit_code == 0);
    CHECK(removed.out == "user tina removed from " + database + "\n");
    CHECK_FALSE(accepts("tina", "new"));
}

TEST_CASE_METHOD(fixture, "user command: lists for people and for programs", "[user_command]") {
    REQUIRE(run({"user", "add", "tina", "--database", database}, "secret\n").exit_code == 0);
    REQUIRE(run({"user", "add", "gustav", "--database", database}, "secret\n").exit_code == 0);
    const auto table = run({"user", "list", "--database", database});
    CHECK(table.exit_code == 0);
    CHECK(table.out.find("USER") == 0);
    CHECK(table.out.find("gustav") < table.out.find("tina"));
    const auto listed = nlohmann::json::parse(run({"user", "list", "--json", "--database", database}).out);
    REQUIRE(listed.size() == 2);
    CHECK(listed[0]["name"] == "gustav");
    CHECK(listed[1]["name"] == "tina");
    CHECK(listed[1]["created"].get<std::string>().size() == std::string("2030-01-01T00:00:00Z").size());
    CHECK_FALSE(listed[0].contains("hash"));
}

TEST_CASE_METHOD(fixture, "user command: the config is read once, so that the broker told is that of the database",
                 "[user_command]") {
    const auto config = directory + "/bester.json";
    const auto socket_path = directory + "/control.sock";
    std::ofstream(config) << R"({"accounts": {"database": ")" << database
                          << R"(", "argon2_operations": 1, "argon2_memory": "8MiB"}, "control": {"socket": ")"
                          << socket_path << "\"}}";
    const int listening = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    socket_path.copy(address.sun_path, sizeof address.sun_path - 1);
    require(::bind(listening, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0, "bind");
    require(::listen(listening, 1) == 0, "listen");
    int input[2];
    require(::pipe2(input, O_CLOEXEC) == 0, "pipe2");
    const pid_t child = start_on(input[0], {"user", "add", "tina", "--config", config});
    ::close(input[0]);
    // It waits for the password when the database is there; then the config changes.
    while (!std::filesystem::exists(database) && ::waitpid(child, nullptr, WNOHANG) == 0) std::this_thread::yield();
    std::ofstream(config) << "{}";
    require(::write(input[1], "secret\n", 7) == 7, "write");
    ::close(input[1]);
    pollfd waiting{listening, POLLIN, 0};
    const bool is_told = ::poll(&waiting, 1, 30'000) == 1;
    if (is_told) ::close(::accept(listening, nullptr, nullptr));
    ::close(listening);
    CHECK(is_told);
    const auto added = wait_for(child);
    CAPTURE(added.errors);
    CHECK(added.exit_code == 0);
}

TEST_CASE_METHOD(fixture, "user command: finds database and cost in the config", "[user_command]") {
    const auto config = directory + "/bester.json";
    std::ofstream(config) << R"({"accounts": {"database": ")" << database
                          << R"(", "argon2_operations": 1, "argon2_memory": "8MiB"}})";
    const auto added = run({"user", "add", "tina", "--config", config}, "secret\n");
    CAPTURE(added.errors);
    REQUIRE(added.exit_code == 0);
    CHECK(accepts("tina", "secret"));
    std::ofstream(config) << R"({"acounts": {}})";
    CHECK(run({"user", "list", "--config", config}).exit_code == 2);
    CHECK(run({"user", "list", "--config", config, "--database", database}).exit_code == 0);
    // A mistake elsewhere does not matter here.
    std::ofstream(config) << R"({"accounts": {"database": ")" << database << R"("}, "handlers": {"h": 3}})";
    const auto listed = run({"user", "list", "--config", config});
    CHECK(listed.exit_code == 0);
    CHECK(listed.out.find("tina") != std::string::npos);
}

TEST_CASE_METHOD(fixture, "user command: only a new account makes a database", "[user_command]") {
    const auto is_there = [&] { return std::filesystem::exists(database); };
    const auto listed = run({"user", "list", "--database", database});
    CHECK(listed.exit_code == 0);
    CHECK(listed.out == "no users: there is no database " + database + " yet; `bester user add NAME` makes it\n");
    CHECK(run({"user", "list", "--json", "--database", database}).out == "[]\n");
    CHECK(run({"user", "passwd", "tina", "--database", database}, "secret\n").exit_code == 3);
    CHECK(run({"user", "remove", "tina", "--database", database}).exit_code == 3);
    CHECK_FALSE(is_there());
    CHECK(run({"user", "add", "tina", "--database", database}, "secret\n").exit_code == 0);
    CHECK(is_there());
}

TEST_CASE_METHOD(terminal_fixture, "user command: asks twice at a terminal, without echo", "[user_command]") {
    const auto added = run_typing("secret\nsecrets\n", {"user", "add", "tina", "--database", database});
    CHECK(added.exit_code == 2);
    CHECK(added.errors.find("not the same, nothing was changed") != std::string::npos);
    const auto again = run_typing(
        "sef\x7f"
        "cret\nsecret\n",
        {"user", "add", "tina", "--database", database});
    CAPTURE(again.errors);
    CHECK(again.exit_code == 0);
    CHECK(again.errors == "New password for tina: \nOnce more: \n");
    CHECK(accepts("tina", "secret"));
    CHECK(seen_on_screen().find("se") == std::string::npos);
    CHECK(echoes());
}

TEST_CASE_METHOD(terminal_fixture, "user command: Ctrl-C at the question changes nothing and restores the terminal",
                 "[user_command]") {
    const auto added = run_typing("sec\x03", {"user", "add", "tina", "--database", database});
    CHECK(added.exit_code == 2);
    CHECK(added.errors.find("given up, nothing was changed") != std::string::npos);
    CHECK(echoes());
    CHECK_FALSE(accepts("tina", "sec"));
}
