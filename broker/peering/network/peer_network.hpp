#pragma once

#include <asio/io_context.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "json/value.hpp"
#include "peering/peer_settings.hpp"

namespace bester::exchange {
class shard;
}

namespace bester::peering {

class shard_peers;

/// The settings and calls that peering needs from outside.
struct network_surroundings {
    std::string server_name;
    std::string version;
};

/// Peering as a whole, on the control thread: the known servers, dialling, making links and choosing one of two,
/// adverts and routes. It gives the shards its knowledge as a peer_view, and the links that it makes.
///
/// Errors at start are exceptions (std::runtime_error: an address in use, a certificate that cannot be
/// used); at a reload they are returned, and nothing is changed.
class peer_network {
public:
    /// Must be called before the shards run, which must end before this object is destroyed.
    peer_network(asio::io_context& control, std::vector<exchange::shard*> shards, network_surroundings around,
                 const peering_settings& settings, const std::vector<peer_settings>& peers);
    ~peer_network();
    peer_network(const peer_network&) = delete;
    peer_network& operator=(const peer_network&) = delete;

    /// Listens and dials.
    void start();
    /// Checks whether these settings can be used, and reads the files; for a reload, before apply.
    tl::expected<void, std::string> check(const peering_settings& settings) const;
    /// Applies changed settings, and reads certificates again; links that need not end stay.
    void apply(const peering_settings& settings, const std::vector<peer_settings>& peers);
    /// Stops dialling and listening, and says goodbye to each peer when its waiting messages are acknowledged, or at
    /// the deadline; then calls `done`.
    void stop(std::chrono::steady_clock::time_point deadline, std::function<void()> done);

    /// Dials now instead of later; ends a drain.
    tl::expected<void, std::string> retry(std::string_view server);
    /// Ends the link when all sent messages are acknowledged, and makes no other until retry.
    tl::expected<void, std::string> drain(std::string_view server);

    /// After an exception on the control thread: continues the work that it may have ended, so that links are still
    /// made.
    void go_on();

    /// Returns the document of `bester peers` and status (proto-docs/admin.md). Waits for the shards.
    json::json_value status() const;
    /// Returns the listening addresses, in the order of the config.
    std::vector<std::string> bound_addresses() const;

private:
    class parts;
    std::shared_ptr<parts> parts_;
};

}  // namespace bester::peering
