#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>

#include "exchange/payload.hpp"

namespace bester::clients {

/// What one session was sent lately, so that a client that lost its connection gets what it missed. Bounded in bytes
/// and in time: what is dropped cannot be missed any more without being told. Belongs to one session; pure.
class recovery_log {
public:
    /// `secret`: by which the client names the session when it comes back. `begin`: the last offset on this shard that
    /// was given before the session began.
    recovery_log(std::string secret, std::size_t most_bytes, std::uint64_t begin)
        : secret_{std::move(secret)}, most_bytes_{most_bytes}, begin_{begin}, last_{begin}, dropped_{begin} {}

    const std::string& secret() const noexcept { return secret_; }
    /// Keeps a packet; offsets rise. What is older than `oldest_ms` is dropped.
    void add(std::uint64_t offset, exchange::payload packet, std::uint64_t now_ms, std::uint64_t oldest_ms);
    /// Is all still here that came after `offset`? None: the client has got nothing yet. So it is with an offset that
    /// was not given to this session: clients go on naming the last one of a session that they had before.
    bool reaches_back_to(std::optional<std::uint64_t> offset) const noexcept;
    /// Calls `each(packet)` for all that came after it, in order.
    template <class Each>
    void for_each_after(std::optional<std::uint64_t> offset, Each&& each) const {
        const std::uint64_t seen = seen_by(offset);
        for (const entry& kept : entries_)
            if (kept.offset > seen) each(kept.packet);
    }
    std::size_t bytes() const noexcept { return bytes_; }

private:
    struct entry {
        std::uint64_t offset;
        std::uint64_t at_ms;
        exchange::payload packet;
    };
    void drop_front();
    /// The last offset of this session that a client has got which names `offset`.
    std::uint64_t seen_by(std::optional<std::uint64_t> offset) const noexcept {
        return offset && *offset > begin_ && *offset <= last_ ? *offset : begin_;
    }

    std::string secret_;
    std::size_t most_bytes_;
    std::size_t bytes_ = 0;
    std::uint64_t begin_;    ///< all offsets of this session are above
    std::uint64_t last_;     ///< the last one that was given
    std::uint64_t dropped_;  ///< the last one that is gone; `begin_`: all are here
    std::deque<entry> entries_;
};

}  // namespace bester::clients
