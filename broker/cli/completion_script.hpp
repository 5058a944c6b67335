#pragma once

#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace bester::cli {

/// One option or word that can follow a command.
struct completion_word {
    std::string text;
    std::string description;
    bool is_option = false;
    bool takes_value = false;
    bool takes_file = false;  ///< its value is a file's path
};

/// A command and what can follow it.
struct completion_command {
    std::vector<std::string> path;  ///< without the program's name
    std::vector<completion_word> words;
    bool takes_file = false;  ///< as an argument without a name
};

/// Returns all commands below `app`, the program itself first, from their declarations.
std::vector<completion_command> collect_completions(const CLI::App& app);

/// Return the scripts. Pure.
std::string bash_completion(const std::vector<completion_command>& commands);
std::string zsh_completion(const std::vector<completion_command>& commands);
std::string fish_completion(const std::vector<completion_command>& commands);

}  // namespace bester::cli
