#include "cli/stop.hpp"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <iostream>
#include <memory>

#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cli/control_access.hpp"
#include "cli/exit_codes.hpp"
#include "cli/options.hpp"

namespace bester::cli {
namespace {

struct stop_options {
    control_options control;
    bool at_once = false;
    std::chrono::milliseconds timeout{60'000};
};

/// Waits for the end of a process; false if it still runs after `timeout`.
bool wait_for_end(int process, std::chrono::milliseconds timeout) {
    pollfd waiting{process, POLLIN, 0};
    const auto until = std::chrono::steady_clock::now() + timeout;
    for (;;) {
        const auto left =
            std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now()).count();
        const int ready = ::poll(&waiting, 1, static_cast<int>(std::clamp<long long>(left, 0, INT_MAX)));
        if (ready > 0) return true;
        if (ready == 0 || errno != EINTR) return false;
    }
}

void run_stop(const stop_options& options, int& exit_code) {
    auto broker = connect_to_broker(options.control, exit_code);
    if (!broker) return;
    // Before the order: afterwards its number may already be somebody else's.
    const int process = static_cast<int>(::syscall(SYS_pidfd_open, broker->broker_pid(), 0));
    const int failed = errno;
    if (!ask_broker(*broker, {{"request", "stop"}}, exit_code)) {
        if (process >= 0) ::close(process);
        return;
    }
    if (options.at_once) {
        std::cout << "bester (process " << broker->broker_pid() << ") is stopping\n";
    } else if (process < 0) {
        std::cout << "bester is stopping; cannot wait for its end (" << std::strerror(failed) << ")\n";
    } else if (wait_for_end(process, options.timeout)) {
        std::cout << "bester (process " << broker->broker_pid() << ") has stopped\n";
    } else {
        std::cerr << "bester stop: process " << broker->broker_pid() << " has not ended within "
                  << options.timeout.count() << " ms; it may still be draining (server.stop_grace)\n";
        exit_code = exit_timeout;
    }
    if (process >= 0) ::close(process);
}

}  // namespace

void add_stop_command(CLI::App& app, int& exit_code) {
    const auto options = std::make_shared<stop_options>();
    auto* command = app.add_subcommand("stop", "Drain and stop the running broker, and wait for its end");
    add_control_options(*command, options->control);
    command->add_flag("--no-wait", options->at_once, "Return as soon as it has begun to stop");
    add_duration_option(*command, "--timeout", options->timeout, "How long to wait for the end");
    add_footer(*command,
               "  bester stop\n"
               "  bester stop --timeout 5s\n");
    command->callback([options, &exit_code] { run_stop(*options, exit_code); });
}

}  // namespace bester::cli
