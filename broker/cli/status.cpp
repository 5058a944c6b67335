#include "cli/status.hpp"

#include <iostream>
#include <memory>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cli/control_access.hpp"
#include "cli/options.hpp"
#include "cli/status_text.hpp"

namespace bester::cli {
namespace {

struct status_options {
    control_options control;
    bool as_json = false;
};

void run_status(const status_options& options, int& exit_code) {
    auto broker = connect_to_broker(options.control, exit_code);
    if (!broker) return;
    const auto answer = ask_broker(*broker, {{"request", "status"}}, exit_code);
    if (!answer) return;
    const auto status = answer->value("status", nlohmann::json::object());
    std::cout << (options.as_json ? status.dump(2) + "\n" : format_status(status));
}

}  // namespace

void add_status_command(CLI::App& app, int& exit_code) {
    const auto options = std::make_shared<status_options>();
    auto* command = app.add_subcommand("status", "Show what the running broker is doing");
    add_control_options(*command, options->control);
    command->add_flag("--json", options->as_json, "Print the status document of proto-docs/admin.md");
    add_footer(*command,
               "  bester status\n"
               "  bester status --json | jq .sessions\n");
    command->callback([options, &exit_code] { run_status(*options, exit_code); });
}

}  // namespace bester::cli
