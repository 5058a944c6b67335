#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>

namespace bester::wire {

/// How often something may happen: `amount` times in each `per_ms`, and `burst` times at once after a pause.
struct rate {
    std::uint32_t amount = 0;      ///< 0: any number of times
    std::uint32_t per_ms = 1'000;  ///< at least 1
    std::uint32_t burst = 0;       ///< 0: `amount`

    bool is_limited() const noexcept { return amount != 0; }
    bool operator==(const rate&) const = default;
};

/// A bucket of tokens: a new one is full, and it fills at a rate. All is counted in whole numbers, so that nothing is
/// lost or won by rounding, however long it is in use. A plain value; `now_ms` is of a clock that does not go back.
class token_bucket {
public:
    /// Takes a token, and returns 0. If there is none, returns in how many milliseconds there is, and takes nothing.
    /// The rate may be another one than before: the bucket has as many tokens as it had, if it still holds as many.
    std::uint64_t take(const rate& limit, std::uint64_t now_ms) noexcept {
        if (!limit.is_limited()) return 0;
        if (limit.per_ms != per_ms_) use(limit.per_ms);
        const std::uint64_t token = limit.per_ms;  // a token's worth; each millisecond brings `amount`
        const std::uint64_t most = token * (limit.burst != 0 ? limit.burst : limit.amount);
        level_ = std::min(level_, most);
        const std::uint64_t passed = now_ms > last_ms_ ? now_ms - last_ms_ : 0;
        last_ms_ = std::max(last_ms_, now_ms);
        std::uint64_t gained = 0;
        const bool is_endless = __builtin_mul_overflow(passed, std::uint64_t{limit.amount}, &gained);
        level_ = is_endless || gained > most - level_ ? most : level_ + gained;
        if (level_ < token) return (token - level_ + limit.amount - 1) / limit.amount;
        level_ -= token;
        return 0;
    }

private:
    static constexpr std::uint64_t full = std::numeric_limits<std::uint64_t>::max();

    /// A token is worth something else from now on.
    void use(std::uint32_t per_ms) noexcept {
        if (level_ != full) level_ = level_ / per_ms_ * per_ms + level_ % per_ms_ * per_ms / per_ms_;
        per_ms_ = per_ms;
    }

    std::uint64_t level_ = full;
    std::uint64_t last_ms_ = 0;
    std::uint32_t per_ms_ = 1;
};

}  // namespace bester::wire
