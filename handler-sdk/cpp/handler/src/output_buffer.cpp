#include "output_buffer.hpp"

#include <charconv>

#include "wire/frame.hpp"

namespace bester::detail {

namespace {
constexpr std::size_t largest_kept_buffer = std::size_t{1} << 20;
}

void output_buffer::begin_frame() {
    frame_ = bytes_.size();
    bytes_.resize(frame_ + wire::frame_header_size);
}

std::size_t output_buffer::end_frame() noexcept {
    const std::size_t length = bytes_.size() - frame_ - wire::frame_header_size;
    wire::write_frame_length(bytes_.data() + frame_, length);
    return length;
}

void output_buffer::append_number(std::uint64_t number) {
    char digits[20];
    const auto end = std::to_chars(digits, digits + sizeof digits, number).ptr;
    append(std::string_view{digits, static_cast<std::size_t>(end - digits)});
}

void output_buffer::consume(std::size_t count) noexcept {
    begin_ += count;
    if (begin_ == bytes_.size()) {
        clear();
    } else if (begin_ > largest_kept_buffer) {
        bytes_.erase(bytes_.begin(), bytes_.begin() + static_cast<std::ptrdiff_t>(begin_));
        begin_ = 0;
    }
}

void output_buffer::clear() noexcept {
    begin_ = 0;
    if (bytes_.capacity() > largest_kept_buffer) bytes_ = {};
    bytes_.clear();
}

}  // namespace bester::detail
