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

/// The events that the handler's author has asked for.
struct presence_functions {
    callback<void(const snapshot&)> snapshot;
    callback<void(const client_session&)> connected;
    callback<void(const client_session&)> disconnected;
    callback<void(const client_session&, const std::string&)> joined;
    callback<void(const client_session&, const std::string&)> left;
    callback<void(const std::string&)> peer_up;
    callback<void(const std::string&)> peer_down;
    callback<void(const group_size&)> groups;
};

/// Makes one snapshot of those of all shards. Each comes in several frames, then events and messages
/// follow. Until all snapshots are complete nothing is read from a channel whose own is (`may_read`),
/// so that the author always hears the snapshot first. A group's size is the sum over the shards.
class snapshot_merge {
public:
    explicit snapshot_merge(presence_functions& functions) : functions_{functions} {}

    /// A new connection; so many snapshots will come, one on each channel from the first on.
    void reset(std::size_t expected);
    /// Is the next frame of this channel due? If not, it must stay unread until it is.
    bool may_read(unsigned shard) const noexcept {
        return missing_ == 0 || (shard < is_complete_.size() && !is_complete_[shard]);
    }
    /// A frame of kind `snapshot`, or `event`. Throws json exceptions, and what the author throws.
    void on_snapshot(unsigned shard, const nlohmann::json& frame);
    void on_event(unsigned shard, const nlohmann::json& frame);

private:
    void set_group(unsigned shard, const std::string& group, std::uint64_t sessions);
    void tell_group(const std::string& group);
    void tell_all_groups();

    presence_functions& functions_;
    /// What a group's size is made of, and what the author heard last.
    struct group_parts {
        std::vector<std::uint64_t> by_shard;
        std::uint64_t told = 0;
    };

    std::size_t missing_ = 0;
    std::vector<bool> is_complete_;  ///< by channel
    std::map<std::string, group_parts> groups_;
    snapshot merged_;
};

}  // namespace bester::detail
