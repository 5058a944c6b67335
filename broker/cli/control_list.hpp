#pragma once

#include <functional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace CLI {
class App;
}

namespace bester::cli {

/// An order about one named object of the running broker: a word after the subcommand.
struct control_action {
    const char* word;
    const char* description;
    const char* name_description;
    const char* done;  ///< printed after the name
    std::function<nlohmann::json(const std::string& name)> request;
};

/// A subcommand that lists the running broker's objects of one kind, and gives orders about one of them.
struct control_list {
    const char* word;
    const char* description;
    const char* json_description;
    const char* list_description;
    const char* examples;
    const char* request;                                     ///< request for the list
    nlohmann::json (*listed)(const nlohmann::json& answer);  ///< the list's own part of the answer
    std::string (*formatted)(const nlohmann::json& listed);  ///< for people
    std::vector<control_action> actions;
};

void add_control_list(CLI::App& app, control_list list, int& exit_code);

}  // namespace bester::cli
