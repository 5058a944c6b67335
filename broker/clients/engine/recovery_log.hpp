#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>

#include "exchange/payload.hpp"

namespace bester::clients {

/// The latest packets of one session, so that a client that lost its connection gets those that it missed. Bounded in
/// bytes and in time; a client that missed a dropped packet is told so. Belongs to one session; pure.
class recovery_log {
public:
    /// `secret` is the name by which the client asks for the session when it comes back; `begin` is the last offset on
    /// this shard that was used before the session began.
    recovery_log(std::string secret, std::size_t most_bytes, std::uint64_t begin)
        : secret_{std::move(secret)}, most_bytes_{most_bytes}, begin_{begin}, last_{begin}, dropped_{begin} {}

    const std::string& secret() const noexcept { return secret_; }
    /// Keeps a packet, whose offset is above all earlier ones. Drops packets that are older than `oldest_ms`.
    void add(std::uint64_t offset, exchange::payload packet, std::uint64_t now_ms, std::uint64_t oldest_ms);
    /// Returns whether all packets after `offset` are still here. No offset means that the client has got nothing yet;
    /// so does an offset of another session, since clients go on naming the last one of an earlier session.
    bool reaches_back_to(std::optional<std::uint64_t> offset) const noexcept;
    /// Calls `each(packet)` for all packets after the offset, in order.
    template <class Each>
    void for_each_after(std::optional<std::uint64_t> offset, Each&& each) const {
        const std::uint64_t seen = seen_by(offset);
        for (const entry& kept : entries_)
            if (kept.offset > seen) each(kept.packet);
    }
    std::size_t bytes() const noexcept { return bytes_; }
    /// Drops all packets: a client that comes back is served only if it has missed none.
    void clear() noexcept;

private:
    struct entry {
        std::uint64_t offset;
        std::uint64_t at_ms;
        exchange::payload packet;
    };
    void drop_front();
    /// Returns the last offset of this session that a client has got that names `offset`.
    std::uint64_t seen_by(std::optional<std::uint64_t> offset) const noexcept {
        return offset && *offset > begin_ && *offset <= last_ ? *offset : begin_;
    }

    std::string secret_;
    std::size_t most_bytes_;
    std::size_t bytes_ = 0;
    std::uint64_t begin_;    ///< all offsets of this session are above
    std::uint64_t last_;     ///< the last offset that was used
    std::uint64_t dropped_;  ///< the offset of the last dropped packet; `begin_`: none was dropped
    std::deque<entry> entries_;
};

}  // namespace bester::clients
