#include "cli/control_access.hpp"

#include <iostream>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cli/exit_codes.hpp"
#include "cli/terminal.hpp"
#include "config/load.hpp"

namespace bester::cli {
namespace {

/// Returns the path, or none if the config that should name it is wrong, which is reported.
std::optional<std::string> find_socket(const control_options& options) {
    if (!options.socket.empty()) return options.socket;
    if (options.config.empty()) return config::probe_surroundings().runtime_directory + "/control.sock";
    const auto loaded = config::load(options.config);
    if (!loaded.config && loaded.control_socket)
        std::cerr << "bester: " << printable(loaded.file_name)
                  << " has mistakes (`bester check` tells them), but not where it "
                  << "names the control socket\n";
    if (loaded.control_socket) return loaded.control_socket;
    std::cerr << loaded.report()
              << "bester: the config has mistakes, so the control socket is not known; give --socket PATH\n";
    return std::nullopt;
}

int control_exit_code(const admin::control_error& error) {
    if (error.code == "timeout") return exit_timeout;
    if (error.code == "unreachable" || error.code == "forbidden" || error.code == "connection_lost")
        return exit_unreachable;
    return exit_refused;
}

void print(const admin::control_error& error) {
    std::cerr << "bester: " << error.code << ": " << printable(error.reason) << "\n";
}

}  // namespace

void add_control_options(CLI::App& command, control_options& options) {
    command.add_option("--socket", options.socket, "The broker's control socket")->type_name("PATH");
    command
        .add_option("--config", options.config,
                    "The broker's config file, which names the control socket (without --socket)")
        ->type_name("FILE")
        ->envname("BESTER_CONFIG");
}

std::optional<admin::control_client> connect_to_broker(const control_options& options, int& exit_code) {
    const auto path = find_socket(options);
    if (!path) {
        exit_code = exit_usage;
        return std::nullopt;
    }
    auto broker = admin::control_client::connect(*path);
    if (broker) return std::move(*broker);
    print(broker.error());
    exit_code = control_exit_code(broker.error());
    return std::nullopt;
}

std::optional<nlohmann::json> ask_broker(admin::control_client& broker, const nlohmann::json& request, int& exit_code,
                                         std::chrono::milliseconds timeout) {
    auto answer = broker.ask(request, timeout);
    if (answer) return std::move(*answer);
    print(answer.error());
    exit_code = control_exit_code(answer.error());
    return std::nullopt;
}

}  // namespace bester::cli
