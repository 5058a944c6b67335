#include "config/key_bounds.hpp"
#include "config/keys.hpp"
#include "exchange/session_id.hpp"

namespace bester::config {
namespace {

constexpr std::uint64_t most_threads = 64;
constexpr std::uint64_t most_connections = 10'000'000;
static_assert(most_threads <= exchange::session_id::most_shards);
static_assert(most_connections <= exchange::session_id::most_slots);

std::vector<key<broker_config>> server_keys() {
    constexpr auto restart = effect::on_restart;
    return {
        declared(
            {.name = "server.name",
             .kind = value_kind::name,
             .takes_effect = restart,
             .description = "The name of this server; users elsewhere are addressed as `user@name`.",
             .computed = "the host name"},
            [](auto& c) -> auto& { return c.server.name; }),
        declared(
            {.name = "server.threads",
             .kind = value_kind::automatic_count,
             .least = 1,
             .most = most_threads,
             .takes_effect = restart,
             .description = "How many shards there are: threads that each serve their share of the sessions.",
             .computed = "`\"auto\"`: one for each core"},
            [](auto& c) -> auto& { return c.server.threads; }),
        declared(
            {.name = "server.connections",
             .kind = value_kind::automatic_count,
             .least = 1,
             .most = most_connections,
             .takes_effect = restart,
             .description = "Most sessions at once; further connections are refused with `too_many_connections`.",
             .computed = "`\"auto\"`: 90 % of the hard limit of open descriptors"},
            [](auto& c) -> auto& { return c.limits.connections; }),
        declared(
            {.name = "server.runtime_directory",
             .kind = value_kind::path,
             .takes_effect = restart,
             .description = "Folder for the sockets of handlers and control; made at start if missing.",
             .computed = "`$RUNTIME_DIRECTORY` (set by systemd), else `/run/bester` for root, else "
                         "`$XDG_RUNTIME_DIR/bester`, else `/tmp/bester-UID`"},
            [](auto& c) -> auto& { return c.server.runtime_directory; }),
        declared(
            {.name = "server.workers",
             .kind = value_kind::count,
             .least = 1,
             .most = 64,
             .takes_effect = restart,
             .description = "Threads that verify passwords; each needs `accounts.argon2_memory` meanwhile."},
            [](auto& c) -> auto& { return c.server.workers; }),
        declared(
            {.name = "server.stop_grace",
             .kind = value_kind::duration,
             .most = hour,
             .takes_effect = restart,
             .description = "Time from SIGTERM until the broker ends, whatever is unfinished."},
            [](auto& c) -> auto& { return c.server.stop_grace; }),
        declared(
            {.name = "log.level", .kind = value_kind::choice, .description = "The least serious that is logged."},
            [](auto& c) -> auto& { return c.log.level; }),
        declared(
            {.name = "log.file",
             .kind = value_kind::path,
             .description = "Where the log is written.",
             .computed = "standard error"},
            [](auto& c) -> auto& { return c.log.file; }),
        declared(
            {.name = "control.socket",
             .kind = value_kind::path,
             .takes_effect = restart,
             .description = "UNIX socket for `bester status`, `bester reload` and the like.",
             .computed = "`control.sock` in `server.runtime_directory`"},
            [](auto& c) -> auto& { return c.control_socket; }),
    };
}

std::vector<key<broker_config>> accounts_keys() {
    return {
        declared(
            {.name = "accounts.database",
             .kind = value_kind::path,
             .takes_effect = effect::on_restart,
             .description = "SQLite file with the accounts; `bester user` writes it. The default's folder is "
                            "made if it is missing, any other must be there.",
             .computed = "`accounts.db` in `$STATE_DIRECTORY` (set by systemd), else in `/var/lib/bester` for "
                         "root, else in `$XDG_STATE_HOME/bester`, else in `~/.local/state/bester`"},
            [](auto& c) -> auto& { return c.accounts.database; }),
        declared(
            {.name = "accounts.argon2_operations",
             .kind = value_kind::count,
             .least = 1,
             .most = 1'000,
             .description = "Passes over the memory for one password (argon2id). Applies to passwords set "
                            "from then on, and to the others when their users next log in."},
            [](auto& c) -> auto& { return c.accounts.argon2_operations; }),
        declared(
            {.name = "accounts.argon2_memory",
             .kind = value_kind::size,
             .least = 8 * kibi,
             .most = 4 * gibi,
             .description = "Memory for one password (argon2id). Applies to passwords set from then on, and to "
                            "the others when their users next log in."},
            [](auto& c) -> auto& { return c.accounts.argon2_memory; }),
        declared(
            {.name = "accounts.remember",
             .kind = value_kind::duration,
             .most = 24 * hour,
             .description = "How long a verified password is taken without computing it again, so that many "
                            "can reconnect at once; `\"0s\"`: never."},
            [](auto& c) -> auto& { return c.accounts.remember; }),
        declared(
            {.name = "accounts.end_sessions_on_change",
             .kind = value_kind::boolean,
             .description =
                 "Whether a changed password ends the other sessions of its user (`account_changed`), as the removal "
                 "of an account does."},
            [](auto& c) -> auto& { return c.accounts.end_changed; }),
        declared(
            {.name = "accounts.remember_restarts",
             .kind = value_kind::boolean,
             .takes_effect = effect::on_restart,
             .description = "Whether verified passwords are remembered over a restart of the broker, too: then they "
                            "are kept, as keyed hashes, in "
                            "`server.runtime_directory`, if that is in memory (tmpfs)."},
            [](auto& c) -> auto& { return c.accounts.remember_restarts; }),
    };
}

std::vector<key<broker_config>> limit_keys() {
    return {
        declared(
            {.name = "limits.message_size",
             .kind = value_kind::size,
             .least = 256,
             .most = 256 * mebi,
             .description = "Largest frame from a client; a larger one is answered `too_large`. What a handler gets "
                            "is limited by its own `message_size`, too."},
            [](auto& c) -> auto& { return c.limits.message_size; }),
        declared(
            {.name = "limits.login_size",
             .kind = value_kind::size,
             .least = 256,
             .most = 256 * mebi,
             .description = "The same before the log-in, if that is less: the first frame, and the input of a "
                            "WebSocket or a POST of Socket.IO until a client has logged in on it."},
            [](auto& c) -> auto& { return c.limits.login_size; }),
        declared(
            {.name = "limits.frame_timeout",
             .kind = value_kind::duration,
             .least = 1,
             .most = hour,
             .description = "From the first byte of a frame, a message in fragments or a request to its last; the "
                            "time in which the broker does not read is left out. Before the log-in it is "
                            "`authentication_timeout`, if that is less. Then the connection is closed with "
                            "`frame_timeout`."},
            [](auto& c) -> auto& { return c.limits.frame_timeout; }),
        declared(
            {.name = "limits.held_input",
             .kind = value_kind::size,
             .least = mebi,
             .most = 1'024 * gibi,
             .description =
                 "Memory for frames that have arrived in part, and for TLS handshakes that are not done (48 KiB "
                 "each), for all clients together; beyond it, the "
                 "connections that hold the most for the longest are closed with `input_overload`. A shard that finds "
                 "it exceeded reads no more clients in that turn, so each shard exceeds it by one message and 64 KiB "
                 "at most."},
            [](auto& c) -> auto& { return c.limits.held_input; }),
        declared(
            {.name = "limits.socket_buffer",
             .kind = value_kind::size,
             .most = 64 * mebi,
             .description =
                 "Memory that the kernel may use for the input of one new TCP connection of a client, and as much for "
                 "output that waits there and is not on its way yet; for input it also uses as much again for its own "
                 "accounts. It bounds how much a client far away can send in one round trip. `0B`: the kernel decides, "
                 "up to megabytes."},
            [](auto& c) -> auto& { return c.limits.socket_buffer; }),
        declared(
            {.name = "limits.connections_per_address",
             .kind = value_kind::count,
             .most = 1'000'000,
             .description = "Most connections from one address (IPv6: from one /64), except this machine's own; 0: "
                            "any number. Connections made while it was 0 are not counted. The same number of "
                            "Socket.IO sessions is allowed, from handshake to end, and the same number of sessions "
                            "that wait for their clients to come back, each counted separately."},
            [](auto& c) -> auto& { return c.limits.connections_per_address; }),
        declared(
            {.name = "limits.sessions_per_user",
             .kind = value_kind::count,
             .most = 10'000'000,
             .description = "Most sessions of one user; a further log-in is refused with `too_many_sessions`. 0: any "
                            "number."},
            [](auto& c) -> auto& { return c.limits.sessions_per_user; }),
        declared(
            {.name = "limits.authentication_timeout",
             .kind = value_kind::duration,
             .least = 1,
             .most = hour,
             .description = "From the connection to a verified log-in."},
            [](auto& c) -> auto& { return c.limits.authentication_timeout; }),
        declared(
            {.name = "limits.keepalive_idle",
             .kind = value_kind::duration,
             .least = second,
             .most = 24 * hour,
             .description = "Silence before TCP asks whether the client is still there; from 16 s on up to a quarter "
                            "less, so that not all are asked at once."},
            [](auto& c) -> auto& { return c.limits.keepalive_idle; }),
        declared(
            {.name = "limits.keepalive_timeout",
             .kind = value_kind::duration,
             .least = second,
             .most = hour,
             .description = "Time to answer that; then the session is closed."},
            [](auto& c) -> auto& { return c.limits.keepalive_timeout; }),
        declared(
            {.name = "limits.queue_bytes",
             .kind = value_kind::size,
             .least = kibi,
             .most = 4 * gibi,
             .description = "Output that may wait for one client to read it; beyond it, the client is disconnected as "
                            "`slow_consumer`."},
            [](auto& c) -> auto& { return c.limits.queue_bytes; }),
        declared(
            {.name = "limits.queue_messages",
             .kind = value_kind::count,
             .least = 1,
             .most = 10'000'000,
             .description = "The same, in messages."},
            [](auto& c) -> auto& { return c.limits.queue_messages; }),
        declared(
            {.name = "limits.polling_queues",
             .kind = value_kind::count,
             .least = 1,
             .most = 1'000,
             .description =
                 "How many times `queue_bytes` and `queue_messages` may wait for a client of Socket.IO on HTTP "
                 "that has polled within `write_timeout`: it takes nothing between two polls, when the "
                 "answers to all its events may come."},
            [](auto& c) -> auto& { return c.limits.polling_queues; }),
        declared(
            {.name = "limits.write_timeout",
             .kind = value_kind::duration,
             .least = 1,
             .most = hour,
             .description = "A client that takes nothing for this time while output waits is disconnected. Over TCP it "
                            "is at most `keepalive_idle` and `keepalive_timeout` together."},
            [](auto& c) -> auto& { return c.limits.write_timeout; }),
        declared(
            {.name = "limits.file_timeout",
             .kind = value_kind::duration,
             .least = 1,
             .most = hour,
             .description =
                 "The same while a file is sent to it over HTTP: programs that limit their rate read nothing "
                 "for many seconds and then much at once."},
            [](auto& c) -> auto& { return c.limits.file_timeout; }),
        declared(
            {.name = "limits.unanswered",
             .kind = value_kind::count,
             .least = 1,
             .most = 1'000'000,
             .description = "Unanswered messages of one session; then its socket is not read."},
            [](auto& c) -> auto& { return c.limits.unanswered; }),
        declared(
            {.name = "limits.json_depth",
             .kind = value_kind::count,
             .least = 4,
             .most = exchange::most_json_depth,
             .description = "Nesting of objects and arrays in a client's message, its frame included. Handlers and "
                            "other servers may nest up to 1,032 levels."},
            [](auto& c) -> auto& { return c.exchange.json_depth; }),
        declared(
            {.name = "limits.groups",
             .kind = value_kind::count,
             .least = 1,
             .most = 1'000'000,
             .description = "Groups that one session may be in; a further `join` is refused with "
                            "`too_many_groups`."},
            [](auto& c) -> auto& { return c.exchange.groups; }),
        declared(
            {.name = "limits.hops",
             .kind = value_kind::count,
             .least = 1,
             .most = 64,
             .description = "Handlers that a message may go through, each passing it on to the next; then "
                            "`too_many_hops`."},
            [](auto& c) -> auto& { return c.exchange.hops; }),
        declared(
            {.name = "limits.queued_memory",
             .kind = value_kind::size,
             .least = mebi,
             .most = 1'024 * gibi,
             .description = "All queues to clients together, and all packets that are kept for the return of a "
                            "Socket.IO client (`recovery`). Beyond it, the clients for which the most waits are "
                            "disconnected as `slow_consumer`, and the most packets of one client are dropped."},
            [](auto& c) -> auto& { return c.limits.queued_memory; }),
        declared(
            {.name = "limits.files",
             .kind = value_kind::count,
             .least = 1,
             .most = 1'000'000,
             .description = "Files that are sent to HTTP clients at once, over all listeners. A further one replaces "
                            "the one that has been sent for the longest, if that is longer than `write_timeout`; else "
                            "the request is answered 503 with `Retry-After`. Each holds at most 64 KiB, and a "
                            "descriptor while more of it is to be read."},
            [](auto& c) -> auto& { return c.limits.files; }),
        declared(
            {.name = "limits.busy_timeout",
             .kind = value_kind::duration,
             .most = 10 * minute,
             .description = "Longest wait of a message for room at its handler before it is answered `busy`."},
            [](auto& c) -> auto& { return c.limits.busy_timeout; }),
    };
}

}  // namespace

const std::vector<key<broker_config>>& broker_keys() {
    static const std::vector<key<broker_config>> all = [] {
        auto keys = server_keys();
        for (auto& more : {accounts_keys(), login_keys(), limit_keys(), peering_keys()}) {
            keys.insert(keys.end(), more.begin(), more.end());
        }
        return keys;
    }();
    return all;
}

std::string_view section_description(std::string_view section) {
    static constexpr std::array<std::pair<std::string_view, std::string_view>, 16> sections{{
        {"server", "The broker as a whole."},
        {"log", "What is logged, and where to."},
        {"control", "How commands like `bester status` reach the running broker."},
        {"accounts", "Users and their passwords."},
        {"login", "What one has to do to get in. See proto-docs/auth.md."},
        {"tokens", "Whose tokens (JWT) are believed, each issuer under a name of its own."},
        {"permissions",
         "Which users may send messages of which types, how often. Left out or empty: everybody, everything. Otherwise "
         "a message that no rule allows is `forbidden`. The first pattern that matches a type decides which rules "
         "count: "
         "all with this very pattern; of these the first one that the sender matches."},
        {"limits", "What one client may cost the broker."},
        {"listeners", "The addresses that clients connect to. Left out: TCP on `127.0.0.1:2223`."},
        {"handlers", "The programs that understand the messages, each under a name of its own."},
        {"peering", "What the links to other servers have in common."},
        {"peers",
         "The servers that links are kept to or taken from, each under its `server.name`; `*` stands for "
         "all that the authority admits and that have no entry of their own."},
        {"paths",
         "The paths on which a listener with `\"transport\": \"websocket\"` takes WebSockets. Left out, and without "
         "`files`: `/`."},
        {"tls", "TLS for the clients of this listener; without it they speak in clear."},
        {"may",
         "What the process may command. Left out: everything on this server, and elsewhere what `peers` lets through."},
        {"restart", "When and how often an instance is started again."},
    }};
    for (const auto& [name, description] : sections) {
        if (name == section) {
            return description;
        }
    }
    return {};
}

}  // namespace bester::config
