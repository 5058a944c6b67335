#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/broker_config.hpp"
#include "config/finding.hpp"
#include "config/surroundings.hpp"

namespace bester::config {

/// Larger files and counts are refused.
inline constexpr std::size_t largest_config = std::size_t{4} << 20;
inline constexpr std::size_t most_listeners = 1'000;
inline constexpr std::size_t most_handlers = 10'000;
inline constexpr std::size_t most_peers = 1'000;
inline constexpr std::size_t most_token_issuers = 8;  ///< each may need a verification
inline constexpr std::size_t most_permissions = 1'000;

/// The result of reading a config: either the config, or at least one mistake, and what the commands need that work
/// while the file has mistakes elsewhere.
struct load_result {
    std::string file_name;
    std::string text;  ///< of the file
    std::optional<broker_config> config;
    std::vector<finding> mistakes;  ///< all mistakes, in the order of the file
    std::vector<finding> warnings;  ///< things that are allowed, but probably not wanted
    /// What commands need beside a running broker; none: the file has mistakes just there, or is not understood at all.
    std::optional<std::string> control_socket;
    std::optional<accounts_settings> accounts;

    /// Returns one line for each, mistakes first; empty if there are none.
    std::string report() const;
};

/// Reads and checks a file. Blocks, so not for a shard's thread. Never throws because of the file's content; a file
/// that cannot be read is a mistake, too. `machine` is that of the start, also at a reload.
load_result load(const std::string& path, const surroundings& machine = probe_surroundings());

/// The same for a text that is in memory. Relative paths are relative to `base_directory`, which is
/// made absolute. Looks at the disk for executables, users, folders
/// and certificates only, and at the clock for the latter.
load_result parse(std::string_view text, const std::string& file_name, const std::string& base_directory,
                  const surroundings& machine = probe_surroundings());

}  // namespace bester::config
