#include "peering/link/link_choice.hpp"

namespace bester::peering {

link_decision choose_link(const link_candidate& current, const link_candidate& candidate, std::string_view own_name,
                          std::string_view peer_name, std::chrono::milliseconds heartbeat) noexcept {
    if (candidate.is_dialled_by_us == current.is_dialled_by_us) return link_decision::replace;
    if (candidate.incarnation != current.incarnation) return link_decision::replace;
    if (current.silent_for > heartbeat) return link_decision::replace;
    const bool ours_stays = own_name < peer_name;
    return current.is_dialled_by_us == ours_stays ? link_decision::keep_current : link_decision::replace;
}

}  // namespace bester::peering
