#include "peering/flows/flow_receiver.hpp"

#include <algorithm>

namespace bester::peering {

flow_verdict flow_receiver::on_message(time_point now, std::uint64_t wall_ms, std::uint64_t flow,
                                       std::uint64_t sequence) noexcept {
    if (flow != flow_ || !is_known_) {
        refuse(wall_ms, flow);
        return flow_verdict::stale;
    }
    if (sequence == next_) {
        ++next_;
        is_due_ = true;
        return flow_verdict::take;
    }
    if (sequence < next_) {
        is_due_ = is_asked_ = true;  // its origin does not know that
        return flow_verdict::duplicate;
    }
    // Of the messages behind a gap, only the first one asks for a rewind.
    if (rewound_to_ != next_ || now - rewound_at_ >= rewind_interval) rewind_is_due_ = true;
    return flow_verdict::gap;
}

void flow_receiver::on_probe(std::uint64_t wall_ms, std::uint64_t flow, std::uint64_t next) noexcept {
    if (next == 1 && flow > flow_ && !is_too_high(wall_ms, flow)) {
        flow_ = flow;
        next_ = said_ = 1;
        is_known_ = true;
        rewind_is_due_ = false;
        rewound_to_ = 0;
    }
    if (flow == flow_ && is_known_) is_due_ = is_asked_ = true;
    else refuse(wall_ms, flow);
}

void flow_receiver::on_route_up() noexcept {
    if (is_known_) is_due_ = is_asked_ = true;
}

bool flow_receiver::is_too_high(std::uint64_t wall_ms, std::uint64_t flow) const noexcept {
    return flow > std::max(wall_ms + most_ahead_ms, flow_ + most_step);
}

void flow_receiver::refuse(std::uint64_t wall_ms, std::uint64_t flow) noexcept {
    unknown_flow_ = flow;
    unknown_lowest_ = 0;
    if (is_too_high(wall_ms, flow)) {
        unknown_lowest_ = wall_ms;
    } else if (flow > flow_) {
        // The origin has left the earlier flow, and a part of this one may have been taken before a restart: both are
        // over.
        flow_ = flow;
        is_known_ = is_due_ = is_asked_ = rewind_is_due_ = false;
    }
}

std::optional<due_acknowledgement> flow_receiver::take_acknowledgement(time_point now) noexcept {
    if (unknown_flow_ != 0) {
        const std::uint64_t lowest = std::max(flow_ + 1, unknown_lowest_);
        const due_acknowledgement due{unknown_flow_, lowest, wire::acknowledgement_kind::unknown};
        unknown_flow_ = 0;
        return due;
    }
    if (!is_due_ && !rewind_is_due_) return {};
    // The missing message may have come in the same turn.
    const bool is_rewind = rewind_is_due_ && (rewound_to_ != next_ || now - rewound_at_ >= rewind_interval);
    is_due_ = is_asked_ = rewind_is_due_ = false;
    said_ = next_;
    if (!is_rewind) return due_acknowledgement{flow_, next_, wire::acknowledgement_kind::arrived};
    rewound_to_ = next_;
    rewound_at_ = now;
    return due_acknowledgement{flow_, next_, wire::acknowledgement_kind::rewind};
}

}  // namespace bester::peering
