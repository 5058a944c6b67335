#include "cli/login.hpp"

#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <iostream>

#include <fcntl.h>
#include <poll.h>
#include <termios.h>
#include <unistd.h>
#include <CLI/CLI.hpp>

#include "cli/conversation.hpp"
#include "cli/error_text.hpp"
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

std::optional<std::string> first_line(const std::string& path, const char* what) {
    std::ifstream file(path);
    std::string line;
    if (std::getline(file, line)) return line;
    std::cerr << "bester: the " << what << " file " << path << " cannot be read, or is empty\n";
    return std::nullopt;
}

std::optional<std::string> find_password(const login_options& options) {
    if (!options.password_file.empty()) return first_line(options.password_file, "password");
    if (const char* password = std::getenv("BESTER_PASSWORD"); password != nullptr) return password;
    auto password = prompt_for_password(options.user);
    if (!password) {
        std::cerr << "bester: no password for " << printable(options.user)
                  << "; without a terminal to ask at, give --password-file or set BESTER_PASSWORD\n";
    }
    return password;
}

/// A client with options for TLS must not connect without it. $BESTER_CA may be set for other commands.
bool is_tls_forgotten(const login_options& options) {
    if (options.endpoint.starts_with("tls:")) return false;
    const char* const usual = std::getenv("BESTER_CA");
    return !options.tls.certificate.empty() || options.tls.authority != (usual ? usual : "");
}

/// Nothing: it was said why.
std::optional<credentials> find_credentials(const login_options& options) {
    credentials who;
    if (!options.token_file.empty()) {
        auto token = first_line(options.token_file, "token");
        if (!token) return std::nullopt;
        who.token = std::move(*token);
    } else if (!options.user.empty()) {
        auto password = find_password(options);
        if (!password) return std::nullopt;
        who.user = options.user;
        who.password = std::move(*password);
    } else if (const char* token = std::getenv("BESTER_TOKEN"); token != nullptr) {
        who.token = token;
    }
    return who;
}

int connect_exit_code(const connect_error& failed) {
    switch (failed.where()) {
        case connect_error::stage::connecting:
            return failed.info().code == "bad_endpoint" ? exit_usage : exit_unreachable;
        case connect_error::stage::login: return exit_login;
        case connect_error::stage::timeout: return exit_timeout;
    }
    return exit_unreachable;
}

}  // namespace

void add_login_options(CLI::App& command, login_options& options) {
    command.add_option("--to", options.endpoint, "The broker: host:port, [ipv6]:port, tls:host:port or unix:/path")
        ->type_name("ENDPOINT")
        ->envname("BESTER_TO")
        ->capture_default_str();
    command
        .add_option("--user", options.user,
                    "Log in as this user; without it with a token, a certificate, or anonymously")
        ->type_name("USER")
        ->envname("BESTER_USER");
    command
        .add_option("--password-file", options.password_file,
                    "The password is the file's first line (else $BESTER_PASSWORD, else you are asked)")
        ->type_name("FILE");
    command
        .add_option("--token-file", options.token_file,
                    "Log in with the token in the file's first line (else $BESTER_TOKEN)")
        ->type_name("FILE");
    command
        .add_option("--ca", options.tls.authority,
                    "With tls: trust this authority's certificate instead of the system's")
        ->type_name("FILE")
        ->envname("BESTER_CA");
    CLI::Option* const certificate =
        command.add_option("--certificate", options.tls.certificate, "With tls: show this certificate")
            ->type_name("FILE");
    command.add_option("--key", options.tls.key, "Its key, if that is in a file of its own")
        ->type_name("FILE")
        ->needs(certificate);
    add_duration_option(command, "--timeout", options.timeout, "How long to wait for the log-in, and for an answer");
}

std::optional<client> log_in(const login_options& options, int& exit_code, const login_teller& tell) {
    if (is_tls_forgotten(options)) {
        std::cerr << "bester: --ca and --certificate are for TLS: write --to tls:" << printable(options.endpoint)
                  << "\n";
        exit_code = exit_usage;
        return std::nullopt;
    }
    auto who = find_credentials(options);
    if (!who) {
        exit_code = exit_usage;
        return std::nullopt;
    }
    client_options settings;
    settings.tls = options.tls;
    settings.connect_timeout = options.timeout;
    settings.answer_timeout = options.timeout;
    // The broker knows its limits, which may be larger than the library's default.
    settings.message_size = std::size_t{64} << 20;
    settings.receive_size = std::size_t{64} << 20;
    try {
        return client::connect(options.endpoint, std::move(*who), settings);
    } catch (const connect_error& failed) {
        if (tell) tell(failed);
        else std::cerr << "bester: " << error_text(failed.info()) << "\n";
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
