#pragma once

#include <asio/steady_timer.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "peering/link/link_gauge.hpp"
#include "peering/peer_settings.hpp"
#include "tls/certificate_info.hpp"

namespace bester::peering {

/// The link that stands.
struct current_link {
    std::uint64_t id = 0;
    std::uint64_t incarnation = 0;
    bool is_dialled_by_us = false;
    bool has_adverts = false;  ///< both sides know of discovery or routing
    bool is_given = false;     ///< its shard has it; before that, nothing can be sent over it
    std::string address;       ///< of the other end
    std::chrono::milliseconds heartbeat{};
    std::optional<tls::certificate_info> certificate;
    std::shared_ptr<link_gauge> gauge;
};

struct peer_error {
    std::string code;
    std::string reason;
    std::chrono::system_clock::time_point when;
};

/// The control thread's knowledge of one other server.
struct peer_record {
    explicit peer_record(asio::io_context& control) : timer{control} {}

    peer_settings entry;  ///< its own entry, or that of `*`, or only the name
    bool is_configured = false;
    std::optional<current_link> link;
    std::size_t frame_limit = 0;  ///< as its last hello said
    bool is_drained = false;
    bool is_dialling = false;
    bool is_waiting = false;       ///< for the timer, to dial again
    bool is_queued = false;        ///< for its turn to be dialled, among learned servers
    std::uint64_t generation = 0;  ///< grows when work in progress is no longer wanted
    unsigned attempts = 0;         ///< in a row without a link
    std::size_t next_address = 0;
    asio::steady_timer timer;
    std::optional<peer_error> last_error;
    std::string logged_error;  ///< a repeated error is logged only now and then
    std::chrono::system_clock::time_point since = std::chrono::system_clock::now();
};

}  // namespace bester::peering
