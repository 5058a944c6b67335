#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace bester::peering {

enum class link_transport { tls, plain };

/// The entry for servers that have none of their own: those learned by discovery.
inline constexpr std::string_view any_peer = "*";
/// Among types: all.
inline constexpr std::string_view any_type = "*";

/// One server that links are kept to, or taken from. Every field is a key of the config's `peers`.
struct peer_settings {
    std::string name;                    ///< the server's, as its certificate says; or any_peer
    std::vector<std::string> addresses;  ///< "host:port", tried in turn; empty: it dials us
    link_transport transport = link_transport::tls;
    std::vector<std::string> types;         ///< that may cross in both directions
    std::vector<std::string> send_types;    ///< and those that may go there,
    std::vector<std::string> accept_types;  ///< or come from there only
    std::vector<std::string> users{"*"};    ///< patterns: whom it may have delivered to here
    std::size_t rate = 0;                   ///< messages a second that are taken from there; 0: any

    bool operator==(const peer_settings&) const = default;
};

/// What all links have in common. Every field is a key of the config's `peering`.
struct peering_settings {
    std::vector<std::string> listen;  ///< "address:port" on which peers dial us
    std::string certificate;          ///< files, PEM
    std::string key;
    std::string authority;
    bool allow_plain = false;  ///< links without TLS, between loopback addresses
    std::chrono::milliseconds heartbeat{15'000};
    std::chrono::milliseconds handshake_timeout{10'000};
    std::chrono::milliseconds initial_delay{1'000};  ///< before dialling again
    std::chrono::milliseconds longest_delay{30'000};
    std::size_t queue_messages = 10'000;  ///< kept for one server
    std::size_t queue_bytes = std::size_t{64} << 20;
    std::chrono::milliseconds resume{120'000};        ///< how long they wait for a way there
    std::chrono::milliseconds deadline{30'000};       ///< for what somebody waits to hear of
    std::size_t message_size = std::size_t{1} << 20;  ///< largest frame of a link
    std::size_t dials = 16;                           ///< to servers that were learned of, at a time
    std::size_t learned = 512;                        ///< servers that one neighbour may be the first to tell of
    std::size_t handshakes = 64;                      ///< connections at a time that have not completed the handshake
    std::size_t unanswered =
        4'096;  ///< messages of one server that handlers have; less than half of what waits for one
    std::size_t unanswered_bytes = std::size_t{16} << 20;  ///< the same in bytes
    std::size_t legacy_connections = 64;                   ///< to original daemons at a time
    bool discovery = false;
    bool routing = false;
    unsigned hops = 8;                   ///< links that a message may cross, with routing
    std::vector<std::string> advertise;  ///< addresses that others are told to dial
    std::vector<std::string> legacy;     ///< "host:port" of original daemons that may be sent to

    bool operator==(const peering_settings&) const = default;
};

}  // namespace bester::peering
