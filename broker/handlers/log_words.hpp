#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "exchange/envelope.hpp"
#include "handlers/channel_host.hpp"

namespace bester::handlers {

/// Of many messages that a line of the log could name, it names so many.
inline constexpr std::size_t most_logged = 10;

/// An instance as the log calls it: "echo#0".
inline std::string name_of(const instance_ref& instance) {
    return instance.handler + '#' + std::to_string(instance.number);
}

/// A message as the log calls it: its type, its sender and its id, but not what it says.
inline std::string describe(const exchange::envelope& message) {
    std::string text = message.type_token + " of " + message.user;
    if (!message.id_token.empty()) text += " with id " + message.id_token;
    return text;
}

/// How long a message has been at an instance: " (held 1.5 s)".
std::string held_for(std::uint64_t sent_ms, std::uint64_t now_ms);

}  // namespace bester::handlers
