#pragma once

namespace CLI {
class App;
}

namespace bester::cli {

/// `bester peers list|retry|drain`: the running broker's links to other servers.
void add_peers_command(CLI::App& app, int& exit_code);

}  // namespace bester::cli
