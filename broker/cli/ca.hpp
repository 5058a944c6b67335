#pragma once

namespace CLI {
class App;
}

namespace bester::cli {

/// `bester ca init|issue|renew|show`: the authority that the servers of one operator share, and their
/// certificates, as files in a directory; no broker needs to run. Runs on the main thread and blocks.
/// Exit codes: exit_refused for what must not be done (a file would be overwritten, another authority's
/// certificate, a key that others may use), exit_usage for a wrong name or number, exit_unreachable for
/// files that are missing, unreadable, damaged or not writable.
void add_ca_command(CLI::App& app, int& exit_code);

}  // namespace bester::cli
