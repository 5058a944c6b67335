#pragma once

#include "handlers/handler_settings.hpp"

#include <sys/types.h>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace bester::handlers {

/// What an instance does at the moment.
enum class instance_state {
    waiting,      ///< to be started by hand
    starting,     ///< its process runs, not all channels are open
    ready,        ///< serves messages
    draining,     ///< gets no more messages
    stopping,     ///< told to exit
    backing_off,  ///< ended; will be started again
    stopped,      ///< drained by hand; `restart` starts it
};

std::string_view to_string(instance_state state) noexcept;

/// One life of an instance, or the slot of the next one. Plain values for status reports.
struct instance_status {
    unsigned number = 0;
    std::uint64_t epoch = 0;  ///< 0: no life at the moment
    pid_t pid = 0;            ///< 0: no process
    instance_state state = instance_state::stopped;
    bool is_degraded = false;
    std::chrono::system_clock::time_point started{};  ///< of this life
    unsigned restarts = 0;                            ///< starts after an unexpected end
    std::string last_exit;                            ///< how the life before this one ended
    std::string last_output;                          ///< its last line of output
};

/// One entry with all its instances; while some are being replaced, both old and new ones.
struct handler_status {
    std::string name;
    start_mode start = start_mode::automatic;
    bool is_degraded = false;
    std::vector<instance_status> instances;
};

}  // namespace bester::handlers
