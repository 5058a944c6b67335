#include "cli/control_list.hpp"

#include <iostream>
#include <memory>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cli/control_access.hpp"
#include "cli/options.hpp"

namespace bester::cli {
namespace {

struct list_options {
    control_options control;
    bool as_json = false;
    std::string name;
};

void print_list(const control_list& what, const list_options& options, int& exit_code) {
    auto broker = connect_to_broker(options.control, exit_code);
    if (!broker) return;
    const auto answer = ask_broker(*broker, {{"request", what.request}}, exit_code);
    if (!answer) return;
    const nlohmann::json listed = what.listed(*answer);
    std::cout << (options.as_json ? listed.dump(2) + "\n" : what.formatted(listed));
}

void order(const control_list& what, const control_action& action, const list_options& options, int& exit_code) {
    auto broker = connect_to_broker(options.control, exit_code);
    if (!broker) return;
    const auto answer = ask_broker(*broker, action.request(options.name), exit_code);
    if (!answer) return;
    if (options.as_json) std::cout << answer->dump(2) << "\n";
    else std::cout << options.name << ": " << action.done << "; see `bester " << what.word << "`\n";
}

CLI::App* add_word(CLI::App& parent, list_options& options, const char* word, const char* description) {
    auto* command = parent.add_subcommand(word, description);
    add_control_options(*command, options.control);
    command->add_flag("--json", options.as_json, "Print the broker's answer as JSON");
    return command;
}

}  // namespace

void add_control_list(CLI::App& app, control_list list, int& exit_code) {
    const auto options = std::make_shared<list_options>();
    const auto what = std::make_shared<const control_list>(std::move(list));
    auto* command = app.add_subcommand(what->word, what->description);
    command->require_subcommand(0, 1);
    add_control_options(*command, options->control);
    command->add_flag("--json", options->as_json, what->json_description);
    add_footer(*command, what->examples);
    command->callback([command, what, options, &exit_code] {
        if (command->get_subcommands().empty()) print_list(*what, *options, exit_code);
    });
    add_word(*command, *options, "list", what->list_description)->callback([what, options, &exit_code] {
        print_list(*what, *options, exit_code);
    });
    for (const control_action& action : what->actions) {
        auto* word = add_word(*command, *options, action.word, action.description);
        word->add_option("NAME", options->name, action.name_description)->required()->type_name("");
        word->callback([what, &action, options, &exit_code] { order(*what, action, *options, exit_code); });
    }
}

}  // namespace bester::cli
