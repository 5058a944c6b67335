#pragma once

namespace CLI {
class App;
}

namespace bester::cli {

/// `bester test-handler`: runs a handler process against a file of messages and expected commands.
void add_test_handler_command(CLI::App& app, int& exit_code);

}  // namespace bester::cli
