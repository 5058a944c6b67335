#pragma once

#include <map>
#include <string>
#include <string_view>

#include "config/keys.hpp"
#include "config/value_codec.hpp"

namespace bester::config {

/// Checks rules for several keys of a listener, and resolves its address and name. `seen` maps the names and addresses
/// of the listeners before it to their offsets.
struct listeners_seen {
    std::map<std::string, std::size_t> names;
    std::map<std::string, std::size_t> addresses;
};
void check_listener(const json_value& from, const std::string& path, listener_entry& entry, listeners_seen& seen,
                    const reading& context);

/// Reads and checks the `paths` and other keys of a listener for WebSockets; for other listeners reports the keys of
/// these that have no effect.
void read_web(const json_value& from, const std::string& path, clients::listener_settings& listener,
              const reading& context);

/// The offset at which each message type was claimed, and by which handler.
struct claimed_type {
    std::string handler;
    std::size_t offset = 0;
};
using claimed_types = std::map<std::string, claimed_type>;

/// Checks rules for several keys of a handler, and for the machine: the executable, the user, the folder. Resolves the
/// executable's path, the kind of start and the defaults of `types` and `directory`.
void check_handler(const json_member& from, const std::string& path, handlers::handler_settings& handler,
                   claimed_types& claimed, const reading& context);

/// Checks that each `groups` names a handler with groups of its own. All `handlers` are read already.
void check_group_owners(const json_value& section, broker_config& config, const reading& context);

/// Checks rules for several keys of `peering` and other sections, and resolves the addresses to listen on. `config` is
/// complete except for these checks.
void check_peering(const json_value& root, broker_config& config, const reading& context);

/// The same for one entry of `peers`.
void check_peer(const json_member& from, const std::string& path, const peering::peer_settings& peer,
                const broker_config& config, const reading& context);

/// Reads `tokens` and `permissions`, reads the key files, and checks that listeners have everything that their
/// authentication methods need. `config` is complete except for these.
void read_access(const json_value& root, broker_config& config, const reading& context);

/// Warns of names that stand for nothing: types that no handler serves, unknown commands and handlers in `may`, and
/// patterns of permissions that never decide. `config` is complete already.
void check_references(const json_value& root, const broker_config& config, const reading& context);

/// Reads the files that `peering` names, and checks that they fit together and belong to this server. `section` is that
/// of `peering`; all three files are given.
void check_certificates(const json_value& section, const broker_config& config, const reading& context);

/// Reports each element of `listed` that is not an address to connect to.
void check_addresses(const json_value& listed, const std::string& path, const reading& context);

/// Reports files and sockets of the config whose folder is missing or not writable for this user. `config` is complete
/// already.
void check_folders(const json_value& root, const broker_config& config, const reading& context);

/// Reports a path that is too long for a UNIX socket.
void check_socket_path(std::string_view socket, std::size_t offset, std::string_view path, const reading& context);

}  // namespace bester::config
