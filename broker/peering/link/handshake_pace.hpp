#pragma once

#include <chrono>

namespace bester::peering {

/// Keeps the work of handshakes that strangers begin to half of a thread's time: each step is followed by a pause
/// of its own length. Belongs to the thread.
class handshake_pace {
public:
    using time_point = std::chrono::steady_clock::time_point;

    /// When the next step may begin; in the past after an idle time, which saves nothing up.
    time_point next() const noexcept { return next_; }
    /// A step was taken.
    void took(time_point begun, time_point ended) noexcept { next_ = ended + (ended - begun); }

private:
    time_point next_{};
};

}  // namespace bester::peering
