#include "cli/peers.hpp"

#include <iostream>
#include <memory>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cli/control_access.hpp"
#include "cli/options.hpp"
#include "cli/peers_text.hpp"

namespace bester::cli {
namespace {

struct peers_options {
    control_options control;
    bool as_json = false;
    std::string name;
};

void list(const peers_options& options, int& exit_code) {
    auto broker = connect_to_broker(options.control, exit_code);
    if (!broker) return;
    const auto answer = ask_broker(*broker, {{"request", "peers"}}, exit_code);
    if (!answer) return;
    const auto peering = answer->value("peering", nlohmann::json::object());
    std::cout << (options.as_json ? peering.dump(2) + "\n" : format_peers(peering, std::chrono::system_clock::now()));
}

void order(const peers_options& options, const char* request, const char* done, int& exit_code) {
    auto broker = connect_to_broker(options.control, exit_code);
    if (!broker) return;
    const auto answer = ask_broker(*broker, {{"request", request}, {"peer", options.name}}, exit_code);
    if (!answer) return;
    if (options.as_json) {
        std::cout << answer->dump(2) << "\n";
    } else {
        std::cout << options.name << ": " << done << "; see `bester peers`\n";
    }
}

CLI::App* add_action(CLI::App& parent, const std::shared_ptr<peers_options>& options, const char* name,
                     const char* description) {
    auto* command = parent.add_subcommand(name, description);
    add_control_options(*command, options->control);
    command->add_flag("--json", options->as_json, "Print the broker's answer as JSON");
    return command;
}

}  // namespace

void add_peers_command(CLI::App& app, int& exit_code) {
    const auto options = std::make_shared<peers_options>();
    auto* command = app.add_subcommand("peers", "List, dial or drain the running broker's links to other servers");
    command->require_subcommand(0, 1);
    add_control_options(*command, options->control);
    command->add_flag("--json", options->as_json, "Print the document of proto-docs/admin.md");
    add_footer(*command,
               "  bester peers\n"
               "  bester peers retry away\n"
               "  bester peers drain away --socket /run/bester/control.sock\n");
    command->callback([command, options, &exit_code] {
        if (command->get_subcommands().empty()) list(*options, exit_code);
    });

    add_action(*command, options, "list", "List them with their links and last errors (as without a word)")
        ->callback([options, &exit_code] { list(*options, exit_code); });

    auto* retry = add_action(*command, options, "retry", "Dial it now instead of later, also after a drain");
    retry->add_option("NAME", options->name, "The other server")->required()->type_name("");
    retry->callback([options, &exit_code] { order(*options, "peer_retry", "is dialled", exit_code); });

    auto* drain =
        add_action(*command, options, "drain", "End its link, losing nothing, and make no other until a retry");
    drain->add_option("NAME", options->name, "The other server")->required()->type_name("");
    drain->callback([options, &exit_code] { order(*options, "peer_drain", "is draining", exit_code); });
}

}  // namespace bester::cli
