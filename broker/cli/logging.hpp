#pragma once

#include <string>

#include <asio.hpp>

#include "config/broker_config.hpp"

namespace bester::cli {

/// The broker's log, as the default logger of the process: written by a thread of its own, so that a
/// full disk or a stopped terminal never holds up a shard; when that thread falls behind, the oldest
/// lines are dropped. Lives as long as the broker; the destructor writes what is left.
class logging {
public:
    explicit logging(const config::log_settings& settings);
    ~logging();
    logging(const logging&) = delete;
    logging& operator=(const logging&) = delete;

    /// Another level or file, for a reload. False if the file cannot be opened; then nothing changes.
    static bool apply(const config::log_settings& settings);
    /// Opens the log file, if there is one, anew: what moved it away, as logrotate does, waits for the broker to leave
    /// it. If that is not possible, the log says so and goes on where it was.
    static void reopen(const config::log_settings& settings);
    /// Lines dropped so far.
    static std::size_t dropped_lines();
};

/// Has the log say, within seconds, which lines were left out of it (log/log.hpp) and no later line told. On the thread
/// of `on`.
class log_reminder {
public:
    explicit log_reminder(asio::io_context& on);

private:
    void wait();

    asio::steady_timer timer_;
};

/// One last line for an error that ends the broker; on standard error as well, if the log is a file.
void log_failure(const std::string& what, const config::log_settings& settings);

/// Has warnings of commands go to standard error, since standard output is for what they were asked for.
void log_to_terminal();

}  // namespace bester::cli
