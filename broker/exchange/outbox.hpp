#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "exchange/payload.hpp"

namespace bester::exchange {

/// Blocks of memory for output queues, recycled within one shard. There are two sizes: when no large one is spare, a
/// queue begins with a small one, since in one turn thousands of clients may get one short frame each.
class chunk_pool {
public:
    static constexpr std::size_t small_size = std::size_t{2} << 10;
    static constexpr std::size_t chunk_size = std::size_t{16} << 10;

    chunk_pool() {
        free_small_.reserve(most_kept_small);
        free_.reserve(most_kept);
    }
    chunk_pool(const chunk_pool&) = delete;
    chunk_pool& operator=(const chunk_pool&) = delete;

    /// `capacity`: small_size or chunk_size.
    std::unique_ptr<char[]> take(std::size_t capacity);
    void give_back(std::unique_ptr<char[]> chunk, std::size_t capacity) noexcept;

    /// Frees the chunks that are not in use.
    void give_up_spare() noexcept {
        free_small_.clear();
        free_.clear();
    }

    /// Returns whether a chunk of chunk_size is there to be used again.
    bool has_spare() const noexcept { return !free_.empty(); }
    /// Returns the bytes in use: chunks, and frames that were too large for one.
    std::size_t bytes_in_use() const noexcept { return in_use_; }
    void account(std::ptrdiff_t bytes) noexcept { in_use_ += static_cast<std::size_t>(bytes); }

private:
    using chunks = std::vector<std::unique_ptr<char[]>>;
    static constexpr std::size_t most_kept_small = 2'048;
    static constexpr std::size_t most_kept = 256;

    chunks& free_of(std::size_t capacity) noexcept { return capacity == small_size ? free_small_ : free_; }

    chunks free_small_;
    chunks free_;
    std::size_t in_use_ = 0;
};

enum class flush_result : std::uint8_t {
    done,     ///< nothing is left
    more,     ///< as much as was wanted has been written, and something is left
    blocked,  ///< the socket has no room for now; wait for writability
    failed,   ///< the connection is gone
};

/// The queue of bytes that are to be written to one stream: frames that are for this stream alone, gathered in chunks,
/// and references to shared payloads. Belongs to one shard.
///
///   pieces:   [ chunk: frame frame frame ][ payload ][ chunk: frame ]
///                      ^ sent_ bytes of the first piece are gone
class outbox {
public:
    explicit outbox(chunk_pool& pool) noexcept : pool_{&pool} {}
    ~outbox() { clear(); }
    outbox(const outbox&) = delete;
    outbox& operator=(const outbox&) = delete;

    /// Returns contiguous room for `size` bytes, until commit(). One reservation at a time.
    char* reserve(std::size_t size);
    /// Queues the first `size` bytes of the room as one frame.
    void commit(std::size_t size) noexcept;
    /// Queues a shared frame.
    void append(payload shared);
    /// Copies a frame.
    void append(std::string_view frame);

    static constexpr std::size_t everything = ~std::size_t{0};
    /// Writes as much as the socket takes, but at most `most` bytes, up to 64 pieces in a system call.
    flush_result flush(int fd, std::size_t most = everything) noexcept;
    /// Gives at most `size` bytes to `sink(std::string_view)` as if they had been written; returns false if the sink
    /// refused some.
    template <class Sink>
    bool move_to(std::size_t size, Sink&& sink) {
        while (bytes_ > 0 && size > 0) {
            const piece& front = pieces_[first_];
            const std::size_t part = front.size - sent_ < size ? front.size - sent_ : size;
            if (!sink(std::string_view{front.data + sent_, part})) return false;
            size -= part;
            advance(part);
        }
        return true;
    }
    void clear() noexcept;
    /// Returns the bytes of memory that it holds, in chunks and shared payloads, and counts it as a queue of those
    /// payloads until they are written.
    std::size_t hold_memory() noexcept;

    bool empty() const noexcept { return bytes_ == 0; }
    std::size_t bytes() const noexcept { return bytes_; }
    /// Returns how many frames wait. The frames of one chunk count until the whole chunk is written.
    std::size_t frames() const noexcept { return frames_; }
    /// Returns how many bytes have been written since the beginning: the stream's position.
    std::uint64_t written() const noexcept { return written_; }

    /// Copies `size` bytes that begin at position `at` of the stream; returns false if some have been written.
    bool copy_unwritten(std::uint64_t at, std::size_t size, char* out) const noexcept;

private:
    struct piece {
        std::unique_ptr<char[]> chunk;  ///< null: the bytes are those of `shared`
        payload shared;
        const char* data = nullptr;
        std::uint32_t size = 0;
        std::uint32_t capacity = 0;  ///< of the chunk
        std::uint32_t frames = 0;
        bool is_held = false;  ///< `shared` counts this queue
    };

    void pop_front() noexcept;
    void advance(std::size_t written) noexcept;

    chunk_pool* pool_;
    std::vector<piece> pieces_;
    std::size_t first_ = 0;  ///< index of the first piece that is not written to its end
    std::size_t sent_ = 0;   ///< bytes of that piece that are written
    std::size_t bytes_ = 0;
    std::size_t frames_ = 0;
    std::size_t memory_ = 0;        ///< bytes of chunks, and of payloads that count this queue
    std::size_t first_unheld_ = 0;  ///< index of the first piece whose payload does not count it yet
    std::uint64_t written_ = 0;
};

}  // namespace bester::exchange
