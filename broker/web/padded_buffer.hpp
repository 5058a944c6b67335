#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

namespace bester::web {

/// Bytes that grow, with wire::json_padding readable bytes after them: what simdjson asks for. Unlike a
/// string it does not clear what it reserves. Grows to twice what it was, so that taking many small
/// pieces costs little and a peer that announces much and sends little gets little.
class padded_buffer {
public:
    /// Room for `size` bytes in all, and the padding even for none; what was there stays. Views into it
    /// are void when it grew.
    void reserve(std::size_t size);
    /// Appends `size` bytes that the caller writes at what is returned.
    char* extend(std::size_t size);
    void set_size(std::size_t size) noexcept { size_ = size; }
    void clear() noexcept { size_ = 0; }

    char* data() noexcept { return data_.get(); }
    std::size_t size() const noexcept { return size_; }
    std::size_t capacity() const noexcept { return capacity_; }
    std::string_view view() const noexcept { return {data_.get(), size_}; }

private:
    std::unique_ptr<char[]> data_;
    std::size_t size_ = 0;
    std::size_t capacity_ = 0;  ///< without the padding
};

}  // namespace bester::web
