#pragma once

namespace CLI {
class App;
}

namespace bester::cli {

/// `bester completions bash|zsh|fish`: a completion script, made from the declared commands.
void add_completions_command(CLI::App& app, int& exit_code);

}  // namespace bester::cli
