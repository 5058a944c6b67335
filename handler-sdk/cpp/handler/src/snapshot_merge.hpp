#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
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
    callback<void(const group_size&)> groups;
};

/// Makes one snapshot of those of all shards. Each comes in several frames, then events follow;
/// events of a shard that was faster than another are held back until all snapshots are complete,
/// so that the author always hears the snapshot first. A group's size is the sum over the shards.
class snapshot_merge {
public:
    explicit snapshot_merge(presence_functions& functions) : functions_{functions} {}

    /// A new connection; so many snapshots will come.
    void reset(std::size_t expected);
    /// A frame of kind `snapshot`, or `event`. Throws json exceptions, and what the author throws.
    void on_snapshot(unsigned shard, const nlohmann::json& frame);
    void on_event(unsigned shard, const nlohmann::json& frame);

private:
    struct held_event {
        std::string what;
        std::string name;
        client_session client;
        unsigned shard = 0;
        std::uint64_t sessions = 0;
    };
    void tell(const held_event& event);
    void set_group(unsigned shard, const std::string& group, std::uint64_t sessions);
    void tell_group(const std::string& group);
    void tell_all_groups();

    presence_functions& functions_;
    /// What a group's size is made of, and what the author heard last.
    struct group_parts {
        std::vector<std::uint64_t> by_shard;
        std::uint64_t told = 0;
    };

    std::size_t expected_ = 0;
    std::map<std::string, group_parts> groups_;
    snapshot merged_;
    std::vector<held_event> held_;
};

}  // namespace bester::detail
