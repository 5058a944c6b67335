#pragma once

#include <chrono>

namespace bester::peering {

/// Limits the work for handshakes of incoming connections to half of a thread's time: each step is followed by a pause
/// of its own length. Belongs to the thread.
class handshake_pace {
public:
    using time_point = std::chrono::steady_clock::time_point;

    /// Returns when the next step may begin; in the past after an idle time, which does not accumulate.
    time_point next() const noexcept { return next_; }
    /// Notes a step and its duration.
    void took(time_point begun, time_point ended) noexcept { next_ = ended + (ended - begun); }

private:
    time_point next_{};
};

}  // namespace bester::peering
