#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <span>
#include <string_view>

namespace bester::wire {

/// A user that was not reached, and the reason.
struct unreached_user {
    std::string_view user;
    std::string_view code;

    bool operator==(const unreached_user&) const = default;
};

// Removes one entry from the front of checked bytes: a string is one byte of length and that many bytes.
inline void read_entry(std::string_view& entry, std::string_view& bytes) noexcept {
    const auto size = static_cast<std::size_t>(static_cast<unsigned char>(bytes.front()));
    entry = bytes.substr(1, size);
    bytes.remove_prefix(1 + size);
}
inline void read_entry(unreached_user& entry, std::string_view& bytes) noexcept {
    read_entry(entry.user, bytes);
    read_entry(entry.code, bytes);
}

/// The entries of a link message (wire/link_message.hpp): a view of a span when a message is made, or of the frame's
/// bytes when it was read. Does not allocate; valid as long as those. Only the decoder, which has checked them, makes
/// it from bytes.
template <class Entry>
class entry_list {
public:
    entry_list() = default;
    explicit entry_list(std::span<const Entry> given) noexcept : given_{given.data()}, count_{given.size()} {}
    entry_list(std::string_view encoded, std::size_t count) noexcept : encoded_{encoded}, count_{count} {}

    class iterator {
    public:
        using value_type = Entry;
        using difference_type = std::ptrdiff_t;
        using reference = const Entry&;
        using pointer = const Entry*;
        using iterator_category = std::input_iterator_tag;

        iterator() = default;
        iterator(const Entry* given, std::string_view encoded, std::size_t left) noexcept
            : given_{given}, encoded_{encoded}, left_{left} {
            read();
        }

        reference operator*() const noexcept { return entry_; }
        pointer operator->() const noexcept { return &entry_; }
        iterator& operator++() noexcept {
            --left_;
            read();
            return *this;
        }
        iterator operator++(int) noexcept {
            iterator before = *this;
            ++*this;
            return before;
        }
        bool operator==(const iterator& other) const noexcept { return left_ == other.left_; }

    private:
        void read() noexcept {
            if (left_ == 0) return;
            if (given_) entry_ = *given_++;
            else read_entry(entry_, encoded_);
        }

        const Entry* given_ = nullptr;
        std::string_view encoded_;
        std::size_t left_ = 0;
        Entry entry_{};
    };

    iterator begin() const noexcept { return {given_, encoded_, count_}; }
    iterator end() const noexcept { return {given_, encoded_, 0}; }
    std::size_t size() const noexcept { return count_; }
    bool empty() const noexcept { return count_ == 0; }

private:
    const Entry* given_ = nullptr;
    std::string_view encoded_;
    std::size_t count_ = 0;
};

}  // namespace bester::wire
