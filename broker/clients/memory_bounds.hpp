#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "exchange/byte_ledger.hpp"

namespace bester::clients {

struct client_limits;
class shard_clients;

/// Bounds the memory that the connections of all shards hold: input that is not complete, and output that is not taken.
/// When a bound is exceeded, the connections that hold the most (for input: the most for the longest) are ended, on
/// whatever shard they are; the others are not affected. The sum is looked at each time a shard's part has grown by
/// 64 KiB (byte_ledger), and a shard that finds it above the bound for input reads no more clients in that turn: so
/// each shard adds at most 64 KiB and what one connection adds at once, a message. Used on its shard's thread, except
/// for the sums of the ledgers, which other shards read.
class memory_bounds {
public:
    explicit memory_bounds(shard_clients& owner);

    exchange::stream_account& account() noexcept { return account_; }
    void apply(const client_limits& limits) noexcept;
    /// Ends connections whose frames take too long, and looks at the bounds; returns whether there is anything to look
    /// after.
    bool sweep(std::uint64_t now_ms);
    /// Writes a log line that names the connection that is ended.
    void tell(exchange::held_kind what, std::string_view who);

private:
    std::size_t total(exchange::held_kind what) const noexcept;
    std::size_t limit(exchange::held_kind what) const noexcept;
    exchange::byte_ledger& ledger(exchange::held_kind what) noexcept;
    void check(exchange::held_kind what);
    /// Who has it may end connections of clients for what they hold of one kind; there is one, over all shards, and it
    /// is given back when its last copy is gone.
    using shedding = std::shared_ptr<std::atomic<bool>>;
    void shed(exchange::held_kind what, const shedding& token);

    shard_clients& owner_;
    exchange::stream_account account_;
    std::uint64_t next_check_ms_ = 0;
};

}  // namespace bester::clients
