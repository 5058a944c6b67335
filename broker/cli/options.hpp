#pragma once

#include <chrono>
#include <string>

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace bester::cli {

/// Adds an option that takes a duration like "500ms" or "5s"; what is none is a usage error.
CLI::Option* add_duration_option(CLI::App& command, const std::string& name, std::chrono::milliseconds& value,
                                 const std::string& description);

inline constexpr const char* default_config_file = "/etc/bester/bester.jsonc";

/// Adds the config file that a command works on, as FILE or as --config FILE ($BESTER_CONFIG), of
/// which FILE wins; `file` has its default.
void add_config_file(CLI::App& command, std::string& file);

/// Exit codes and examples, at the end of the command's --help.
void add_footer(CLI::App& command, const std::string& examples);

/// Reads a whole file, or standard input for "-". Throws CLI::ValidationError (a usage error).
std::string read_input(const std::string& path);

}  // namespace bester::cli
