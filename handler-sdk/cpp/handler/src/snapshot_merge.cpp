#include "snapshot_merge.hpp"

#include <utility>

#include <nlohmann/json.hpp>

namespace bester::detail {

using json = nlohmann::json;

namespace {

client_session session_of(const json& described) {
    return {described.value("session", ""), described.value("user", ""),
            described.value("groups", std::vector<std::string>{}),
            described.value("path", ""), described.value("query", ""), described.value("namespace", "")};
}

}  // namespace

void snapshot_merge::reset(std::size_t expected) {
    expected_ = expected;
    merged_ = {};
    held_.clear();
}

void snapshot_merge::on_snapshot(const json& frame) {
    if (expected_ == 0) return;
    for (const json& client : frame.value("clients", json::array()))
        merged_.clients.push_back(session_of(client));
    for (auto& peer : frame.value("peers", std::vector<std::string>{})) merged_.peers.push_back(std::move(peer));
    if (frame.value("more", false) || --expected_ > 0) return;
    const snapshot whole = std::exchange(merged_, {});
    const auto held = std::exchange(held_, {});
    if (functions_.snapshot) functions_.snapshot(whole);
    for (const auto& event : held) tell(event);
}

void snapshot_merge::on_event(const json& frame) {
    held_event event{frame.value("event", ""), frame.value("peer", ""), session_of(frame)};
    if (expected_ > 0) held_.push_back(std::move(event));
    else tell(event);
}

void snapshot_merge::tell(const held_event& event) {
    if (event.what == "connected" && functions_.connected) functions_.connected(event.client);
    if (event.what == "disconnected" && functions_.disconnected) functions_.disconnected(event.client);
    if (event.what == "peer_up" && functions_.peer_up) functions_.peer_up(event.name);
    if (event.what == "peer_down" && functions_.peer_down) functions_.peer_down(event.name);
}

}  // namespace bester::detail
