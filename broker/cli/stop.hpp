#pragma once

namespace CLI {
class App;
}

namespace bester::cli {

/// `bester stop`: drains and stops the running broker, and waits for its end.
void add_stop_command(CLI::App& app, int& exit_code);

}  // namespace bester::cli
