#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "clients/web_settings.hpp"

namespace bester::clients {

/// What one client may cost the broker. Every field is a key of the config's `limits` section.
struct client_limits {
    std::size_t message_size = std::size_t{1} << 20;           ///< largest frame, bytes
    std::size_t login_size = std::size_t{64} << 10;            ///< the same, before the log-in
    std::chrono::milliseconds frame_timeout{60'000};           ///< from a frame's first byte to its last
    std::size_t held_input = std::size_t{256} << 20;           ///< not complete, of all clients together
    std::chrono::milliseconds authentication_timeout{10'000};  ///< from accept to a verified log-in
    std::chrono::milliseconds keepalive_idle{25'000};          ///< silence before TCP probes
    std::chrono::milliseconds keepalive_timeout{10'000};       ///< time to answer the probes
    std::size_t queue_bytes = std::size_t{1} << 20;            ///< waiting to be read by the client
    std::size_t queue_messages = 1'000;
    std::size_t polling_queues = 16;                  ///< so many of these queues may wait for a client that polls
    std::chrono::milliseconds write_timeout{10'000};  ///< no progress while something waits
    std::chrono::milliseconds file_timeout{60'000};   ///< the same, while a file is sent
    std::size_t unanswered = 256;                     ///< then the socket is not read
    std::size_t connections_per_address = 2'000;      ///< 0: any number
    std::size_t sessions_per_user = 1'000;            ///< 0: any number
    std::size_t connections = 0;                      ///< most sessions at once; resolved by the config (0 only before)
    std::size_t queued_memory = std::size_t{512} << 20;  ///< all queues together
    std::chrono::milliseconds busy_timeout{2'000};       ///< longest wait for room before `busy`
    std::size_t socket_buffer = std::size_t{128} << 10;  ///< in the kernel, over TCP; 0: it decides
    std::size_t files = 256;                             ///< on their way at once; beyond, HTTP's 503

    bool operator==(const client_limits&) const = default;
};

enum class transport { tcp, unix_socket, websocket };

constexpr std::string_view transport_word(transport kind) noexcept {
    return kind == transport::tcp ? "tcp" : kind == transport::unix_socket ? "unix" : "websocket";
}

/// The authentication methods of a listener.
enum class authentication_method { accounts, anonymous, jwt, certificate, handler };

enum class tls_version { tls_1_2, tls_1_3 };

/// What is asked of a client's certificate.
enum class client_certificates { none, optional, required };

/// How a listener speaks TLS.
struct listener_tls {
    std::string certificate;  ///< PEM file: our own, then the intermediate ones; empty: no TLS
    std::string key;
    tls_version oldest = tls_version::tls_1_2;
    client_certificates client = client_certificates::none;
    std::vector<std::string> authorities;  ///< PEM files of those that sign clients' certificates

    bool is_on() const noexcept { return !certificate.empty(); }
    bool operator==(const listener_tls&) const = default;
};

/// One address that clients connect to.
struct listener_settings {
    std::string name;  ///< for logs and metrics
    transport kind = transport::tcp;
    std::string address;   ///< tcp: "127.0.0.1:2223", "[::1]:2223"; unix: the path
    unsigned mode = 0660;  ///< unix: permissions of the socket file
    std::vector<authentication_method> authentication{authentication_method::accounts};
    std::vector<std::string>
        proxies;                  ///< rules of web::is_among: proxies that are trusted to report the client's address
    bool proxy_protocol = false;  ///< and whose connections begin with a PROXY header
    listener_tls tls;
    web_settings web;             ///< websocket: what is served where
    bool accept_servers = false;  ///< takes the original daemon's messages from servers, which prove nothing

    bool operator==(const listener_settings&) const = default;
};

}  // namespace bester::clients
