#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "exchange/payload.hpp"

namespace bester::exchange {

/// Blocks of memory for output queues, recycled within one shard.
class chunk_pool {
public:
    static constexpr std::size_t chunk_size = std::size_t{16} << 10;

    chunk_pool() { free_.reserve(most_kept); }
    chunk_pool(const chunk_pool&) = delete;
    chunk_pool& operator=(const chunk_pool&) = delete;

    std::unique_ptr<char[]> take();
    void give_back(std::unique_ptr<char[]> chunk) noexcept;

    /// Bytes that are handed out, chunks and what was too large for one.
    std::size_t bytes_in_use() const noexcept { return in_use_; }
    void account(std::ptrdiff_t bytes) noexcept { in_use_ += static_cast<std::size_t>(bytes); }

private:
    static constexpr std::size_t most_kept = 256;
    std::vector<std::unique_ptr<char[]>> free_;
    std::size_t in_use_ = 0;
};

enum class flush_result : std::uint8_t {
    done,     ///< nothing is left
    blocked,  ///< the socket takes no more for now; wait for writability
    failed,   ///< the connection is gone
};

/// What waits to be written to one stream, in order: bytes written for this stream alone, gathered
/// in chunks, and shared payloads by reference. Belongs to one shard.
///
///   pieces:   [ chunk: frame frame frame ][ payload ][ chunk: frame ]
///                      ^ sent_ bytes of the first piece are gone
class outbox {
public:
    explicit outbox(chunk_pool& pool) noexcept : pool_{&pool} {}
    ~outbox() { clear(); }
    outbox(const outbox&) = delete;
    outbox& operator=(const outbox&) = delete;

    /// Contiguous room for `size` bytes, until commit. At most one reservation at a time.
    char* reserve(std::size_t size);
    /// Takes what was written into the room, one frame.
    void commit(std::size_t size) noexcept;
    /// Queues a shared frame.
    void append(payload shared);
    /// Copies a frame.
    void append(std::string_view frame);

    /// Writes as much as the socket takes, up to 64 pieces in a system call.
    flush_result flush(int fd) noexcept;
    /// Gives up to `size` bytes to `sink(std::string_view)` instead, as if they had been written; false
    /// if it refused some.
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
    /// Bytes of memory that it holds: chunks, and the shared payloads, which from now on (until it is empty) know that
    /// they wait here.
    std::size_t hold_memory() noexcept;

    bool empty() const noexcept { return bytes_ == 0; }
    std::size_t bytes() const noexcept { return bytes_; }
    /// Frames that wait; those of one chunk count until all of it is written.
    std::size_t frames() const noexcept { return frames_; }
    /// Bytes written since the beginning: the stream's position.
    std::uint64_t written() const noexcept { return written_; }

    /// Copies `size` bytes that begin at position `at` of the stream and have not been written.
    bool copy_unwritten(std::uint64_t at, std::size_t size, char* out) const noexcept;

private:
    struct piece {
        std::unique_ptr<char[]> chunk;  ///< or
        payload shared;
        const char* data = nullptr;
        std::uint32_t size = 0;
        std::uint32_t capacity = 0;  ///< of the chunk
        std::uint32_t frames = 0;
        bool is_held = false;  ///< `shared` knows that it waits here
    };

    void pop_front() noexcept;
    void advance(std::size_t written) noexcept;

    chunk_pool* pool_;
    std::vector<piece> pieces_;
    std::size_t first_ = 0;  ///< pieces before it are gone
    std::size_t sent_ = 0;   ///< of the first piece
    std::size_t bytes_ = 0;
    std::size_t frames_ = 0;
    std::size_t memory_ = 0;        ///< chunks, and payloads that are held
    std::size_t first_unheld_ = 0;  ///< pieces from here on are not held yet
    std::uint64_t written_ = 0;
};

}  // namespace bester::exchange
