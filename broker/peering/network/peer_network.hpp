#pragma once

#include <asio/io_context.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>
#include <tl/expected.hpp>

#include "peering/peer_settings.hpp"

namespace bester::exchange {
class shard;
}

namespace bester::peering {

class shard_peers;

/// What peering does not decide itself.
struct network_surroundings {
    std::string server_name;
    std::string version;
};

/// Peering as a whole, on the control thread: which servers there are, who is dialled, which links are
/// made and which of two stays, the adverts and the routes. What it knows the shards are told as a
/// peer_view; made links are given to them.
///
/// Errors at start are exceptions (std::runtime_error: an address in use, a certificate that cannot be
/// used); at a reload they are returned, and nothing is changed.
class peer_network {
public:
    /// Before the shards run. They must end before it is destroyed.
    peer_network(asio::io_context& control, std::vector<exchange::shard*> shards, network_surroundings around,
                 const peering_settings& settings, const std::vector<peer_settings>& peers);
    ~peer_network();
    peer_network(const peer_network&) = delete;
    peer_network& operator=(const peer_network&) = delete;

    /// Listens and dials.
    void start();
    /// Can these settings be used? Reads the files; for a reload, before apply.
    tl::expected<void, std::string> check(const peering_settings& settings) const;
    /// Changes what differs, and reads certificates again; links that need not end stay.
    void apply(const peering_settings& settings, const std::vector<peer_settings>& peers);
    /// Dials and listens no more, and says goodbye to all as soon as what waits for them is acknowledged, or at
    /// the deadline; then calls `done`.
    void stop(std::chrono::steady_clock::time_point deadline, std::function<void()> done);

    /// Dials now instead of later; ends a drain.
    tl::expected<void, std::string> retry(std::string_view server);
    /// Ends the link when what was sent is acknowledged, and makes no other until retry.
    tl::expected<void, std::string> drain(std::string_view server);

    /// For `bester peers` and status: proto-docs/admin.md. Waits for the shards.
    nlohmann::json status() const;
    /// Addresses that are listened on, in the order of the config.
    std::vector<std::string> bound_addresses() const;

private:
    class parts;
    std::shared_ptr<parts> parts_;
};

}  // namespace bester::peering
