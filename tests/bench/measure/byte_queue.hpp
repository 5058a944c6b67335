#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <string_view>
#include <vector>

namespace bester::bench {

/// A growing run of bytes that is filled at the back and taken from the front. Keeps its memory,
/// so the steady state allocates nothing. Views into it die with the next append.
class byte_queue {
public:
    bool empty() const noexcept { return begin_ == end_; }
    std::size_t size() const noexcept { return end_ - begin_; }
    std::string_view view() const noexcept { return {bytes_.data() + begin_, end_ - begin_}; }

    /// Room for `size` bytes at the back, which count as appended.
    char* grow(std::size_t size) {
        if (bytes_.size() - end_ < size) make_room(size);
        char* place = bytes_.data() + end_;
        end_ += size;
        return place;
    }
    void append(std::string_view bytes) {
        if (!bytes.empty()) std::memcpy(grow(bytes.size()), bytes.data(), bytes.size());
    }
    void consume(std::size_t size) noexcept {
        begin_ += size;
        if (begin_ == end_) begin_ = end_ = 0;
    }

private:
    void make_room(std::size_t size) {
        if (begin_ > 0) {
            std::memmove(bytes_.data(), bytes_.data() + begin_, end_ - begin_);
            end_ -= begin_;
            begin_ = 0;
        }
        if (bytes_.size() - end_ < size) bytes_.resize(std::max(bytes_.size() * 2, end_ + size));
    }

    std::vector<char> bytes_;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
};

}  // namespace bester::bench
