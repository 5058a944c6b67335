#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

#include "access/login_throttle.hpp"
#include "access/token_settings.hpp"
#include "access/type_permissions.hpp"
#include "clients/client_settings.hpp"
#include "exchange/exchange_settings.hpp"
#include "handlers/handler_settings.hpp"
#include "peering/peer_settings.hpp"

namespace bester::config {

struct server_settings {
    std::string name;                              ///< name of this server for other servers
    unsigned threads = 1;                          ///< shards
    std::string runtime_directory;                 ///< for sockets; made at start
    std::chrono::milliseconds stop_grace{30'000};  ///< from SIGTERM to the end
    unsigned workers = 2;                          ///< threads that verify passwords

    bool operator==(const server_settings&) const = default;
};

enum class log_level { trace, debug, info, warning, error };

struct log_settings {
    log_level level = log_level::info;
    std::string file;  ///< empty: standard error

    bool operator==(const log_settings&) const = default;
};

struct accounts_settings {
    std::string database;  ///< default_account_database() if the file does not say it
    unsigned argon2_operations = 2;
    std::size_t argon2_memory = std::size_t{64} << 20;  ///< bytes for one verification
    std::chrono::milliseconds remember{600'000};        ///< how long a verified credential is remembered
    bool end_changed = true;                            ///< sessions of a user whose password changes
    bool remember_restarts = true;                      ///< also over a restart of the broker

    bool operator==(const accounts_settings&) const = default;
};

/// An issuer of tokens: an entry of `tokens`.
struct token_issuer {
    std::string name;
    access::token_settings settings;

    bool operator==(const token_issuer&) const = default;
};

/// An element of `permissions` as it is written.
struct permission_entry {
    std::vector<std::string> types;
    std::vector<std::string> users;
    std::vector<std::string> roles;
    bool anonymous = false;
    std::size_t rate = 0;  ///< messages in `per`; 0: any number
    std::chrono::milliseconds per{1'000};
    std::size_t burst = 0;  ///< 0: as many as `rate`

    access::permission_rule rule() const;
    bool operator==(const permission_entry&) const = default;
};

struct login_settings {
    std::string type;  ///< type of the messages to the log-in handler; empty: there is none
    std::chrono::milliseconds token_notice{60'000};  ///< before a session's token expires
    access::throttle_settings throttle;

    bool operator==(const login_settings&) const = default;
};

/// A validated configuration with everything resolved: paths are absolute, "auto" is a number, keys that the file
/// leaves out have their defaults. A plain value; made by load() and parse() only.
struct broker_config {
    server_settings server;
    log_settings log;
    accounts_settings accounts;
    clients::client_limits limits;
    login_settings login;
    std::vector<token_issuer> tokens;           ///< by name
    std::vector<permission_entry> permissions;  ///< in the order of the file
    exchange::exchange_limits exchange;         ///< keys of `limits`, too
    std::string control_socket;
    std::vector<clients::listener_settings> listeners;  ///< in the order of the file
    std::vector<handlers::handler_settings> handlers;   ///< by name
    peering::peering_settings peering;
    std::vector<peering::peer_settings> peers;  ///< by name
    /// The first 16 hex digits of a SHA-256 over what the file says: equal for files that mean the same, on any
    /// machine.
    std::string digest;

    bool operator==(const broker_config&) const = default;
};

}  // namespace bester::config
