#pragma once

#include <chrono>
#include <optional>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "admin/control_client.hpp"

namespace CLI {
class App;
}

namespace bester::cli {

/// The options that name the running broker's control socket.
struct control_options {
    std::string socket;  ///< --socket
    std::string config;  ///< --config: the config file names the socket
};

void add_control_options(CLI::App& command, control_options& options);

/// Connects to the running broker; if there is none, prints an error and sets the exit code.
std::optional<admin::control_client> connect_to_broker(const control_options& options, int& exit_code);

/// Sends a request and returns the answer; prints a refusal and sets the exit code.
std::optional<nlohmann::json> ask_broker(admin::control_client& broker, const nlohmann::json& request, int& exit_code,
                                         std::chrono::milliseconds timeout = std::chrono::seconds(10));

}  // namespace bester::cli
