#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "exchange/numbered_slots.hpp"
#include "exchange/pending_outcomes.hpp"
#include "exchange/session_id.hpp"

namespace bester::peering {

/// Messages to other servers of which something is to come back, by the number (ref) that goes with them:
/// the result that somebody waits for, or replies to a session. Each ends once: with its result, or with
/// a failure; what comes after that is for nobody. Pure; belongs to one shard.
class pending_refs {
public:
    using time_point = std::chrono::steady_clock::time_point;

    struct waiting {
        exchange::acknowledgement to;
        std::string server;
        std::vector<std::string> recipients;  ///< to be reported as missed if all fails; filled if a report is wanted
        exchange::session_id asker;           ///< whom the server may reply to, with
        std::string id_token;                 ///< this id; may be empty

        /// Is there anything that could come back?
        bool is_open() const noexcept { return to.is_wanted() || asker; }
    };

    /// Never 0. Not while is_full().
    std::uint64_t add(waiting what, time_point deadline);
    /// Ends it. False: there is none (any more).
    bool take(std::uint64_t ref, waiting& what);
    /// The same, if it went to this server: nobody else can say what became of it.
    bool take_of(std::string_view server, std::uint64_t ref, waiting& what);
    /// Ends one whose deadline has passed; false: there is none.
    bool take_expired(time_point now, waiting& what);
    /// A message to this server of that session, with that id, which has not ended; null: there is none, and
    /// nobody to be replied to. Until the next call of another function.
    const waiting* find_asked(std::string_view server, exchange::session_id to, std::string_view id_token) const;
    /// How many have not ended there.
    std::size_t open_at(std::string_view server) const;
    bool empty() const noexcept { return slots_.empty(); }
    /// Are there as many as there are numbers at a time?
    bool is_full() const noexcept { return slots_.is_full(); }

private:
    struct due {
        time_point when;
        std::uint64_t ref;
        /// The earliest is the first of a heap.
        bool operator<(const due& other) const noexcept { return when > other.when; }
    };
    void forget_ended();

    exchange::numbered_slots<waiting> slots_;                              ///< by ref
    std::vector<due> deadlines_;                                           ///< a heap; some have ended
    std::unordered_multimap<exchange::session_id, std::uint64_t> askers_;  ///< the refs of each
    std::map<std::string, std::size_t, std::less<>> open_;                 ///< of each server
};

}  // namespace bester::peering
