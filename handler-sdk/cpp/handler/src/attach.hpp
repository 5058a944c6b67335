#pragma once

#include <chrono>
#include <string>
#include <variant>
#include <vector>

#include <bester/handler_events.hpp>

#include "channel.hpp"

namespace bester::detail {

/// What a hello says, and where.
struct attach_settings {
    std::string socket;
    std::string handler;
    std::string token;  ///< empty: started by hand
    std::vector<std::string> events;
    std::chrono::milliseconds timeout{10'000};  ///< for each answer
};

/// All channels open, by shard.
struct attachment {
    welcome greeting;
    std::vector<channel> channels;
};

struct attach_failure {
    enum class kind {
        unreachable,  ///< no socket, no answer, or nonsense
        refused,      ///< the broker said why
        interrupted,  ///< `stop_fd` became readable
    };
    kind what = kind::unreachable;
    std::string code;
    std::string reason;
};

/// Connects one channel for each shard and says hello. Waits, at most `timeout` for each step, or
/// until `stop_fd` is readable. proto-docs/handler.md, "Starting".
std::variant<attachment, attach_failure> attach(const attach_settings& settings, int stop_fd);

}  // namespace bester::detail
