#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "exchange/envelope.hpp"
#include "handlers/channel_host.hpp"

namespace bester::handlers {

/// The most messages that one line of the log names.
inline constexpr std::size_t most_logged = 10;

/// Returns an instance's name in the log: "echo#0".
inline std::string name_of(const instance_ref& instance) {
    return instance.handler + '#' + std::to_string(instance.number);
}

/// Returns a message's name in the log: its type, sender and id, without its data.
inline std::string describe(const exchange::envelope& message) {
    std::string text = message.type_token + " of " + message.user;
    if (!message.id_token.empty()) text += " with id " + message.id_token;
    return text;
}

/// Returns how long a message has been at an instance: " (held 1.5 s)".
std::string held_for(std::uint64_t sent_ms, std::uint64_t now_ms);

}  // namespace bester::handlers
