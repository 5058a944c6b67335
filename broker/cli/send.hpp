#pragma once

namespace CLI {
class App;
}

namespace bester::cli {

/// `bester send`: one message, its status and its replies.
void add_send_command(CLI::App& app, int& exit_code);

}  // namespace bester::cli
