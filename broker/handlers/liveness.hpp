#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>

#include "handlers/running_time.hpp"

namespace bester::handlers {

/// How long an instance may be silent. In milliseconds, from its entry's settings.
struct liveness_limits {
    std::uint64_t ping_interval_ms = 0;
    std::uint64_t ping_timeout_ms = 0;
    std::uint64_t silence_timeout_ms = 0;
};

/// Decides for one channel whether its instance hangs. Pure; used on the channel's shard, by each sweep.
/// proto-docs/handler.md, "Liveness".
///
///     idle ──owed──▶ counting ──ping_interval──▶ asked ──ping_timeout──▶ hanging    answers pings
///                    counting ──silence_timeout──────────────────────▶ hanging    does not
///
/// Any frame that is received leads back to idle. Only time in which an answer was owed and the broker ran counts:
/// between two looks at most `longest_step_ms`.
class liveness {
public:
    enum class verdict : std::uint8_t {
        alive,
        ask,      ///< send a ping now; returned once, until a frame is received
        hanging,  ///< returned at each look, until leave_alone() or a received frame
    };
    static constexpr std::uint64_t longest_step_ms = running_time::longest_step_ms;

    explicit liveness(bool answers_pings) noexcept : answers_pings_{answers_pings} {}

    /// Notes a frame from the instance; returns whether the instance counted as hanging before.
    bool heard() noexcept {
        silent_ms_ = 0;
        state_ = state::counting;
        return std::exchange(is_left_alone_, false);
    }

    /// Looks at the clock. `is_owed`: the instance owes an answer; `was_missed`: a deadline has passed without a frame
    /// since its message was handed over.
    verdict look(std::uint64_t now_ms, bool is_owed, bool was_missed, const liveness_limits& limits) noexcept {
        const std::uint64_t step = is_counting_ ? std::min(now_ms - last_look_ms_, longest_step_ms) : 0;
        last_look_ms_ = now_ms;
        is_counting_ = is_owed || state_ == state::asked;
        if (!is_counting_ || is_left_alone_) return verdict::alive;
        silent_ms_ += step;
        if (!answers_pings_) return silent_ms_ >= limits.silence_timeout_ms ? verdict::hanging : verdict::alive;
        if (state_ == state::asked) {
            unanswered_ms_ += step;
            return unanswered_ms_ >= limits.ping_timeout_ms ? verdict::hanging : verdict::alive;
        }
        if (silent_ms_ < limits.ping_interval_ms && !was_missed) return verdict::alive;
        state_ = state::asked;
        unanswered_ms_ = 0;
        return verdict::ask;
    }

    /// Leaves an instance that hangs alone: it does not count as hanging again until a frame is received.
    void leave_alone() noexcept { is_left_alone_ = true; }

    /// Returns whether look() must be called although no answer is owed.
    bool is_waiting_for_pong() const noexcept { return state_ == state::asked && !is_left_alone_; }
    bool answers_pings() const noexcept { return answers_pings_; }

private:
    enum class state : std::uint8_t { counting, asked };

    bool answers_pings_;
    bool is_counting_ = false;  ///< between the last look and the next
    bool is_left_alone_ = false;
    state state_ = state::counting;
    std::uint64_t last_look_ms_ = 0;
    std::uint64_t silent_ms_ = 0;      ///< time in which an answer was owed, since the last frame
    std::uint64_t unanswered_ms_ = 0;  ///< since the ping
};

}  // namespace bester::handlers
