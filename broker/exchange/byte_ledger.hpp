#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

namespace bester::exchange {

/// The two kinds of bytes that are held in memory for the other end of a connection.
enum class held_kind : std::uint8_t {
    input,   ///< received and not handled yet: incomplete frames, messages and bodies, and what came before a pause
    output,  ///< queued and not taken by the other end yet
};

/// A connection for which bytes are held, and which is ended when there are too many of them.
class memory_holder {
public:
    /// Returns a weight: when a bound is reached, the holder with the largest weight is ended.
    virtual std::uint64_t held_weight(held_kind what, std::uint64_t now_ms) const noexcept = 0;
    /// Frees the bytes that are held, and ends the connection. Called when a bound is reached and this holder has the
    /// largest weight of its shard.
    virtual void give_way(held_kind what) = 0;
    /// Ends the connection if a frame has been incomplete for too long.
    virtual void check_frame_time(std::uint64_t now_ms) = 0;

protected:
    ~memory_holder() = default;
};

/// Counts the bytes of one kind that one shard holds, by holder. On the shard's thread only, except bytes().
class byte_ledger {
public:
    /// The account of one holder.
    struct entry {
        std::uint32_t bytes = 0;
        std::uint32_t place = 0;  ///< index in items_; of use only while bytes > 0
    };

    byte_ledger() { ranked_.reserve(most_ranked); }
    byte_ledger(const byte_ledger&) = delete;
    byte_ledger& operator=(const byte_ledger&) = delete;

    /// Sets how many bytes `who` holds. `who` and `its` must stay where they are until that is 0.
    void set(memory_holder& who, entry& its, std::size_t bytes);
    /// Returns the sum over all holders. Any thread.
    std::size_t bytes() const noexcept { return total_.load(std::memory_order_relaxed); }
    /// Returns the holder with the largest weight; null if nothing is held. Called again at the same `now_ms`, it
    /// returns the next one that still holds something: thousands may have to be ended, and each pass over all finds
    /// several.
    memory_holder* heaviest(held_kind what, std::uint64_t now_ms) noexcept;
    /// The next call of heaviest() passes over all, since other holders may have become heavier.
    void forget_ranks() noexcept { ranked_.clear(); }
    /// Calls `each(memory_holder&)` for every holder; it may end the holder that it is given.
    template <class Each>
    void for_each(Each&& each) {
        for (std::size_t i = items_.size(); i-- > 0;)
            if (i < items_.size()) each(*items_[i].who);
    }
    bool empty() const noexcept { return items_.empty(); }
    /// Sets the function that is called, on the shard's thread, each time the sum has grown by 64 KiB.
    void on_growth(std::function<void()> call) { on_growth_ = std::move(call); }

private:
    struct item {
        memory_holder* who;
        entry* its;
    };
    struct ranked {
        memory_holder* who;
        std::uint64_t weight;
    };
    static constexpr std::size_t most_ranked = 64;

    void rank(held_kind what, std::uint64_t now_ms) noexcept;

    static constexpr std::size_t step = std::size_t{64} << 10;

    std::vector<item> items_;
    std::vector<ranked> ranked_;  ///< those that are to be returned next, the heaviest last
    std::uint64_t ranked_ms_ = 0;
    std::function<void()> on_growth_;
    std::size_t next_call_ = step;
    /// Written by the shard's thread only, so that a plain store is enough.
    alignas(64) std::atomic<std::size_t> total_{0};
};

/// How much output may wait for one stream.
struct queue_bounds {
    std::size_t bytes = 0;
    std::size_t frames = 0;
};

/// The ledgers of a shard's client streams, and the bounds of each stream's queue.
struct stream_account {
    byte_ledger input;
    byte_ledger output;
    queue_bounds queue;
};

}  // namespace bester::exchange
