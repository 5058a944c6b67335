#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "exchange/byte_ledger.hpp"

namespace bester::clients {

struct client_limits;
class shard_clients;

/// Bounds what the connections of clients hold, all shards together: input that is not complete, and output that is
/// not taken. When a bound is met, on whichever shard, those who hold the most (of input: the most for the longest)
/// are ended until it is kept, and nobody else waits. Used on its shard's thread, but for the bytes of the ledgers,
/// which other shards read.
class memory_bounds {
public:
    explicit memory_bounds(shard_clients& owner);

    exchange::stream_account& account() noexcept { return account_; }
    void apply(const client_limits& limits) noexcept;
    /// Looks for frames that take too long; whether there is anything to look after.
    bool sweep(std::uint64_t now_ms);
    /// A line of the log that names who is ended; at most one a second, which says how many were not told.
    void tell(exchange::held_kind what, std::string_view who);

private:
    std::size_t total(exchange::held_kind what) const noexcept;
    std::size_t limit(exchange::held_kind what) const noexcept;
    exchange::byte_ledger& ledger(exchange::held_kind what) noexcept;
    void check(exchange::held_kind what);
    void shed(exchange::held_kind what);

    shard_clients& owner_;
    exchange::stream_account account_;
    std::array<bool, 2> is_shedding_{};  ///< by kind: somebody is ended at the end of this turn
    std::uint64_t next_check_ms_ = 0;
};

}  // namespace bester::clients
