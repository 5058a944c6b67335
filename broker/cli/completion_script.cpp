#include "cli/completion_script.hpp"

#include <algorithm>

#include <CLI/CLI.hpp>

namespace bester::cli {
namespace {

bool is_file(const CLI::Option& option) {
    const auto type = option.get_type_name();
    return type == "FILE" || type == "PATH";
}

/// Only the first line, since more would break the scripts.
std::string brief(const std::string& description) { return description.substr(0, description.find('\n')); }

void collect(const CLI::App& app, std::vector<std::string> path, std::vector<completion_command>& all) {
    completion_command command{path, {}, false};
    // CLI11 returns these lists from constant apps only with a filter, whose argument decides.
    const auto subcommands = app.get_subcommands([](const CLI::App*) { return true; });
    for (const auto* sub : subcommands) {
        if (!sub->get_group().empty())
            command.words.push_back({sub->get_name(), brief(sub->get_description()), false, false, false});
    }
    for (const auto* option : app.get_options()) {
        if (option->get_group().empty()) continue;
        if (option->get_positional() && option->get_lnames().empty()) {
            command.takes_file = command.takes_file || is_file(*option);
            continue;
        }
        for (const auto& name : option->get_lnames()) {
            const bool takes_value = option->get_items_expected_max() > 0;
            command.words.push_back(
                {"--" + name, brief(option->get_description()), true, takes_value, takes_value && is_file(*option)});
        }
    }
    all.push_back(std::move(command));
    for (const auto* sub : subcommands) {
        if (sub->get_group().empty()) continue;
        auto deeper = path;
        deeper.push_back(sub->get_name());
        collect(*sub, std::move(deeper), all);
    }
}

std::string path_text(const std::vector<std::string>& path) {
    std::string text;
    for (const auto& word : path) text += (text.empty() ? "" : " ") + word;
    return text;
}

/// Quotes a text for any of the shells (no text has a backslash).
std::string quoted(std::string text) {
    for (std::size_t at = text.find('\''); at != std::string::npos; at = text.find('\'', at + 4))
        text.replace(at, 1, "'\\''");
    return "'" + text + "'";
}

std::string words_of(const completion_command& command) {
    std::string text;
    for (const auto& word : command.words) text += (text.empty() ? "" : " ") + word.text;
    return text;
}

/// Returns the options with a value as alternatives of a shell pattern: those for files, or the others.
std::string value_options(const std::vector<completion_command>& commands, bool of_files) {
    std::vector<std::string> names;
    for (const auto& command : commands) {
        for (const auto& word : command.words) {
            if (word.takes_value && word.takes_file == of_files) names.push_back(word.text);
        }
    }
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
    std::string pattern;
    for (const auto& name : names) pattern += (pattern.empty() ? "" : "|") + name;
    return pattern.empty() ? "--no-such-option" : pattern;
}

/// Returns `case` arms that extend $path by a word that is a subcommand.
std::string path_arms(const std::vector<completion_command>& commands, const std::string& indent) {
    std::string pattern;
    for (const auto& command : commands) {
        if (!command.path.empty()) pattern += (pattern.empty() ? "" : "|") + quoted(path_text(command.path));
    }
    return indent + pattern + ") command=\"${command:+$command }$word\" ;;\n";
}

}  // namespace

std::vector<completion_command> collect_completions(const CLI::App& app) {
    std::vector<completion_command> all;
    collect(app, {}, all);
    return all;
}

std::string bash_completion(const std::vector<completion_command>& commands) {
    std::string arms;
    for (const auto& command : commands) {
        arms += "        " + quoted(path_text(command.path)) + ") words=" + quoted(words_of(command)) +
                (command.takes_file ? "; files=yes" : "") + " ;;\n";
    }
    return "# bash completion for bester, made by `bester completions bash`\n"
           "_bester() {\n"
           "    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]}\n"
           "    local command= words= files= word i\n"
           "    case $previous in\n"
           "        " +
           value_options(commands, true) +
           ") COMPREPLY=($(compgen -f -- \"$current\")); return ;;\n"
           "        " +
           value_options(commands, false) +
           ") COMPREPLY=(); return ;;\n"
           "    esac\n"
           "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
           "        word=${COMP_WORDS[i]}\n"
           "        case \"${command:+$command }$word\" in\n" +
           path_arms(commands, "            ") +
           "        esac\n"
           "    done\n"
           "    case $command in\n" +
           arms +
           "    esac\n"
           "    COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
           "    if [[ $files && $current != -* ]]; then COMPREPLY+=($(compgen -f -- \"$current\")); fi\n"
           "}\n"
           "complete -o filenames -F _bester bester\n";
}

std::string zsh_completion(const std::vector<completion_command>& commands) {
    std::string arms;
    for (const auto& command : commands) {
        arms += "        " + quoted(path_text(command.path)) + ")\n            words_here=(\n";
        for (const auto& word : command.words) {
            // _describe splits at the first colon.
            arms += "                " + quoted(word.text + ":" + word.description) + "\n";
        }
        arms +=
            "            )\n" + std::string(command.takes_file ? "            files=yes\n" : "") + "            ;;\n";
    }
    return "#compdef bester\n"
           "# zsh completion for bester, made by `bester completions zsh`\n"
           "_bester() {\n"
           "    local command= files= word\n"
           "    local -a words_here\n"
           "    case ${words[CURRENT-1]} in\n"
           "        " +
           value_options(commands, true) +
           ") _files; return ;;\n"
           "        " +
           value_options(commands, false) +
           ") return ;;\n"
           "    esac\n"
           "    for word in ${words[2,CURRENT-1]}; do\n"
           "        case \"${command:+$command }$word\" in\n" +
           path_arms(commands, "            ") +
           "        esac\n"
           "    done\n"
           "    case $command in\n" +
           arms +
           "    esac\n"
           "    _describe -o bester words_here\n"
           "    if [[ -n $files ]]; then _files; fi\n"
           "}\n"
           "if [[ $funcstack[1] == _bester ]]; then _bester \"$@\"; else compdef _bester bester; fi\n";
}

std::string fish_completion(const std::vector<completion_command>& commands) {
    std::string text =
        "# fish completion for bester, made by `bester completions fish`\n"
        "function __bester_is\n"
        "    set -l command\n"
        "    for word in (commandline -opc)[2..-1]\n"
        "        switch (string join -- ' ' $command $word)\n"
        "            case";
    for (const auto& command : commands) {
        if (!command.path.empty()) text += " " + quoted(path_text(command.path));
    }
    text +=
        "\n                set -a command $word\n"
        "        end\n"
        "    end\n"
        "    test \"$command\" = \"$argv\"\n"
        "end\n"
        "complete -c bester -f\n";
    for (const auto& command : commands) {
        const auto condition = "complete -c bester -n " + quoted("__bester_is " + path_text(command.path));
        if (command.takes_file) text += condition + " -F\n";
        for (const auto& word : command.words) {
            text += condition + (word.is_option ? " -l " + word.text.substr(2) : " -a " + quoted(word.text)) +
                    (word.takes_file    ? " -r -F"
                     : word.takes_value ? " -x"
                                        : "") +
                    " -d " + quoted(word.description) + "\n";
        }
    }
    return text;
}

}  // namespace bester::cli
