#pragma once

#include <chrono>
#include <string>

namespace CLI {
class App;
class Option;
}

namespace bester::cli {

/// Adds an option that takes a duration like "500ms" or "5s"; what is none is a usage error.
CLI::Option* add_duration_option(CLI::App& command, const std::string& name, std::chrono::milliseconds& value,
                                 const std::string& description);

/// Exit codes and examples, at the end of the command's --help.
void add_footer(CLI::App& command, const std::string& examples);

/// Reads a whole file, or standard input for "-". Throws CLI::ValidationError (a usage error).
std::string read_input(const std::string& path);

}  // namespace bester::cli
