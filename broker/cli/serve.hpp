#pragma once

namespace CLI {
class App;
}

namespace bester::cli {

/// `bester serve`: runs the broker in the foreground until SIGTERM or SIGINT.
void add_serve_command(CLI::App& app, int& exit_code);

}  // namespace bester::cli
