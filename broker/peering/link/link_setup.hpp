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

/// What one side brings to the making of a link.
struct setup_rules {
    link_hello own;
    std::shared_ptr<const tls::context> context;  ///< null: no links with TLS
    std::chrono::milliseconds limit{};            ///< for all of it
    std::shared_ptr<handshake_pace> pace;         ///< of those that we are dialled by
    bool allow_plain = false;
};

/// A connection on which the other side's hello was found good.
struct made_link {
    std::shared_ptr<link_connection> connection;
    link_hello hello;
    std::optional<tls::certificate_info> certificate;  ///< none on a plain link
    std::chrono::microseconds round_trip{1'000};       ///< about
};

/// Why none was made; `server` if it is known who the other side is.
struct setup_failure {
    std::string server;
    link_refusal why;
};

using setup_result = tl::expected<made_link, setup_failure>;

// On the control thread; none of these throws.

/// Connects to "host:port" and exchanges hellos with the server that is expected there. The dialler says
/// hello first, the other side answers when it wants the link.
asio::awaitable<setup_result> dial_link(std::string address, std::string server, link_transport transport,
                                        setup_rules rules);
/// Takes a connection as far as the other side's hello. Then it is welcomed or refused.
asio::awaitable<setup_result> greet_link(std::shared_ptr<link_connection> connection, setup_rules rules);
/// Says our own hello: the link stands. False: the connection is lost.
asio::awaitable<bool> welcome_link(made_link link, setup_rules rules);
/// Says why not, and closes.
asio::awaitable<void> refuse_link(std::shared_ptr<link_connection> connection, link_refusal why);

}  // namespace bester::peering
