#include "web/padded_buffer.hpp"

#include <algorithm>
#include <cstring>

#include "wire/json_reader.hpp"

namespace bester::web {

namespace {
constexpr std::size_t smallest = 192;  // with its padding 256 bytes
}

void padded_buffer::reserve(std::size_t size) {
    if (size <= capacity_ && data_) return;
    const std::size_t wanted = std::max({size, 2 * capacity_, smallest});
    std::unique_ptr<char[]> larger{new char[wanted + wire::json_padding]};
    if (size_ != 0) std::memcpy(larger.get(), data_.get(), size_);
    std::memset(larger.get() + wanted, 0, wire::json_padding);
    data_ = std::move(larger);
    capacity_ = wanted;
}

char* padded_buffer::extend(std::size_t size) {
    reserve(size_ + size);
    char* const begin = data_.get() + size_;
    size_ += size;
    return begin;
}

}  // namespace bester::web
