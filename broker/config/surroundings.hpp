#pragma once

#include <cstddef>
#include <string>

namespace bester::config {

/// What defaults and checks need to know of the machine and the process. Probed once, so that a
/// reload does not see another host name than the start did; tests give their own.
struct surroundings {
    std::string host_name;
    unsigned cores = 1;
    std::size_t descriptor_limit = 1'024;  ///< the hard limit, to which the broker raises its own
    std::string runtime_directory;
    std::string search_path;  ///< $PATH, for commands without a '/'
    unsigned user_id = 0;
    std::string state_directory;  ///< for what outlives the process
};

/// This process's. The runtime directory is $RUNTIME_DIRECTORY (set by systemd), or /run/bester for
/// root, or $XDG_RUNTIME_DIR/bester, or /tmp/bester-UID; the state directory is $STATE_DIRECTORY, or
/// /var/lib/bester for root, or $XDG_STATE_HOME/bester, or ~/.local/state/bester. Reads the
/// environment: call it before other threads change that.
surroundings probe_surroundings();

/// Where the accounts are if the config does not say it. The state directory may be missing.
std::string default_account_database(const surroundings& machine);

}  // namespace bester::config
