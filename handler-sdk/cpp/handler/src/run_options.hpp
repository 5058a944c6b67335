#pragma once

#include <optional>

#include "runtime.hpp"

namespace bester::detail {

/// What the environment that the broker gives says.
run_settings settings_of_environment(const std::string& name);

/// Reads `--socket PATH`, `--handler NAME` and `--help` into `settings`. An exit code if there is
/// nothing to run: help was asked for (0), or an option is wrong (2); it has been printed.
std::optional<int> read_options(int argc, char** argv, run_settings& settings);

}  // namespace bester::detail
