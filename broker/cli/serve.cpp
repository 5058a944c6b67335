#include "cli/serve.hpp"

#include <sys/resource.h>

#include <csignal>
#include <filesystem>
#include <iostream>
#include <memory>
#include <string>

#include <CLI/CLI.hpp>

#include "cli/broker.hpp"
#include "cli/exit_codes.hpp"
#include "cli/logging.hpp"
#include "cli/options.hpp"
#include "config/load.hpp"
#include "handlers/guard.hpp"

namespace bester::cli {
namespace {

/// As many descriptors as we may have: each client needs one.
void raise_descriptor_limit() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max) return;
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
}

void run_serve(const std::string& file, int& exit_code) {
    const auto machine = config::probe_surroundings();
    auto loaded = config::load(file, machine);
    std::cerr << loaded.report();
    if (!loaded.config) {
        std::cerr << "bester: " << file << " has mistakes, nothing was started\n";
        exit_code = exit_usage;
        return;
    }
    raise_descriptor_limit();
    std::signal(SIGPIPE, SIG_IGN);
    handlers::guard guard;  // forks, so it comes before all threads
    const config::log_settings log_settings = loaded.config->log;
    const logging log{log_settings};
    try {
        // Absolute, since readers of the status may have another working directory.
        broker running{std::filesystem::absolute(file).lexically_normal().string(), machine, std::move(*loaded.config),
                       guard};
        running.run();
    } catch (const std::exception& error) {
        log_failure(error.what(), log_settings);
        exit_code = exit_refused;
    }
}

}  // namespace

void add_serve_command(CLI::App& app, int& exit_code) {
    const auto file = std::make_shared<std::string>(default_config_file);
    auto* command = app.add_subcommand("serve", "Run the broker in the foreground");
    add_config_file(*command, *file);
    add_footer(*command,
               "  bester serve bester.jsonc\n\n"
               "SIGTERM or SIGINT: drain and stop; a second one: stop at once. SIGHUP: reload the config.\n"
               "SIGUSR1: open log.file anew, as a reload does.\n");
    command->callback([file, &exit_code] { run_serve(*file, exit_code); });
}

}  // namespace bester::cli
