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

/// Messages to other servers for which an answer is expected, by their number (ref): a result, or replies to a session.
/// Each ends once, with its result or with a failure; later answers are dropped. Pure; belongs to one shard.
class pending_refs {
public:
    using time_point = std::chrono::steady_clock::time_point;

    struct waiting {
        exchange::acknowledgement to;
        std::string server;
        std::vector<std::string> recipients;  ///< to be reported as missed if all fails; filled if a report is wanted
        exchange::session_id asker;           ///< the session that the server may reply to, with
        std::string id_token;                 ///< this id; may be empty

        /// Returns whether any answer could come.
        bool is_open() const noexcept { return to.is_wanted() || asker; }
    };

    /// Returns the ref, which is never 0. Must not be called while is_full(). If there is no memory, `what` stays as it
    /// is.
    std::uint64_t add(waiting&& what, time_point deadline);
    /// Ends a message; returns false if there is none.
    bool take(std::uint64_t ref, waiting& what);
    /// The same, only if the message went to this server.
    bool take_of(std::string_view server, std::uint64_t ref, waiting& what);
    /// Ends a message whose deadline has passed; returns false if there is none.
    bool take_expired(time_point now, waiting& what);
    /// Returns a message of that session to this server, with that id, that has not ended; null if there is none. Valid
    /// until the next call of another function.
    const waiting* find_asked(std::string_view server, exchange::session_id to, std::string_view id_token) const;
    /// Returns how many messages to that server have not ended.
    std::size_t open_at(std::string_view server) const;
    bool empty() const noexcept { return slots_.empty(); }
    /// Returns whether all numbers are in use.
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
    std::vector<due> deadlines_;                                           ///< a heap; some of them have ended
    std::unordered_multimap<exchange::session_id, std::uint64_t> askers_;  ///< the refs of each
    std::map<std::string, std::size_t, std::less<>> open_;                 ///< of each server
};

}  // namespace bester::peering
