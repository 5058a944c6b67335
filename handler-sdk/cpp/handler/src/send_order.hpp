#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace bester::detail {

/// After how many frames of another channel a frame must be executed. proto-docs/handler.md, "Order".
struct order_entry {
    unsigned shard = 0;
    std::uint64_t count = 0;
};

/// Keeps commands in the order in which they were given, across channels. A frame with anything
/// besides replies comes after all frames that were sent before it; a frame of replies alone comes
/// after the last of those. Waits that follow from earlier ones are not repeated, so a handler
/// that only replies, or whose frames go over one channel, never waits. Pure.
class send_order {
public:
    /// Starts again with this many channels and nothing sent. `is_kept` false: no frame ever waits.
    void reset(std::size_t channels, bool is_kept);

    /// Returns what a frame that is about to be sent to `shard` comes after. The result is valid until the next call.
    std::span<const order_entry> next(unsigned shard, bool is_only_replies);

private:
    void wait_for(unsigned shard, unsigned other, std::uint64_t count);

    bool is_kept_ = true;
    std::vector<std::uint64_t> sent_;
    std::vector<std::uint64_t> sent_at_last_;         // before and including the last frame with commands
    std::vector<std::vector<std::uint64_t>> waited_;  // [shard][other]: what its frames come after already
    bool has_last_ = false;
    unsigned last_ = 0;  // the channel of the last frame with commands
    std::vector<order_entry> entries_;
};

}  // namespace bester::detail
