#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

namespace bester::peering {

/// A place of bytes in a message_store.
struct stored_bytes {
    std::uint32_t chunk = 0;
    std::uint32_t offset = 0;
    std::uint32_t size = 0;
};

/// The bytes of messages that wait, in chunks that are used again: messages that are stored and freed in about the same
/// order cost no allocation. A chunk is free when the last message in it is given up; a message larger than a chunk has
/// a block of its own.
///
/// `limit` bounds the memory that is held, not just what is stored in it, so that a few old messages
/// cannot keep many chunks. Belongs to one thread.
class message_store {
public:
    static constexpr std::size_t chunk_size = std::size_t{32} << 10;

    explicit message_store(std::size_t limit) noexcept : limit_{limit} {}
    message_store(const message_store&) = delete;
    message_store& operator=(const message_store&) = delete;

    /// Copies the bytes; returns false if the limit does not allow it.
    bool store(std::string_view bytes, stored_bytes& where);
    void give_up(const stored_bytes& where) noexcept;

    std::string_view view(const stored_bytes& where) const noexcept { return {data(where), where.size}; }
    char* data(const stored_bytes& where) const noexcept { return chunks_[where.chunk].memory.get() + where.offset; }

    /// Returns the bytes of the messages.
    std::size_t bytes() const noexcept { return bytes_; }
    /// Returns the memory that is held, including free chunks; at most the limit and one chunk.
    std::size_t bytes_held() const noexcept { return held_; }
    /// Applies from the next message on.
    void set_limit(std::size_t limit) noexcept { limit_ = limit; }
    /// Frees unused chunks.
    void trim() noexcept;

private:
    struct chunk {
        std::unique_ptr<char[]> memory;  ///< null: this place is free
        std::size_t capacity = 0;
        std::size_t used = 0;
        std::size_t messages = 0;
    };

    bool open_chunk(std::size_t size, std::uint32_t& place);
    void close_chunk(std::uint32_t index) noexcept;

    std::size_t limit_;
    std::size_t bytes_ = 0;
    std::size_t held_ = 0;
    std::vector<chunk> chunks_;
    std::vector<std::uint32_t> free_places_;
    std::vector<std::unique_ptr<char[]>> spare_;  ///< free blocks of chunk_size each
    std::uint32_t current_ = 0;                   ///< the chunk that is being filled
    bool has_current_ = false;
};

}  // namespace bester::peering
