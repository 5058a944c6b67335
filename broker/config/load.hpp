#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/broker_config.hpp"
#include "config/finding.hpp"
#include "config/surroundings.hpp"

namespace bester::config {

/// What is beyond these is refused.
inline constexpr std::size_t largest_config = std::size_t{4} << 20;
inline constexpr std::size_t most_listeners = 1'000;
inline constexpr std::size_t most_handlers = 10'000;
inline constexpr std::size_t most_peers = 1'000;
inline constexpr std::size_t most_token_issuers = 8;  ///< each may cost a verification
inline constexpr std::size_t most_permissions = 1'000;

/// What came of reading a config: either the config, or at least one mistake.
struct load_result {
    std::string file_name;
    std::optional<broker_config> config;
    std::vector<finding> mistakes;  ///< all there are, in the order of the file
    std::vector<finding> warnings;  ///< what is allowed, but probably not wanted

    /// One line each, mistakes first; empty if there is nothing to tell.
    std::string report() const;
};

/// Reads and checks a file. Blocks on the disk: not for a shard's thread. Never throws for what is
/// in the file; a file that cannot be read is a mistake too. `machine` is that of the start, also
/// at a reload.
load_result load(const std::string& path, const surroundings& machine = probe_surroundings());

/// The same for a text that is in memory. Relative paths are relative to `base_directory`, which is
/// made absolute. Looks at the disk for executables, users, folders
/// and certificates only, and at the clock for the latter.
load_result parse(std::string_view text, const std::string& file_name, const std::string& base_directory,
                  const surroundings& machine = probe_surroundings());

}  // namespace bester::config
