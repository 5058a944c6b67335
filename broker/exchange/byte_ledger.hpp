#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

namespace bester::exchange {

/// What is held for the other end of a connection.
enum class held_kind : std::uint8_t {
    input,   ///< received, not taken yet: half frames, half messages, half bodies, what came before a pause
    output,  ///< queued, not taken by the other end yet
};

/// Somebody for whom bytes are held, and who has to go when there are too many.
class memory_holder {
public:
    /// How much it is its turn to go: the larger, the sooner.
    virtual std::uint64_t held_weight(held_kind what, std::uint64_t now_ms) const noexcept = 0;
    /// Lets go of what is held, and ends. A bound is met, and nobody on this shard has a greater weight.
    virtual void give_way(held_kind what) = 0;
    /// Ends if a frame has been coming for too long.
    virtual void check_frame_time(std::uint64_t now_ms) = 0;

protected:
    ~memory_holder() = default;
};

/// How many bytes of one kind are held on one shard, and for whom. Belongs to the shard's thread, but for bytes().
class byte_ledger {
public:
    /// What one holder has in it.
    struct entry {
        std::uint32_t bytes = 0;
        std::uint32_t place = 0;  ///< while there are bytes
    };

    byte_ledger() = default;
    byte_ledger(const byte_ledger&) = delete;
    byte_ledger& operator=(const byte_ledger&) = delete;

    /// From now on `who` holds so many. `its` and `who` stay until it holds none.
    void set(memory_holder& who, entry& its, std::size_t bytes);
    /// All of this shard. Any thread.
    std::size_t bytes() const noexcept { return total_.load(std::memory_order_relaxed); }
    /// Who has the greatest weight; null: nobody holds anything.
    memory_holder* heaviest(held_kind what, std::uint64_t now_ms) const noexcept;
    /// Calls `each(memory_holder&)` for all who hold something; it may end the one that it is given.
    template <class Each>
    void for_each(Each&& each) {
        for (std::size_t i = items_.size(); i-- > 0;)
            if (i < items_.size()) each(*items_[i].who);
    }
    bool empty() const noexcept { return items_.empty(); }
    /// Is called on the shard's thread whenever it has grown by some KiB.
    void on_growth(std::function<void()> call) { on_growth_ = std::move(call); }

private:
    struct item {
        memory_holder* who;
        entry* its;
    };
    static constexpr std::size_t step = std::size_t{64} << 10;

    std::vector<item> items_;
    std::function<void()> on_growth_;
    std::size_t next_call_ = step;
    /// Written by the shard's thread alone, so nothing need be locked for it.
    alignas(64) std::atomic<std::size_t> total_{0};
};

/// How much may wait for one stream to be written.
struct queue_bounds {
    std::size_t bytes = 0;
    std::size_t frames = 0;
};

/// On whose account a shard's streams hold memory, and how much may wait for each of them.
struct stream_account {
    byte_ledger input;
    byte_ledger output;
    queue_bounds queue;
};

}  // namespace bester::exchange
