#pragma once

#include <algorithm>
#include <cstdint>

namespace bester::handlers {

/// A span of time that is added up look by look, of which only time counts in which the broker ran: between two looks
/// at most `longest_step_ms`, since a broker that was stopped for longer could hear nobody. Pure; on one thread.
class running_time {
public:
    static constexpr std::uint64_t longest_step_ms = 200;

    bool is_running() const noexcept { return is_running_; }
    /// Begins at zero, unless it runs already.
    void begin(std::uint64_t now_ms) noexcept {
        if (is_running_) return;
        is_running_ = true;
        passed_ms_ = 0;
        last_look_ms_ = now_ms;
    }
    void end() noexcept { is_running_ = false; }
    /// Returns how much has passed since it began; 0 if it does not run.
    std::uint64_t look(std::uint64_t now_ms) noexcept {
        if (!is_running_) return 0;
        passed_ms_ += std::min(now_ms - last_look_ms_, longest_step_ms);
        last_look_ms_ = now_ms;
        return passed_ms_;
    }

private:
    bool is_running_ = false;
    std::uint64_t passed_ms_ = 0;
    std::uint64_t last_look_ms_ = 0;
};

}  // namespace bester::handlers
