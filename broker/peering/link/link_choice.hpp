#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>

namespace bester::peering {

/// One of two links to the same peer.
struct link_candidate {
    bool is_dialled_by_us = false;
    std::chrono::milliseconds silent_for{0};  ///< time since the last input
    std::uint64_t incarnation = 0;            ///< incarnation of the peer, from its hello
};

enum class link_decision : std::uint8_t { keep_current, replace };

/// Decides which of two links to one peer stays, so that both ends decide the same when both dialled at once. The same
/// direction, or another run of the peer, means that the peer (or we) had a reason to dial again: the new link replaces
/// the old one. Otherwise the link that the server whose name sorts first has dialled stays, unless the current one has
/// been silent for more than a heartbeat interval. Pure.
link_decision choose_link(const link_candidate& current, const link_candidate& candidate, std::string_view own_name,
                          std::string_view peer_name, std::chrono::milliseconds heartbeat) noexcept;

}  // namespace bester::peering
