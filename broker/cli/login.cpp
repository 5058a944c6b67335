#include "cli/login.hpp"

#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <iostream>

#include <CLI/CLI.hpp>
#include <fcntl.h>
#include <poll.h>
#include <termios.h>
#include <unistd.h>

#include "cli/conversation.hpp"
#include "cli/exit_codes.hpp"
#include "cli/options.hpp"
#include "cli/terminal.hpp"

namespace bester::cli {
namespace {

/// Waits for the terminal; false when a signal came first.
bool wait_for_key(int terminal, const stop_signals& signals) {
    pollfd waiting[] = {{terminal, POLLIN, 0}, {signals.descriptor(), POLLIN, 0}};
    int ready = 0;
    do {
        ready = ::poll(waiting, 2, -1);
    } while (ready < 0 && errno == EINTR);
    return ready > 0 && waiting[1].revents == 0;
}

/// From the terminal itself, as standard input may be the message. Nothing without a terminal, or
/// when it was interrupted: then too the terminal must echo again.
std::optional<std::string> prompt_for_password(const std::string& user) {
    const int terminal = ::open("/dev/tty", O_RDWR | O_CLOEXEC);
    if (terminal < 0) return std::nullopt;
    const stop_signals signals;
    termios before{};
    ::tcgetattr(terminal, &before);
    auto silent = before;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    ::tcsetattr(terminal, TCSAFLUSH, &silent);

    const std::string question = "Password for " + printable(user) + ": ";
    bool is_complete = ::write(terminal, question.data(), question.size()) >= 0;
    std::string password;
    while (is_complete) {
        char key = 0;
        if (!wait_for_key(terminal, signals)) is_complete = false;
        if (!is_complete) break;
        is_complete = ::read(terminal, &key, 1) == 1;
        if (!is_complete || key == '\n') break;
        password += key;
    }
    ::tcsetattr(terminal, TCSAFLUSH, &before);
    const bool went_on = ::write(terminal, "\n", 1) == 1;
    ::close(terminal);
    if (!is_complete || !went_on) return std::nullopt;
    return password;
}

std::optional<std::string> find_password(const login_options& options) {
    if (!options.password_file.empty()) {
        std::ifstream file(options.password_file);
        std::string line;
        if (!std::getline(file, line)) {
            std::cerr << "bester: the password file " << options.password_file << " cannot be read, or is empty\n";
            return std::nullopt;
        }
        return line;
    }
    if (const char* password = std::getenv("BESTER_PASSWORD"); password != nullptr) return password;
    auto password = prompt_for_password(options.user);
    if (!password) {
        std::cerr << "bester: no password for " << printable(options.user)
                  << "; without a terminal to ask at, give --password-file or set BESTER_PASSWORD\n";
    }
    return password;
}

int connect_exit_code(const connect_error& failed) {
    switch (failed.where()) {
        case connect_error::stage::connecting: return failed.info().code == "bad_endpoint" ? exit_usage : exit_unreachable;
        case connect_error::stage::login: return exit_login;
        case connect_error::stage::timeout: return exit_timeout;
    }
    return exit_unreachable;
}

}  // namespace

void add_login_options(CLI::App& command, login_options& options) {
    command.add_option("--to", options.endpoint, "The broker: host:port, [ipv6]:port or unix:/path")
        ->type_name("ENDPOINT")
        ->envname("BESTER_TO")
        ->capture_default_str();
    command.add_option("--user", options.user, "Log in as this user; without it anonymously")
        ->type_name("USER")
        ->envname("BESTER_USER");
    command
        .add_option("--password-file", options.password_file,
                    "The password is the file's first line (else $BESTER_PASSWORD, else you are asked)")
        ->type_name("FILE");
    add_duration_option(command, "--timeout", options.timeout, "How long to wait for the log-in, and for an answer");
}

std::optional<client> log_in(const login_options& options, int& exit_code) {
    credentials who{options.user, {}, {}};
    if (!options.user.empty()) {
        auto password = find_password(options);
        if (!password) {
            exit_code = exit_usage;
            return std::nullopt;
        }
        who.password = std::move(*password);
    }
    client_options settings;
    settings.connect_timeout = options.timeout;
    settings.answer_timeout = options.timeout;
    // The broker knows its limits, which may be larger than the library's default.
    settings.message_size = std::size_t{64} << 20;
    settings.receive_size = std::size_t{64} << 20;
    try {
        return client::connect(options.endpoint, std::move(who), settings);
    } catch (const connect_error& failed) {
        std::cerr << "bester: " << printable(failed.info().code) << ": " << printable(failed.info().reason) << "\n";
        exit_code = connect_exit_code(failed);
        return std::nullopt;
    }
}

int exit_code_of(const error_info& error) {
    if (error.code == "timeout") return exit_timeout;
    if (error.code == "connection_lost") return exit_unreachable;
    return exit_refused;
}

}  // namespace bester::cli
