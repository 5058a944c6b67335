#pragma once

#include <chrono>
#include <csignal>
#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "exchange/command_rights.hpp"

namespace bester::handlers {

/// The largest `window` of an entry.
inline constexpr std::size_t most_window = 1'000'000;

/// How an entry's instances are started.
enum class start_mode {
    automatic,  ///< the broker starts and supervises `command`
    manual,     ///< started by hand; deadlines are not enforced
    one_shot,   ///< the original daemon's handlers, reached through `socket`
};

/// What is done about an instance that hangs.
enum class hang_action { restart, tell };

/// The signal that ends the process of an instance that hangs.
enum class end_signal { abort = SIGABRT, quit = SIGQUIT, terminate = SIGTERM, kill = SIGKILL };
/// How an instance makes way for its replacement.
enum class replace_mode {
    beside,  ///< the old one serves until the new one is ready, then drains while the new one serves
    after,   ///< the new one is started when the old one has drained and its process has ended
};

/// When and how often an instance is started again. Section `handlers.NAME.restart` of the config.
struct restart_settings {
    std::chrono::milliseconds initial_delay{500};
    std::chrono::milliseconds longest_delay{30'000};
    std::chrono::milliseconds failed_start{1'000};  ///< an exit within this time is a failed start
    unsigned degraded_after = 5;                    ///< this many failures within `degraded_window`
    std::chrono::milliseconds degraded_window{60'000};

    bool operator==(const restart_settings&) const = default;
};

/// One entry of the config's `handlers` section.
struct handler_settings {
    std::string name;
    start_mode start = start_mode::automatic;
    std::vector<std::string> command;                ///< executable and arguments
    std::string socket;                              ///< one_shot: path of its UNIX socket
    std::map<std::string, std::string> environment;  ///< added to a minimal environment
    std::string directory;                           ///< working directory; empty: the config file's
    std::string user;                                ///< run as; empty: as the broker
    unsigned instances = 1;
    std::vector<std::string> types;                              ///< message types it serves
    bool idempotent = false;                                     ///< a message may be given to two instances
    std::chrono::milliseconds deadline{5'000};                   ///< to answer a message
    std::map<std::string, std::chrono::milliseconds> deadlines;  ///< by type, instead of `deadline`
    std::size_t window = 1'024;                                  ///< unanswered messages of one instance
    std::size_t waiting = 10'000;                                ///< messages waiting for a place in the window
    std::size_t waiting_bytes = std::size_t{64} << 20;           ///< data of those, on all shards together
    std::size_t message_size = std::size_t{1} << 20;             ///< largest frame either way, bytes
    std::size_t recipients = 1'000;                              ///< of one command
    std::size_t queue_bytes = std::size_t{16} << 20;             ///< waiting to be read by an instance
    std::chrono::milliseconds ping_interval{5'000};              ///< of silence, then a ping
    std::chrono::milliseconds ping_timeout{30'000};              ///< to answer a ping, then it hangs
    std::chrono::milliseconds silence_timeout{60'000};           ///< then it hangs, if it does not answer pings
    hang_action hang = hang_action::restart;
    end_signal hang_signal = end_signal::abort;
    std::chrono::milliseconds hello_timeout{10'000};  ///< from start to ready
    std::chrono::milliseconds stop_grace{10'000};     ///< from SIGTERM to SIGKILL
    restart_settings restart;
    replace_mode replace = replace_mode::beside;
    std::string groups{};              ///< the handler whose groups its commands use; empty: its own
    exchange::command_rights may;      ///< the commands that its process may give
    std::string config_json = "null";  ///< the entry's `config`, passed to the handler

    const std::string& groups_owner() const noexcept { return groups.empty() ? name : groups; }

    bool operator==(const handler_settings&) const = default;
};

}  // namespace bester::handlers
