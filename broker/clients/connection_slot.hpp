#pragma once

#include <atomic>
#include <cstddef>
#include <utility>

namespace bester::clients {

/// The number of connections, over all shards.
using connection_count = std::atomic<std::size_t>;

/// One of the connections that are allowed at once: it counts as long as the object exists. The count must outlive it.
/// Any thread, one at a time.
class connection_slot {
public:
    connection_slot() = default;
    /// Takes one of `most` places; empty if there are that many connections already.
    connection_slot(connection_count& count, std::size_t most) noexcept : count_{&count} {
        if (count.fetch_add(1, std::memory_order_relaxed) >= most) give_back();
    }
    connection_slot(connection_slot&& other) noexcept : count_{std::exchange(other.count_, nullptr)} {}
    connection_slot& operator=(connection_slot&& other) noexcept {
        std::swap(count_, other.count_);
        return *this;
    }
    ~connection_slot() { give_back(); }

    /// The slot of something that remembers only whether it is counted.
    static connection_slot again(connection_count& count, bool is_counted) noexcept {
        connection_slot slot;
        if (is_counted) slot.count_ = &count;
        return slot;
    }
    /// Lets go of it without giving it back; returns whether it was counted, for again().
    bool release() noexcept { return std::exchange(count_, nullptr) != nullptr; }

    explicit operator bool() const noexcept { return count_ != nullptr; }
    void give_back() noexcept {
        if (auto* const count = std::exchange(count_, nullptr)) count->fetch_sub(1, std::memory_order_relaxed);
    }

private:
    connection_count* count_ = nullptr;
};

}  // namespace bester::clients
