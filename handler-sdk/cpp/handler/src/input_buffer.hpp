#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

#include "wire/json_reader.hpp"

namespace bester::detail {

/// Bytes received from one channel and not yet decoded:
///
///     [ decoded | unread … | free space … | padding for the JSON reader ]
///
/// Grows only for a frame that is larger than it.
class input_buffer {
public:
    input_buffer() { grow(first_capacity); }

    std::string_view unread() const noexcept { return {bytes_.get() + begin_, end_ - begin_}; }
    void consume(std::size_t count) noexcept { begin_ += count; }
    /// Room for at least `wanted` more bytes; moves what is unread to the front if it must. Views
    /// into the buffer die.
    std::span<char> prepare(std::size_t wanted);
    /// `count` bytes were written into the prepared room.
    void commit(std::size_t count) noexcept { end_ += count; }

private:
    static constexpr std::size_t first_capacity = std::size_t{256} << 10;

    void grow(std::size_t capacity);

    std::unique_ptr<char[]> bytes_;
    std::size_t capacity_ = 0;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
};

}  // namespace bester::detail
