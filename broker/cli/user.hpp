#pragma once

namespace CLI {
class App;
}

namespace bester::cli {

/// `bester user add|passwd|remove|list`: the accounts, straight in their database; no broker needs
/// to run, and one that runs notices within a second. Runs on the main thread and blocks.
/// Exit codes: exit_refused if the user exists or not, exit_unreachable for the database's troubles.
void add_user_command(CLI::App& app, int& exit_code);

}  // namespace bester::cli
