#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

namespace bester::exchange {

/// Bounds how often one kind of log line is written that others can cause, so that nobody fills a disk with it:
/// `most` lines in each second, and the next line that is written says how many were left out.
class log_limit {
public:
    using time_point = std::chrono::steady_clock::time_point;

    explicit log_limit(unsigned most = 5) noexcept : most_{most} {}

    /// Asked before each line, at the time `now`. Returns how many lines were left out since the last one that was
    /// written, or nothing if this one is to be left out, too.
    std::optional<std::uint64_t> admit(time_point now) noexcept {
        if (now - begin_ >= std::chrono::seconds{1}) {
            begin_ = now;
            written_ = 0;
        }
        if (written_ >= most_) {
            ++left_out_;
            return std::nullopt;
        }
        ++written_;
        const std::uint64_t left_out = left_out_;
        left_out_ = 0;
        return left_out;
    }

private:
    unsigned most_;
    unsigned written_ = 0;
    std::uint64_t left_out_ = 0;
    time_point begin_{};
};

}  // namespace bester::exchange
