#include "cli/handlers.hpp"

#include <iostream>
#include <memory>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cli/control_access.hpp"
#include "cli/options.hpp"
#include "cli/status_text.hpp"

namespace bester::cli {
namespace {

struct handlers_options {
    control_options control;
    bool as_json = false;
    std::string name;
};

void list(const handlers_options& options, int& exit_code) {
    auto broker = connect_to_broker(options.control, exit_code);
    if (!broker) return;
    const auto answer = ask_broker(*broker, {{"request", "handlers"}}, exit_code);
    if (!answer) return;
    const auto handlers = answer->value("handlers", nlohmann::json::array());
    std::cout << (options.as_json ? handlers.dump(2) + "\n" : format_handlers(handlers));
}

void order(const handlers_options& options, const char* action, const char* done, int& exit_code) {
    auto broker = connect_to_broker(options.control, exit_code);
    if (!broker) return;
    const auto answer =
        ask_broker(*broker, {{"request", "handlers"}, {"action", action}, {"handler", options.name}}, exit_code);
    if (!answer) return;
    if (options.as_json) {
        std::cout << answer->dump(2) << "\n";
    } else {
        std::cout << options.name << ": " << done << "; see `bester handlers`\n";
    }
}

CLI::App* add_action(CLI::App& parent, const std::shared_ptr<handlers_options>& options, const char* name,
                     const char* description) {
    auto* command = parent.add_subcommand(name, description);
    add_control_options(*command, options->control);
    command->add_flag("--json", options->as_json, "Print the broker's answer as JSON");
    return command;
}

}  // namespace

void add_handlers_command(CLI::App& app, int& exit_code) {
    const auto options = std::make_shared<handlers_options>();
    auto* command = app.add_subcommand("handlers", "List, restart or drain the running broker's handlers");
    command->require_subcommand(0, 1);
    add_control_options(*command, options->control);
    command->add_flag("--json", options->as_json, "Print JSON");
    add_footer(*command,
               "  bester handlers\n"
               "  bester handlers restart chat\n"
               "  bester handlers drain chat --socket /run/bester/control.sock\n");
    command->callback([command, options, &exit_code] {
        if (command->get_subcommands().empty()) list(*options, exit_code);
    });

    add_action(*command, options, "list", "List them with their instances (as without a word)")
        ->callback([options, &exit_code] { list(*options, exit_code); });

    auto* restart =
        add_action(*command, options, "restart", "Restart its instances, one after the other, losing nothing");
    restart->add_option("NAME", options->name, "The handler")->required()->type_name("");
    restart->callback([options, &exit_code] { order(*options, "restart", "is restarting", exit_code); });

    auto* drain = add_action(*command, options, "drain", "Let its instances finish and stop, until a restart");
    drain->add_option("NAME", options->name, "The handler")->required()->type_name("");
    drain->callback([options, &exit_code] { order(*options, "drain", "is draining", exit_code); });
}

}  // namespace bester::cli
