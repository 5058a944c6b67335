#pragma once

namespace CLI {
class App;
}

namespace bester::cli {

/// `bester handlers list|restart|drain`: the running broker's handlers.
void add_handlers_command(CLI::App& app, int& exit_code);

}  // namespace bester::cli
