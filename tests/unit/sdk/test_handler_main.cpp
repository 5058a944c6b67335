// The subcommand alone, so that the examples' cases can be run before the whole program is built.
#include <CLI/CLI.hpp>

#include "cli/test_handler.hpp"

int main(int argc, char** argv) {
    int exit_code = 0;
    CLI::App app{"bester test-handler, alone", "test_handler"};
    app.require_subcommand(1);
    bester::cli::add_test_handler_command(app, exit_code);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : 2;
    }
    return exit_code;
}
