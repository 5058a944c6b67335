#include "cli/reload.hpp"

#include <iostream>
#include <memory>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cli/control_access.hpp"
#include "cli/options.hpp"
#include "cli/terminal.hpp"
#include "wire/counted.hpp"

namespace bester::cli {
namespace {

using nlohmann::json;

struct reload_options {
    control_options control;
    bool as_json = false;
    std::chrono::milliseconds timeout{60'000};
};

std::string change_text(const json& change, const char* key) {
    const auto value = change.value(key, json());
    const auto text = value.is_string() ? value.get<std::string>() : value.is_null() ? "" : value.dump();
    return text.empty() ? "(nothing)" : printable(text);
}

void print_changes(const json& answer) {
    const auto changes = answer.value("changes", json::array());
    if (changes.empty()) {
        std::cout << "nothing has changed\n";
        return;
    }
    for (const auto& change : changes) {
        std::cout << change_text(change, "path") << ": " << change_text(change, "before") << " -> "
                  << change_text(change, "after") << "\n";
    }
    std::cout << "applied " << wire::counted(changes.size(), "change") << "\n";
}

void run_reload(const reload_options& options, int& exit_code) {
    auto broker = connect_to_broker(options.control, exit_code);
    if (!broker) return;
    const auto answer = ask_broker(*broker, {{"request", "reload"}}, exit_code, options.timeout);
    if (!answer) return;
    if (options.as_json) {
        std::cout << answer->dump(2) << "\n";
    } else {
        print_changes(*answer);
    }
}

}  // namespace

void add_reload_command(CLI::App& app, int& exit_code) {
    const auto options = std::make_shared<reload_options>();
    auto* command = app.add_subcommand("reload", "Let the running broker read its config again; prints the difference");
    add_control_options(*command, options->control);
    command->add_flag("--json", options->as_json, "Print the broker's answer as JSON");
    add_duration_option(*command, "--timeout", options->timeout, "How long to wait for the end");
    add_footer(
        *command,
        "  bester check /etc/bester/bester.jsonc && bester reload\n\n"
        "A reload is applied whole or not at all, and disconnects nobody. With a mistake in\n"
        "the file, or a change that needs a restart, nothing changes and the code is 1.\n"
        "A --config that is no JSON, or has mistakes in server or control, does not say where the broker is: then the\n"
        "code is 2, and --socket PATH tells it.\n");
    command->callback([options, &exit_code] { run_reload(*options, exit_code); });
}

}  // namespace bester::cli
