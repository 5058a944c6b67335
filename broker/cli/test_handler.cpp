#include "cli/test_handler.hpp"

#include <unistd.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include <bester/testing/test_handler.hpp>

#include "cli/options.hpp"

namespace bester::cli {

namespace {

constexpr const char* footer =
    "Starts HANDLER with a socket on which this program plays the broker, gives it the message of\n"
    "each line of CASES and compares what it answers. A case is one line of JSON:\n\n"
    R"(  {"name":"greets","message":{"type":"hello","data":"tina"},)"
    "\n"
    R"(   "expect":{"commands":[{"command":"reply","data":"Hello tina"}]}})"
    "\n\n"
    R"(Where a value varies, expect {"$any":true}, {"$any":"number"} or {"$matches":"regex"}.)"
    "\n"
    "handler-sdk/cpp/README.md says all that a case can do.\n\n"
    "Examples:\n"
    "  bester test-handler ./my-handler cases.jsonl\n"
    "  bester test-handler --shards 3 --json ./my-handler cases.jsonl\n"
    "  bester test-handler --one-shot ./one_shot.py cases.jsonl\n\n"
    "Exit codes: 0 all passed, 1 a case failed, 2 wrong usage or case file, 3 the handler did not\n"
    "start, or died.";

struct chosen {
    testing::test_options options;
    std::string handler;
    std::vector<std::string> arguments;
};

}  // namespace

void add_test_handler_command(CLI::App& app, int& exit_code) {
    auto given = std::make_shared<chosen>();
    auto* const command = app.add_subcommand("test-handler", "Run a handler against a file of cases, without a broker");
    command->add_option("HANDLER", given->handler, "The handler's executable")->required();
    command->add_option("CASES", given->options.cases, "File with one case per line (JSON lines)")->required();
    command->add_option("--argument", given->arguments, "Passed to the handler; may be given several times")
        ->allow_extra_args(false);
    add_duration_option(*command, "--timeout", given->options.timeout, "For each case, and for the start");
    command->add_option("--shards", given->options.shards, "How many channels the handler shall open")
        ->check(CLI::Range(1U, 64U))
        ->capture_default_str();
    command->add_flag("--one-shot", given->options.is_one_shot,
                      "The handler speaks the original daemon's protocol; its last argument is the socket's path");
    command->add_flag("--json", given->options.is_json, "One JSON object for each case, for programs");
    command->footer(footer);
    command->callback([given, &exit_code] {
        auto& options = given->options;
        options.command = {given->handler};
        options.command.insert(options.command.end(), given->arguments.begin(), given->arguments.end());
        options.is_coloured = ::isatty(STDOUT_FILENO) != 0 && std::getenv("NO_COLOR") == nullptr;
        exit_code = testing::test_handler(options);
    });
}

}  // namespace bester::cli
