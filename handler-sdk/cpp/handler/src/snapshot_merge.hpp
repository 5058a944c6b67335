#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include <bester/callback.hpp>
#include <bester/handler_events.hpp>

namespace bester::detail {

/// What the author wants to hear about who is there.
struct presence_functions {
    callback<void(const snapshot&)> snapshot;
    callback<void(const client_session&)> connected;
    callback<void(const client_session&)> disconnected;
    callback<void(const std::string&)> peer_up;
    callback<void(const std::string&)> peer_down;
};

/// Makes one snapshot of those of all shards. Each comes in several frames, then events follow;
/// events of a shard that was faster than another are held back until all snapshots are complete,
/// so that the author always hears the snapshot first.
class snapshot_merge {
public:
    explicit snapshot_merge(presence_functions& functions) : functions_{functions} {}

    /// A new connection; so many snapshots will come.
    void reset(std::size_t expected);
    /// A frame of kind `snapshot`, or `event`. Throws json exceptions, and what the author throws.
    void on_snapshot(const nlohmann::json& frame);
    void on_event(const nlohmann::json& frame);

private:
    struct held_event {
        std::string what;
        std::string name;
        client_session client;
    };
    void tell(const held_event& event);

    presence_functions& functions_;
    std::size_t expected_ = 0;
    snapshot merged_;
    std::vector<held_event> held_;
};

}  // namespace bester::detail
