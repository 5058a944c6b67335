#pragma once

#include <cstddef>
#include <string>

namespace bester::config {

/// The facts about the machine and the process that defaults and checks use. Probed once, so that a reload sees the
/// same host name as the start; tests provide their own.
struct surroundings {
    std::string host_name;
    unsigned cores = 1;
    std::size_t descriptor_limit = 1'024;  ///< the hard limit, to which the broker raises its own
    std::string runtime_directory;
    std::string search_path;  ///< $PATH, for commands without a '/'
    unsigned user_id = 0;
    std::string state_directory;  ///< for files that outlive the process
};

/// Returns the facts of this process. The runtime directory is $RUNTIME_DIRECTORY (set by systemd), or /run/bester for
/// root, or $XDG_RUNTIME_DIR/bester, or /tmp/bester-UID; the state directory is $STATE_DIRECTORY, or /var/lib/bester
/// for root, or $XDG_STATE_HOME/bester, or ~/.local/state/bester. Reads the environment: call it before other threads
/// change that.
surroundings probe_surroundings();

/// Returns the path of the account database if the config does not name one. The state directory may be missing.
std::string default_account_database(const surroundings& machine);

}  // namespace bester::config
