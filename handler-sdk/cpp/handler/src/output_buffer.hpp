#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace bester::detail {

/// Bytes that wait to be written to one channel: everything that a turn of the loop produced is
/// formatted behind one another and written by one system call. Keeps its memory, unless a burst
/// made it large.
class output_buffer {
public:
    std::size_t size() const noexcept { return bytes_.size() - begin_; }
    bool empty() const noexcept { return size() == 0; }
    std::string_view view() const noexcept { return {bytes_.data() + begin_, size()}; }

    /// Starts a frame, whose body is everything appended until end_frame.
    void begin_frame();
    /// Writes the length before the body and returns it.
    std::size_t end_frame() noexcept;
    /// Takes back the frame that was started.
    void drop_frame() noexcept { bytes_.resize(frame_); }

    void append(std::string_view text) { bytes_.insert(bytes_.end(), text.begin(), text.end()); }
    void append(char character) { bytes_.push_back(character); }
    void append_number(std::uint64_t number);

    /// The first `count` bytes have been written.
    void consume(std::size_t count) noexcept;
    void clear() noexcept;

private:
    std::vector<char> bytes_;
    std::size_t begin_ = 0;
    std::size_t frame_ = 0;
};

}  // namespace bester::detail
