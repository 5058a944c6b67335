#pragma once

#include <asio/awaitable.hpp>
#include <asio/ip/tcp.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <tl/expected.hpp>

#include "peering/link/link_connection.hpp"
#include "peering/link/link_hello.hpp"
#include "peering/peer_settings.hpp"
#include "tls/certificate_info.hpp"
#include "tls/context.hpp"

namespace bester::peering {

/// The settings of one side for making a link.
struct setup_rules {
    link_hello own;
    std::shared_ptr<const tls::context> context;  ///< null: no links with TLS
    std::chrono::milliseconds limit{};            ///< time limit for the whole handshake
    std::shared_ptr<handshake_pace> pace;         ///< pace of incoming handshakes
    bool allow_plain = false;
};

/// A connection on which the other side's hello was found good.
struct made_link {
    std::shared_ptr<link_connection> connection;
    link_hello hello;
    std::optional<tls::certificate_info> certificate;  ///< none on a plain link
    std::chrono::microseconds round_trip{1'000};       ///< approximate
};

/// Why no link was made; `server` is the other side, if it is known.
struct setup_failure {
    std::string server;
    link_refusal why;
};

using setup_result = tl::expected<made_link, setup_failure>;

// These functions run on the control thread and never throw.

/// Connects to "host:port" and exchanges hellos with the server that is expected there. The dialler sends its hello
/// first; the other side answers if it wants the link.
asio::awaitable<setup_result> dial_link(std::string address, std::string server, link_transport transport,
                                        setup_rules rules);
/// Runs the handshake of an incoming connection up to the other side's hello; then call welcome or refuse.
asio::awaitable<setup_result> greet_link(std::shared_ptr<link_connection> connection, setup_rules rules);
/// Sends the own hello, which completes the link; returns false if the connection is lost.
asio::awaitable<bool> welcome_link(made_link link, setup_rules rules);
/// Sends the reason for the refusal, and closes.
asio::awaitable<void> refuse_link(std::shared_ptr<link_connection> connection, link_refusal why);

}  // namespace bester::peering
