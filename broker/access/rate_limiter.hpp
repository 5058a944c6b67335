#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace bester::access {

/// How often something may happen: so often a second, and so many at once after a pause.
struct rate {
    double per_second = 0;    ///< 0: any
    std::uint32_t burst = 0;  ///< 0: a second's worth, at least 1

    bool is_limited() const noexcept { return per_second > 0; }
    bool operator==(const rate&) const = default;
};

/// A bucket of tokens in eight bytes: instead of tokens it keeps the time at which the bucket would be full
/// again. A plain value; `now_ms` is of a clock that does not go back, and a new one is full.
class rate_limiter {
public:
    /// Takes one if there is one. Otherwise, how long until there is: at least 1 ms, and nothing was taken.
    std::chrono::milliseconds take(const rate& limit, std::uint64_t now_ms) noexcept {
        const double now = static_cast<double>(now_ms), interval = 1'000 / limit.per_second;
        const double burst = limit.burst != 0 ? limit.burst : std::max(1.0, limit.per_second);
        const double missing = std::max(0.0, full_at_ms_ - now);
        // A millionth for what rounding took.
        const double wait = missing - interval * (burst - 1);
        if (wait > interval * 1e-6) return std::chrono::milliseconds{static_cast<std::int64_t>(wait) + 1};
        full_at_ms_ = now + missing + interval;
        return std::chrono::milliseconds{0};
    }

private:
    double full_at_ms_ = 0;
};

}  // namespace bester::access
