#include "input_buffer.hpp"

#include <algorithm>
#include <cstring>

namespace bester::detail {

std::span<char> input_buffer::prepare(std::size_t wanted) {
    if (begin_ == end_) begin_ = end_ = 0;
    if (capacity_ - end_ < wanted) {
        std::memmove(bytes_.get(), bytes_.get() + begin_, end_ - begin_);
        end_ -= begin_;
        begin_ = 0;
        if (capacity_ - end_ < wanted) grow(std::max(2 * capacity_, end_ + wanted));
    }
    return {bytes_.get() + end_, capacity_ - end_};
}

void input_buffer::grow(std::size_t capacity) {
    auto larger = std::make_unique<char[]>(capacity + wire::json_padding);
    if (end_ > 0) std::memcpy(larger.get(), bytes_.get(), end_);
    bytes_ = std::move(larger);
    capacity_ = capacity;
}

}  // namespace bester::detail
