#include "cli/check.hpp"

#include <iostream>
#include <memory>
#include <vector>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cli/exit_codes.hpp"
#include "cli/options.hpp"
#include "config/load.hpp"
#include "config/reference.hpp"
#include "wire/counted.hpp"

namespace bester::cli {
namespace {

using nlohmann::json;

struct check_options {
    std::string file{default_config_file};
    bool as_json = false;
    bool schema = false;
    bool reference = false;
};

json list_of(const std::vector<config::finding>& findings) {
    auto list = json::array();
    for (const auto& found : findings) {
        list.push_back(
            {{"line", found.line}, {"column", found.column}, {"path", found.path}, {"message", found.message}});
    }
    return list;
}

void print_json(const config::load_result& result) {
    json answer{{"file", result.file_name},
                {"valid", result.config.has_value()},
                {"mistakes", list_of(result.mistakes)},
                {"warnings", list_of(result.warnings)}};
    if (result.config) answer["digest"] = result.config->digest;
    std::cout << answer.dump(2, ' ', false, json::error_handler_t::replace) << "\n";
}

/// Prints each with the line that it is about.
void print(const config::load_result& result, const std::vector<config::finding>& findings, const char* kind) {
    for (auto each : findings) {
        each.message.insert(0, kind);
        std::cerr << config::format(result.file_name, each) << "\n";
        // One about the whole file points nowhere.
        if (each.path != "(file)") std::cerr << config::pointed_line(result.text, each);
    }
}

void print(const config::load_result& result) {
    print(result, result.mistakes, "");
    print(result, result.warnings, "warning: ");
    if (result.config) {
        std::cout << result.file_name << ": good; listeners: " << result.config->listeners.size()
                  << ", handlers: " << result.config->handlers.size() << ", peers: " << result.config->peers.size()
                  << ", digest: " << result.config->digest << "\n";
    } else {
        std::cerr << result.file_name << ": " << wire::counted(result.mistakes.size(), "mistake") << "\n";
    }
}

void run_check(const check_options& options, int& exit_code) {
    if (options.schema) {
        std::cout << config::json_schema();
        return;
    }
    if (options.reference) {
        std::cout << config::reference_text();
        return;
    }
    const auto result = config::load(options.file);
    options.as_json ? print_json(result) : print(result);
    if (!result.config) exit_code = exit_refused;
}

}  // namespace

void add_check_command(CLI::App& app, int& exit_code) {
    const auto options = std::make_shared<check_options>();
    auto* command = app.add_subcommand("check", "Validate a config file: all mistakes at once, with their places");
    add_config_file(*command, options->file);
    command->add_flag("--json", options->as_json, "Print the findings as JSON");
    auto* schema =
        command->add_flag("--schema", options->schema, "Print the JSON Schema of the config, and do nothing else");
    command->add_flag("--reference", options->reference, "Print the table of all keys, and do nothing else")
        ->excludes(schema);
    add_footer(*command,
               "  bester check bester.jsonc\n"
               "  bester check --schema > bester-schema.json\n\n"
               "Mistakes are printed as FILE:LINE:COLUMN: PATH: MESSAGE, and the code is 1.\n");
    command->callback([options, &exit_code] { run_check(*options, exit_code); });
}

}  // namespace bester::cli
