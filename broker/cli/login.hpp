#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include <bester/client.hpp>

namespace CLI {
class App;
}

namespace bester::cli {

/// The address to which a client command connects, and its credentials.
struct login_options {
    std::string endpoint = "127.0.0.1:2223";    ///< --to
    std::string user;                           ///< --user; empty: anonymous
    std::string password_file;                  ///< --password-file; empty: environment or prompt
    std::string token_file;                     ///< --token-file; empty: environment
    tls_options tls;                            ///< --ca, --certificate, --key
    std::chrono::milliseconds timeout{10'000};  ///< to connect, and for an answer
};

void add_login_options(CLI::App& command, login_options& options);

/// Is told of a connection or a log-in that failed.
using login_teller = std::function<void(const connect_error&)>;

/// Asks for the password if it must, connects and logs in. A failure sets the exit code, and is printed; one of the
/// connection or the log-in goes to `tell` instead, if that is given.
std::optional<client> log_in(const login_options& options, int& exit_code, const login_teller& tell = {});

/// The exit code for what ended a message.
int exit_code_of(const error_info& error);

}  // namespace bester::cli
