#pragma once

#include <functional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace CLI {
class App;
}

namespace bester::cli {

/// What may be done to one thing that the running broker has, by name: a word after the subcommand.
struct control_action {
    const char* word;
    const char* description;
    const char* name_description;
    const char* done;  ///< printed after the name
    std::function<nlohmann::json(const std::string& name)> request;
};

/// A subcommand that lists what the running broker has of a kind, and has something done to one of them.
struct control_list {
    const char* word;
    const char* description;
    const char* json_description;
    const char* list_description;
    const char* examples;
    const char* request;                                     ///< for the list
    nlohmann::json (*listed)(const nlohmann::json& answer);  ///< the list's own part of the answer
    std::string (*formatted)(const nlohmann::json& listed);  ///< for people
    std::vector<control_action> actions;
};

void add_control_list(CLI::App& app, control_list list, int& exit_code);

}  // namespace bester::cli
