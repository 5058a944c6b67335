#include "cli/client.hpp"

#include <iostream>
#include <memory>

#include <CLI/CLI.hpp>

#include "cli/client_modes.hpp"
#include "cli/error_text.hpp"
#include "cli/login.hpp"
#include "cli/options.hpp"

namespace bester::cli {
namespace {

struct client_command_options {
    login_options login;
    client_mode_options mode;
    bool as_json = false;
};

void run_client(client_command_options& options, int& exit_code) {
    // The first line says how the log-in ended, whoever found out.
    const auto tell = [](const connect_error& failed) {
        print_frame(failed.frame().empty() ? status_frame("auth_special", failed.info()) : failed.frame());
        std::cerr << "bester: " << error_text(failed.info()) << "\n";
    };
    auto self = log_in(options.login, exit_code, options.as_json ? login_teller{tell} : nullptr);
    if (!self) return;
    options.mode.timeout = options.login.timeout;
    exit_code = options.as_json ? run_line_client(*self, options.mode) : run_typed_client(*self, options.mode);
}

}  // namespace

void add_client_command(CLI::App& app, int& exit_code) {
    const auto options = std::make_shared<client_command_options>();
    auto* command = app.add_subcommand("client", "Log in and talk: send messages, see deliveries as they come");
    add_login_options(*command, options->login);
    command->add_option("--type", options->mode.type, "The default type, so that lines are data alone")
        ->type_name("TYPE");
    command->add_flag(
        "--json", options->as_json,
        "For scripts: lines in are {\"type\",\"data\",\"id\"}, lines out are frames, the first the log-in's status");
    add_duration_option(*command, "--linger", options->mode.linger,
                        "After the input's end, and when all statuses are there, go on receiving for so long");
    add_footer(*command,
               "  bester client --user tina\n"
               "  bester client --user tina --type afrikaans\n"
               "  echo '{\"type\":\"echo\",\"data\":1,\"id\":\"a\"}' | bester client --user tina --json\n\n"
               "In a conversation, a line is TYPE DATA; DATA is JSON or else text. /help shows more.\n"
               "With --json, messages without an id get no status. At the input's end the statuses of\n"
               "all others are waited for (--timeout).\n");
    command->callback([options, &exit_code] { run_client(*options, exit_code); });
}

}  // namespace bester::cli
