#pragma once

namespace CLI {
class App;
}

namespace bester::cli {

/// `bester reload`: makes the running broker read its config again, and prints the difference.
void add_reload_command(CLI::App& app, int& exit_code);

}  // namespace bester::cli
