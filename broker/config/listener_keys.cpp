#include "config/key_bounds.hpp"
#include "config/keys.hpp"

namespace bester::config {

const std::vector<key<clients::web_path>>& path_keys() {
    constexpr auto restart = effect::on_restart;
    using clients::web_path;
    static const std::vector<key<web_path>> all{
        declare<web_path>(
            {.name = "type",
             .kind = value_kind::text,
             .least = 1,
             .takes_effect = restart,
             .description = "Binds the path to a type: each text frame is the data of a message of it, each "
                            "delivery's data goes out as a frame.",
             .computed = "none: the client protocol, a message in each text frame"},
            [](auto& p) -> auto& { return p.type; }),
        declare<web_path>(
            {.name = "frames",
             .kind = value_kind::choice,
             .takes_effect = restart,
             .description = "Of a bound path. `json`: frames are JSON; `text`: any text, which is a JSON "
                            "string to the handler. `socketio`: the path is for clients of Socket.IO, and "
                            "has `namespaces` instead of a `type`."},
            [](auto& p) -> auto& { return p.frames; }),
        declare<web_path>(
            {.name = "origins",
             .kind = value_kind::texts,
             .most = 1'000,
             .takes_effect = restart,
             .description = "Pages that may connect from a browser: origins (`https://chat.example.org`, "
                            "`https://*.example.org`), `self` (pages of this listener) or `*`."},
            [](auto& p) -> auto& { return p.origins; }),
        declare<web_path>(
            {.name = "subprotocols",
             .kind = value_kind::texts,
             .most = 100,
             .takes_effect = restart,
             .description = "Subprotocols that are spoken; the first one that the client offers is chosen."},
            [](auto& p) -> auto& { return p.subprotocols; }),
        declare<web_path>(
            {.name = "authentication",
             .kind = value_kind::choices,
             .takes_effect = restart,
             .description = "How one may log in on this path.",
             .computed = "the listener's"},
            [](auto& p) -> auto& { return p.authentication; }),
        declare<web_path>(
            {.name = "compression",
             .kind = value_kind::boolean,
             .takes_effect = restart,
             .description = "Larger messages are compressed for clients that can do it "
                            "(permessage-deflate without context takeover)."},
            [](auto& p) -> auto& { return p.compression; }),
        declare<web_path>(
            {.name = "namespaces",
             .kind = value_kind::text_map,
             .takes_effect = restart,
             .description = "With `frames` `socketio`: the namespaces, each with the type of the messages that "
                            "its events are.",
             .computed = "none"},
            [](auto& p) -> auto& { return p.namespaces; }),
        declare<web_path>(
            {.name = "recovery",
             .kind = value_kind::duration,
             .most = 3'600'000,
             .takes_effect = restart,
             .description = "With `frames` `socketio`: how long a session outlives its connection. A client that "
                            "comes back by then continues it and gets what it missed. 0: not at all."},
            [](auto& p) -> auto& { return p.recovery; }),
        declare<web_path>(
            {.name = "recovery_bytes",
             .kind = value_kind::size,
             .least = 1'024,
             .most = std::uint64_t{1} << 30,
             .takes_effect = restart,
             .description = "How much of the last deliveries is kept for such a session. A client that missed more "
                            "begins a new session."},
            [](auto& p) -> auto& { return p.recovery_bytes; }),
    };
    return all;
}

const std::vector<key<listener_entry>>& listener_keys() {
    constexpr auto restart = effect::on_restart;
    static const std::vector<key<listener_entry>> all{
        declare<listener_entry>(
            {.name = "name",
             .kind = value_kind::text,
             .least = 1,
             .takes_effect = restart,
             .description = "For logs and metrics; unique.",
             .computed = "the address"},
            [](auto& l) -> auto& { return l.settings.name; }),
        declare<listener_entry>(
            {.name = "transport",
             .kind = value_kind::choice,
             .takes_effect = restart,
             .description = "`tcp`, a UNIX socket, or `websocket`: HTTP over TCP, with what `paths` and `files` say."},
            [](auto& l) -> auto& { return l.settings.kind; }),
        declare<listener_entry>(
            {.name = "address",
             .kind = value_kind::text,
             .least = 1,
             .takes_effect = restart,
             .description = "tcp: an IP address and a port, `\"127.0.0.1:2223\"` or "
                            "`\"[::1]:2223\"` (port 0: any that is free); unix: the socket's "
                            "path. Unique.",
             .computed = "tcp: `\"127.0.0.1:2223\"`; unix: none"},
            [](auto& l) -> auto& { return l.settings.address; }),
        declare<listener_entry>(
            {.name = "mode",
             .kind = value_kind::mode,
             .most = 0777,
             .takes_effect = restart,
             .description = "unix: permissions of the socket, octal."},
            [](auto& l) -> auto& { return l.settings.mode; }),
        declare<listener_entry>(
            {.name = "authentication",
             .kind = value_kind::choices,
             .least = 1,
             .takes_effect = restart,
             .description = "How one may log in here: with a password (`accounts`), a token (`jwt`), a client "
                            "certificate, whose common name is the user, what a `handler` takes, or not at "
                            "all (`anonymous`). The first that takes the credentials decides."},
            [](auto& l) -> auto& { return l.settings.authentication; }),
        declare<listener_entry>(
            {.name = "allow_remote_anonymous",
             .kind = value_kind::boolean,
             .takes_effect = restart,
             .description = "Confirms `anonymous` on an address that is not a loopback one: every machine that can "
                            "reach it may send."},
            [](auto& l) -> auto& { return l.allow_remote_anonymous; }),
        declare<listener_entry>(
            {.name = "accept_servers",
             .kind = value_kind::boolean,
             .takes_effect = restart,
             .description = "Takes messages of servers that speak the original daemon's protocol (`\"scope\": "
                            "\"server\"`). They prove nothing: every machine that can reach the address may send as a "
                            "server."},
            [](auto& l) -> auto& { return l.settings.accept_servers; }),
        declare<listener_entry>(
            {.name = "files",
             .kind = value_kind::path,
             .takes_effect = restart,
             .description = "websocket: a folder whose files are served over HTTP; hidden ones and what lies outside "
                            "of it are not.",
             .computed = "none"},
            [](auto& l) -> auto& { return l.settings.web.files; }),
        declare<listener_entry>(
            {.name = "file_size",
             .kind = value_kind::size,
             .least = 1,
             .most = 1ULL << 30,
             .takes_effect = restart,
             .description =
                 "The largest file that is served. Files are sent in pieces of 64 KiB, so it bounds no memory."},
            [](auto& l) -> auto& { return l.settings.web.file_size; }),
        declare<listener_entry>(
            {.name = "cache_control",
             .kind = value_kind::text,
             .takes_effect = restart,
             .description = "The header `Cache-Control` of files."},
            [](auto& l) -> auto& { return l.settings.web.cache_control; }),
        declare<listener_entry>(
            {.name = "head_size",
             .kind = value_kind::size,
             .least = 512,
             .most = 1ULL << 20,
             .takes_effect = restart,
             .description = "websocket: the largest head of an HTTP request; 64 headers at most."},
            [](auto& l) -> auto& { return l.settings.web.head_size; }),
        declare<listener_entry>(
            {.name = "proxies",
             .kind = value_kind::texts,
             .most = 1'000,
             .takes_effect = restart,
             .description = "Proxies whose word for a client's address is trusted: IP addresses or networks "
                            "(`10.0.0.0/8`). Of websocket: their `X-Forwarded-For`."},
            [](auto& l) -> auto& { return l.settings.proxies; }),
        declare<listener_entry>(
            {.name = "proxy_protocol",
             .kind = value_kind::boolean,
             .takes_effect = restart,
             .description = "Connections of `proxies` begin with a header of the PROXY protocol, "
                            "version 1 or 2, before TLS."},
            [](auto& l) -> auto& { return l.settings.proxy_protocol; }),
        declare<listener_entry>(
            {.name = "tls.certificate",
             .kind = value_kind::path,
             .takes_effect = restart,
             .description = "PEM file with the server's certificate, then the intermediate ones. With it and "
                            "`tls.key` clients speak TLS here. A reload reads the files again; sessions go on.",
             .computed = "none: no TLS"},
            [](auto& l) -> auto& { return l.settings.tls.certificate; }),
        declare<listener_entry>(
            {.name = "tls.key",
             .kind = value_kind::path,
             .takes_effect = restart,
             .description = "PEM file with the certificate's private key.",
             .computed = "none"},
            [](auto& l) -> auto& { return l.settings.tls.key; }),
        declare<listener_entry>(
            {.name = "tls.oldest",
             .kind = value_kind::choice,
             .takes_effect = restart,
             .description = "The oldest version of TLS that is spoken; 1.3 is preferred."},
            [](auto& l) -> auto& { return l.settings.tls.oldest; }),
        declare<listener_entry>(
            {.name = "tls.client_certificates",
             .kind = value_kind::choice,
             .takes_effect = restart,
             .description = "Whether clients are asked for a certificate, and whether they may do "
                            "without."},
            [](auto& l) -> auto& { return l.settings.tls.client; }),
        declare<listener_entry>(
            {.name = "tls.authorities",
             .kind = value_kind::texts,
             .most = 100,
             .takes_effect = restart,
             .description = "PEM files of the authorities that sign clients' certificates; no "
                            "others are trusted."},
            [](auto& l) -> auto& { return l.settings.tls.authorities; }),
    };
    return all;
}

}  // namespace bester::config
