#include "snapshot_merge.hpp"

#include <numeric>
#include <utility>

#include <nlohmann/json.hpp>

namespace bester::detail {

using json = nlohmann::json;

namespace {

client_session session_of(const json& described) {
    return {described.value("session", ""),
            described.value("user", ""),
            described.value("groups", std::vector<std::string>{}),
            described.value("path", ""),
            described.value("query", ""),
            described.value("namespace", "")};
}

std::uint64_t sum_of(const std::vector<std::uint64_t>& parts) {
    return std::accumulate(parts.begin(), parts.end(), std::uint64_t{0});
}

}  // namespace

void snapshot_merge::reset(std::size_t expected) {
    missing_ = expected;
    is_complete_.assign(expected, false);
    merged_ = {};
    // What was told is remembered: who hears of groups has to hear of those that are gone, too.
    for (auto& [group, parts] : groups_) parts.by_shard.clear();
}

void snapshot_merge::on_snapshot(unsigned shard, const json& frame) {
    if (shard >= is_complete_.size() || is_complete_[shard]) return;
    for (const json& client : frame.value("clients", json::array())) merged_.clients.push_back(session_of(client));
    for (auto& peer : frame.value("peers", std::vector<std::string>{})) merged_.peers.push_back(std::move(peer));
    for (const json& group : frame.value("groups", json::array()))
        set_group(shard, group.value("group", ""), group.value("sessions", std::uint64_t{0}));
    if (frame.value("more", false)) return;
    is_complete_[shard] = true;
    if (--missing_ > 0) return;
    snapshot whole = std::exchange(merged_, {});
    for (const auto& [group, parts] : groups_)
        if (const std::uint64_t size = sum_of(parts.by_shard); size > 0) whole.groups.push_back({group, size});
    if (functions_.snapshot) functions_.snapshot(whole);
    tell_all_groups();
}

void snapshot_merge::on_event(unsigned shard, const json& frame) {
    const std::string what = frame.value("event", "");
    if (what == "connected" && functions_.connected) functions_.connected(session_of(frame));
    if (what == "disconnected" && functions_.disconnected) functions_.disconnected(session_of(frame));
    if (what == "joined" && functions_.joined) functions_.joined(session_of(frame), frame.value("group", ""));
    if (what == "left" && functions_.left) functions_.left(session_of(frame), frame.value("group", ""));
    if (what == "peer_up" && functions_.peer_up) functions_.peer_up(frame.value("peer", ""));
    if (what == "peer_down" && functions_.peer_down) functions_.peer_down(frame.value("peer", ""));
    if (what == "group") {
        const std::string group = frame.value("group", "");
        set_group(shard, group, frame.value("sessions", std::uint64_t{0}));
        tell_group(group);
    }
}

void snapshot_merge::set_group(unsigned shard, const std::string& group, std::uint64_t sessions) {
    auto& by_shard = groups_[group].by_shard;
    if (by_shard.size() <= shard) by_shard.resize(std::size_t{shard} + 1);
    by_shard[shard] = sessions;
}

void snapshot_merge::tell_group(const std::string& group) {
    const auto found = groups_.find(group);
    const std::uint64_t size = sum_of(found->second.by_shard);
    const std::uint64_t told = std::exchange(found->second.told, size);
    if (size == 0) groups_.erase(found);
    if (size != told && functions_.groups) functions_.groups({group, size});
}

void snapshot_merge::tell_all_groups() {
    std::vector<std::string> names;
    for (const auto& [group, parts] : groups_) names.push_back(group);
    for (const std::string& group : names) tell_group(group);
}

}  // namespace bester::detail
