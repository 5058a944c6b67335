#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace bester::log {

/// A place in the source that writes one kind of log line.
struct call_site {
    const char* file = "";
    unsigned line = 0;
    const char* format = "";  ///< the text with {} for its values
};

/// Bounds how many lines each call site may write: a burst, and then a few in each second. So one kind of line can
/// neither fill a disk nor hide other kinds. Not thread-safe; does not allocate after its construction.
class line_gate {
public:
    using time_point = std::chrono::steady_clock::time_point;
    static constexpr std::uint32_t burst = 500;
    static constexpr std::uint32_t lines_per_second = 2;

    /// Takes one line from the call site's allowance. Returns how many of its lines were left out since the last one
    /// that was written or reported, or none if this one is to be left out, too.
    std::optional<std::uint64_t> admit(const call_site& where, time_point now) noexcept;

    /// A call site whose lines were left out, and how many.
    struct silence {
        call_site where;
        std::uint64_t left_out;
    };
    /// Returns and forgets the left-out lines that no later line has reported for a second.
    std::vector<silence> take_silences(time_point now);

    /// Returns how many lines were left out since the gate was made.
    std::uint64_t left_out() const noexcept { return left_out_; }

private:
    /// More than there are call sites; further ones share the last entry.
    static constexpr std::size_t most_sites = 512;
    struct site_state {
        call_site where;
        bool is_used = false;
        double allowance = burst;
        time_point filled{};
        time_point last_left_out{};
        std::uint64_t left_out = 0;
    };
    site_state& state_of(const call_site& where) noexcept;

    std::array<site_state, most_sites> sites_;
    std::uint64_t left_out_ = 0;
};

}  // namespace bester::log
