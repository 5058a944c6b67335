#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

namespace bester::exchange {

/// Immutable bytes that any number of queues on any number of shards share; the last owner frees them. Written once, by
/// its maker, before it is shared.
class payload {
public:
    payload() noexcept = default;
    payload(const payload& other) noexcept : block_{other.block_} {
        if (block_) block_->owners.fetch_add(1, std::memory_order_relaxed);
    }
    payload(payload&& other) noexcept : block_{std::exchange(other.block_, nullptr)} {}
    payload& operator=(payload other) noexcept {
        std::swap(block_, other.block_);
        return *this;
    }
    ~payload() {
        if (block_ && block_->owners.fetch_sub(1, std::memory_order_acq_rel) == 1) free_block(block_);
    }

    /// Returns a payload of `size` bytes, to be written through data() before it is copied.
    static payload of_size(std::size_t size);
    static payload copy_of(std::string_view bytes);

    char* data() const noexcept { return reinterpret_cast<char*>(block_ + 1); }
    std::size_t size() const noexcept { return block_ ? block_->size : 0; }
    std::string_view view() const noexcept { return {data(), size()}; }
    explicit operator bool() const noexcept { return block_ != nullptr; }

    /// Counts one more queue in which it waits because a socket takes no more.
    void enter_queue() const noexcept {
        if (block_->queues.fetch_add(1, std::memory_order_relaxed) > 0)
            shared_.fetch_add(block_->size, std::memory_order_relaxed);
    }
    /// Undoes enter_queue().
    void leave_queue() const noexcept {
        if (block_->queues.fetch_sub(1, std::memory_order_relaxed) > 1)
            shared_.fetch_sub(block_->size, std::memory_order_relaxed);
    }
    /// Returns how many bytes the sum over all queues counts too often: a payload that waits in three queues is in
    /// memory once, so it counts twice its size here.
    static std::size_t shared_bytes() noexcept { return shared_.load(std::memory_order_relaxed); }

private:
    struct block {
        std::atomic<std::uint32_t> owners{1};
        std::uint32_t size;
        std::atomic<std::uint32_t> queues{0};
    };
    static void free_block(block* unused) noexcept;

    static std::atomic<std::size_t> shared_;
    block* block_ = nullptr;
};

}  // namespace bester::exchange
