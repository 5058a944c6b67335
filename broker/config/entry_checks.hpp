#pragma once

#include <map>
#include <string>
#include <string_view>

#include "config/keys.hpp"
#include "config/value_codec.hpp"

namespace bester::config {

/// Checks what concerns several keys of a listener, and resolves its address and name. `seen` maps
/// the names and addresses of the listeners before it to their offsets.
struct listeners_seen {
    std::map<std::string, std::size_t> names;
    std::map<std::string, std::size_t> addresses;
};
void check_listener(const json_value& from, const std::string& path, listener_entry& entry, listeners_seen& seen,
                    const reading& context);

/// Is the address, `127.0.0.1:2223` or `[::1]:2223`, one that only this machine reaches?
bool is_loopback(std::string_view address);

/// The offset at which each message type was claimed, and by which handler.
struct claimed_type {
    std::string handler;
    std::size_t offset = 0;
};
using claimed_types = std::map<std::string, claimed_type>;

/// Checks what concerns several keys of a handler, or the machine: the executable, the user, the
/// folder. Resolves the executable's path, the kind of start and the defaults of `types` and `directory`.
void check_handler(const json_member& from, const std::string& path, handlers::handler_settings& handler,
                   claimed_types& claimed, const reading& context);

/// Tells it if the path is too long for a UNIX socket.
void check_socket_path(std::string_view socket, std::size_t offset, std::string_view path, const reading& context);

}  // namespace bester::config
