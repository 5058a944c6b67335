#include "cli/application.hpp"

#include <exception>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>

#include "cli/ca.hpp"
#include "cli/check.hpp"
#include "cli/client.hpp"
#include "cli/completions.hpp"
#include "cli/exit_codes.hpp"
#include "cli/handlers.hpp"
#include "cli/logging.hpp"
#include "cli/options.hpp"
#include "cli/peers.hpp"
#include "cli/reload.hpp"
#include "cli/send.hpp"
#include "cli/serve.hpp"
#include "cli/status.hpp"
#include "cli/stop.hpp"
#include "cli/terminal.hpp"
#include "cli/test_handler.hpp"
#include "cli/user.hpp"
#include "config/wording.hpp"

namespace bester::cli {
namespace {

void add_commands(CLI::App& app, int& exit_code) {
    add_serve_command(app, exit_code);
    add_check_command(app, exit_code);
    add_status_command(app, exit_code);
    add_handlers_command(app, exit_code);
    add_peers_command(app, exit_code);
    add_reload_command(app, exit_code);
    add_stop_command(app, exit_code);
    add_user_command(app, exit_code);
    add_ca_command(app, exit_code);
    add_client_command(app, exit_code);
    add_send_command(app, exit_code);
    add_test_handler_command(app, exit_code);
    add_completions_command(app, exit_code);
}

/// Returns what to say of the first word that is neither a command nor an option: that it is none, and what was
/// probably meant; empty if there is no such word.
std::string unknown_word(const CLI::App& app, int argc, char** argv) {
    const CLI::App* at = &app;
    const auto named = [&](const std::string& word) {
        const auto commands = at->get_subcommands([&](const CLI::App* each) { return each->get_name() == word; });
        return commands.empty() ? nullptr : commands.front();
    };
    for (int i = 1; i < argc; ++i) {
        const std::string_view given{argv[i]};
        const std::string word{given.substr(0, given.find('='))};
        std::vector<std::string> names;
        if (word.starts_with("--")) {
            if (at->get_option_no_throw(word)) continue;
            for (const CLI::Option* each : at->get_options())
                for (const std::string& name : each->get_lnames()) names.push_back("--" + name);
        } else if (word.starts_with('-') || at->get_subcommands([](const CLI::App*) { return true; }).empty()) {
            continue;
        } else if (const CLI::App* const command = named(word)) {
            at = command;
            continue;
        } else {
            for (const CLI::App* each : at->get_subcommands([](const CLI::App*) { return true; }))
                names.push_back(each->get_name());
        }
        const std::vector<std::string_view> candidates{names.begin(), names.end()};
        const auto found = config::nearest(word, candidates);
        return "bester: unknown: " + printable(word) + (found ? "; did you mean " + std::string{*found} + "?" : "");
    }
    return {};
}

}  // namespace

int run(int argc, char** argv) noexcept {
    try {
        int exit_code = exit_good;
        log_to_terminal();
        CLI::App app("A message-exchange broker whose logic lives in handler processes", "bester");
        app.set_version_flag("--version", "bester " BESTER_VERSION);
        app.require_subcommand(1);
        add_footer(app,
                   "  bester check bester.jsonc && bester serve --config bester.jsonc\n"
                   "  bester client --user tina\n"
                   "  bester status\n\n"
                   "bester COMMAND --help says more; so does bester(1).\n");
        add_commands(app, exit_code);
        try {
            app.parse(argc, argv);
        } catch (const CLI::ParseError& error) {
            // Help and version are errors as well, with the code 0.
            if (app.exit(error) == 0) return exit_good;
            if (const std::string said = unknown_word(app, argc, argv); !said.empty()) std::cerr << said << "\n";
            return exit_usage;
        }
        return exit_code;
    } catch (const std::exception& error) {
        std::cerr << "bester: " << error.what() << "\n";
        return exit_refused;
    }
}

}  // namespace bester::cli
