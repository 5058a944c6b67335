#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "exchange/pending_outcomes.hpp"

namespace bester::peering {

/// Messages to other servers whose result somebody waits for, by the number (ref) that goes with them.
/// Each ends once: with its result, or with a failure. Pure; belongs to one shard.
class pending_refs {
public:
    using time_point = std::chrono::steady_clock::time_point;

    struct waiting {
        exchange::acknowledgement to;
        std::string server;
        std::vector<std::string> recipients;  ///< to be reported as missed if all fails; filled if a report is wanted
    };

    /// Never 0.
    std::uint64_t add(waiting what, time_point deadline);
    /// Ends it. False: there is none (any more).
    bool take(std::uint64_t ref, waiting& what);
    /// The same, if it went to this server: nobody else can say what became of it.
    bool take_of(std::string_view server, std::uint64_t ref, waiting& what);
    /// Ends one whose deadline has passed; false: there is none.
    bool take_expired(time_point now, waiting& what);
    bool empty() const noexcept { return used_ == 0; }

private:
    struct slot {
        std::uint64_t ref = 0;  ///< 0: free
        waiting what;
    };
    static constexpr unsigned index_bits = 24;

    slot* find(std::uint64_t ref) noexcept;

    std::vector<slot> slots_;
    std::vector<std::uint32_t> free_;
    std::deque<std::pair<time_point, std::uint64_t>> deadlines_;  ///< by the order of adding: about that of time
    std::uint64_t last_serial_ = 0;
    std::size_t used_ = 0;
};

}  // namespace bester::peering
