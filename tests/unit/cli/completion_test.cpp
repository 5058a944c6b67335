#include <catch2/catch.hpp>

#include <CLI/CLI.hpp>

#include <unistd.h>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "cli/completion_script.hpp"
#include "cli/handlers.hpp"
#include "cli/peers.hpp"
#include "cli/send.hpp"

using namespace bester::cli;

namespace {

std::vector<completion_command> some_commands() {
    CLI::App app("test", "bester");
    int exit_code = 0;
    add_handlers_command(app, exit_code);
    add_peers_command(app, exit_code);
    add_send_command(app, exit_code);
    return collect_completions(app);
}

/// What bash offers behind these words.
std::string complete_in_bash(const std::string& script, const std::string& words, int last) {
    const std::string file = "/tmp/bester-unit-completion-" + std::to_string(::getpid());
    auto* out = std::fopen(file.c_str(), "w");
    std::fputs(script.c_str(), out);
    std::fprintf(out, "COMP_WORDS=(%s); COMP_CWORD=%d; _bester; echo \"${COMPREPLY[@]}\"\n", words.c_str(), last);
    std::fclose(out);
    auto* run = ::popen(("bash " + file + " 2>&1").c_str(), "r");
    std::string answer;
    char bytes[512];
    while (std::fgets(bytes, sizeof bytes, run) != nullptr) answer += bytes;
    ::pclose(run);
    ::unlink(file.c_str());
    return answer;
}

}  // namespace

TEST_CASE("completions: bash offers commands, subcommands and options", "[cli]") {
    const auto script = bash_completion(some_commands());
    CHECK(complete_in_bash(script, "bester ''", 1).find("handlers peers send") != std::string::npos);
    CHECK(complete_in_bash(script, "bester han", 1) == "handlers\n");
    CHECK(complete_in_bash(script, "bester handlers re", 2) == "restart\n");
    CHECK(complete_in_bash(script, "bester peers re", 2) == "retry\n");
    CHECK(complete_in_bash(script, "bester handlers restart --js", 3) == "--json\n");
    CHECK(complete_in_bash(script, "bester send --user handlers --ty", 4) == "--type\n");
    CHECK(complete_in_bash(script, "bester send --password-file /etc/passw", 3).find("/etc/passwd") !=
          std::string::npos);
    CHECK(complete_in_bash(script, "bester send --type ''", 3) == "\n");
}

TEST_CASE("completions: every command is in every script", "[cli]") {
    const auto commands = some_commands();
    CHECK(commands.size() == 10);
    for (const auto& script : {zsh_completion(commands), fish_completion(commands)}) {
        for (const char* word : {"handlers", "restart", "drain", "retry", "password-file", "socket"}) {
            CAPTURE(word);
            CHECK(script.find(word) != std::string::npos);
        }
    }
}
