#pragma once

namespace CLI {
class App;
}

namespace bester::cli {

/// `bester status`: what the running broker is doing.
void add_status_command(CLI::App& app, int& exit_code);

}  // namespace bester::cli
