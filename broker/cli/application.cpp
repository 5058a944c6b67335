#include "cli/application.hpp"

#include <exception>
#include <iostream>

#include <CLI/CLI.hpp>

#include "cli/ca.hpp"
#include "cli/check.hpp"
#include "cli/client.hpp"
#include "cli/completions.hpp"
#include "cli/exit_codes.hpp"
#include "cli/handlers.hpp"
#include "cli/options.hpp"
#include "cli/peers.hpp"
#include "cli/reload.hpp"
#include "cli/send.hpp"
#include "cli/serve.hpp"
#include "cli/status.hpp"
#include "cli/stop.hpp"
#include "cli/test_handler.hpp"
#include "cli/user.hpp"

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

}  // namespace

int run(int argc, char** argv) noexcept {
    try {
        int exit_code = exit_good;
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
            return app.exit(error) == 0 ? exit_good : exit_usage;
        }
        return exit_code;
    } catch (const std::exception& error) {
        std::cerr << "bester: " << error.what() << "\n";
        return exit_refused;
    }
}

}  // namespace bester::cli
