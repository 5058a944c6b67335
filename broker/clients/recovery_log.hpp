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
    /// `secret`: by which the client names the session when it comes back.
    recovery_log(std::string secret, std::size_t most_bytes) : secret_{std::move(secret)}, most_bytes_{most_bytes} {}

    const std::string& secret() const noexcept { return secret_; }
    /// Keeps a packet; offsets rise. What is older than `oldest_ms` is dropped.
    void add(std::uint64_t offset, exchange::payload packet, std::uint64_t now_ms, std::uint64_t oldest_ms);
    /// Is all still here that came after `offset`? None: the client has got nothing yet.
    bool reaches_back_to(std::optional<std::uint64_t> offset) const noexcept;
    /// Calls `each(packet)` for all that came after it, in order.
    template <class Each>
    void for_each_after(std::uint64_t offset, Each&& each) const {
        for (const entry& kept : entries_)
            if (kept.offset > offset) each(kept.packet);
    }
    std::size_t bytes() const noexcept { return bytes_; }

private:
    struct entry {
        std::uint64_t offset;
        std::uint64_t at_ms;
        exchange::payload packet;
    };
    void drop_front();

    std::string secret_;
    std::size_t most_bytes_;
    std::size_t bytes_ = 0;
    std::uint64_t dropped_ = 0;  ///< the last offset that is gone; 0: all are here
    std::deque<entry> entries_;
};

}  // namespace bester::clients
