#pragma once

namespace CLI {
class App;
}

namespace bester::cli {

/// `bester check`: validates a config file; prints its schema or reference.
void add_check_command(CLI::App& app, int& exit_code);

}  // namespace bester::cli
