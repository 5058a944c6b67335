#pragma once

namespace CLI {
class App;
}

namespace bester::cli {

/// `bester client`: a conversation with a broker, for people and (with --json) for scripts.
void add_client_command(CLI::App& app, int& exit_code);

}  // namespace bester::cli
