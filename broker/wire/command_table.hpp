#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace bester::wire {

/// The recipients of a command: which of the fields with lists it takes.
enum class command_recipients : std::uint8_t {
    none,
    people,    ///< `users` and `sessions`, of which one must be given
    sessions,  ///< `sessions`; without them the sender of the message
    servers,   ///< `servers`, which must be given
};

/// The target of a command: which of the fields with a name it takes and needs.
enum class command_target : std::uint8_t { none, group, handler };

// All commands of proto-docs/handler.md. EACH(kind, name on the wire, recipients, target, whether the status of the
// answered message counts the reached sessions). The executor has a function for each kind, with the kind's name.
#define BESTER_COMMANDS(EACH)                               \
    EACH(reply, "reply", none, none, false)                 \
    EACH(send_clients, "sendClients", people, none, true)   \
    EACH(send_group, "sendGroup", none, group, true)        \
    EACH(join, "join", sessions, group, false)              \
    EACH(leave, "leave", sessions, group, false)            \
    EACH(send_handler, "sendHandler", none, handler, false) \
    EACH(send_servers, "sendServers", servers, none, true)  \
    EACH(disconnect, "disconnect", people, none, false)

enum class command_kind : std::uint8_t {
#define BESTER_COMMAND(kind, name, recipients, target, delivers) kind,
    BESTER_COMMANDS(BESTER_COMMAND)
#undef BESTER_COMMAND
        unknown,
};

struct command_facts {
    std::string_view name;  ///< empty for `unknown`
    command_recipients recipients = command_recipients::none;
    command_target target = command_target::none;
    bool delivers = false;
};

/// The facts by kind; the last is for `unknown`.
inline constexpr std::array command_table{
#define BESTER_COMMAND(kind, name, recipients, target, delivers) \
    command_facts{name, command_recipients::recipients, command_target::target, delivers},
    BESTER_COMMANDS(BESTER_COMMAND)
#undef BESTER_COMMAND
        command_facts{},
};

constexpr const command_facts& facts_of(command_kind kind) noexcept {
    return command_table[static_cast<std::size_t>(kind)];
}

}  // namespace bester::wire
