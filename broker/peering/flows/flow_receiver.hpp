#pragma once

#include "wire/link_codec.hpp"

#include <chrono>
#include <cstdint>
#include <optional>

namespace bester::peering {

/// The verdict on a message that arrived. Only `take` is executed.
enum class flow_verdict : std::uint8_t {
    take,
    duplicate,  ///< it was taken before
    gap,        ///< something before it is missing; it will come again
    stale,      ///< its flow is over, or is not known here
};

/// An acknowledgement to send back to the origin.
struct due_acknowledgement {
    std::uint64_t flow = 0;
    std::uint64_t next = 0;
    wire::acknowledgement_kind kind{};

    bool operator==(const due_acknowledgement&) const = default;
};

/// The destination's end of the flow from one origin (see flow_sender): takes each message once, in
/// order. Pure; belongs to one thread.
///
/// A flow begins with a probe for sequence 1 and a higher id than any flow before; nothing else begins one, so that a
/// restarted server cannot take again a message that it took before the restart.
///
/// Flow ids are milliseconds since 1970 (`wall_ms` is that of now). An id that is too far ahead of that is refused and
/// not remembered: otherwise one frame could leave no ids for later flows.
class flow_receiver {
public:
    using time_point = std::chrono::steady_clock::time_point;
    static constexpr std::chrono::milliseconds rewind_interval{1'000};
    static constexpr std::uint64_t most_unsaid = 64;  ///< messages
    /// A flow id may be ahead of the wall clock by a day, and of the highest one so far by this step:
    /// the origin goes on above an id that was taken even if a clock was set back meanwhile.
    static constexpr std::uint64_t most_ahead_ms = 24ULL * 3'600 * 1'000;
    static constexpr std::uint64_t most_step = std::uint64_t{1} << 20;

    flow_verdict on_message(time_point now, std::uint64_t wall_ms, std::uint64_t flow, std::uint64_t sequence) noexcept;
    void on_probe(std::uint64_t wall_ms, std::uint64_t flow, std::uint64_t next) noexcept;
    /// There is another route back to the origin: the last answer may be lost on the old one.
    void on_route_up() noexcept;

    /// At the end of each turn of the loop, called until there is none: at most one about the flow,
    /// and one about a flow that is not known.
    std::optional<due_acknowledgement> take_acknowledgement(time_point now) noexcept;
    bool is_acknowledgement_due() const noexcept { return is_due_ || rewind_is_due_ || unknown_flow_ != 0; }
    /// Returns whether the origin waits for the acknowledgement, or it is about many messages; else it may be sent a
    /// little later.
    bool is_acknowledgement_urgent() const noexcept {
        return is_asked_ || rewind_is_due_ || unknown_flow_ != 0 || next_ - said_ >= most_unsaid;
    }

    /// The flow and how much of it has arrived; 0 if none is known.
    std::uint64_t flow() const noexcept { return is_known_ ? flow_ : 0; }
    std::uint64_t next() const noexcept { return next_; }

private:
    bool is_too_high(std::uint64_t wall_ms, std::uint64_t flow) const noexcept;
    void refuse(std::uint64_t wall_ms, std::uint64_t flow) noexcept;

    std::uint64_t flow_ = 0;  ///< the highest flow id that was seen
    std::uint64_t next_ = 1;
    bool is_known_ = false;  ///< flow_ began here
    bool is_due_ = false;
    bool is_asked_ = false;   ///< the origin cannot go on without an acknowledgement
    std::uint64_t said_ = 1;  ///< the `next` of the last acknowledgement
    bool rewind_is_due_ = false;
    std::uint64_t unknown_flow_ = 0;    ///< an unknown flow about which its origin is to be told
    std::uint64_t unknown_lowest_ = 0;  ///< the id from which its origin is to continue
    std::uint64_t rewound_to_ = 0;      ///< the last rewind's `next`
    time_point rewound_at_{};
};

}  // namespace bester::peering
