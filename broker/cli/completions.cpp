#include "cli/completions.hpp"

#include <iostream>

#include <CLI/CLI.hpp>

#include "cli/completion_script.hpp"
#include "cli/options.hpp"

namespace bester::cli {

void add_completions_command(CLI::App& app, int&) {
    auto* command = app.add_subcommand("completions", "Print a completion script for a shell");
    command->require_subcommand(1);
    add_footer(*command,
               "  bester completions bash > /etc/bash_completion.d/bester\n"
               "  bester completions zsh > ~/.zfunc/_bester\n"
               "  bester completions fish > ~/.config/fish/completions/bester.fish\n");
    using writer = std::string (*)(const std::vector<completion_command>&);
    const auto add_shell = [&](const char* name, writer write) {
        command->add_subcommand(name, std::string("For ") + name)->callback([&app, write] {
            std::cout << write(collect_completions(app));
        });
    };
    add_shell("bash", bash_completion);
    add_shell("zsh", zsh_completion);
    add_shell("fish", fish_completion);
}

}  // namespace bester::cli
