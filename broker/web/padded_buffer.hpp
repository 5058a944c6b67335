#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

namespace bester::web {

/// A growing buffer with wire::json_padding readable bytes after its content, as simdjson requires. Unlike a string it
/// does not clear reserved memory. It doubles when it grows, so that many small pieces cost little, and a peer that
/// announces much but sends little gets little.
class padded_buffer {
public:
    /// Makes room for `size` bytes in all, and always for the padding; keeps the content. Views are invalid after it
    /// has grown.
    void reserve(std::size_t size);
    /// Appends `size` bytes; returns where the caller writes them.
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
