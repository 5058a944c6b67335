#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <type_traits>

namespace bester::wire {

/// Converts a number of this machine to little-endian, or back.
template <class Number>
constexpr Number in_order(Number value) noexcept {
    static_assert(std::is_unsigned_v<Number>);
    if constexpr (std::endian::native == std::endian::little) return value;
    Number reversed = 0;
    for (std::size_t i = 0; i < sizeof(Number); ++i)
        reversed = static_cast<Number>(reversed << 8 | (value >> (8 * i) & 0xff));
    return reversed;
}

/// Reads little-endian numbers and strings from the front of some bytes. After the first missing one all results are 0
/// or empty and has_failed() is true, so one check at the end is enough.
class byte_reader {
public:
    explicit byte_reader(std::string_view bytes) noexcept : rest_{bytes} {}

    template <class Number>
    Number number() noexcept {
        if (rest_.size() < sizeof(Number)) return fail(), Number{};
        Number value = 0;
        std::memcpy(&value, rest_.data(), sizeof(Number));
        rest_.remove_prefix(sizeof(Number));
        return in_order(value);
    }
    /// Reads a string after its length, a number of type Size.
    template <class Size>
    std::string_view string() noexcept {
        const std::size_t size = number<Size>();
        if (rest_.size() < size) return fail(), std::string_view{};
        const std::string_view value = rest_.substr(0, size);
        rest_.remove_prefix(size);
        return value;
    }
    std::string_view all() noexcept {
        const std::string_view value = rest_;
        rest_ = {};
        return value;
    }

    std::string_view rest() const noexcept { return rest_; }
    bool at_end() const noexcept { return rest_.empty(); }
    bool has_failed() const noexcept { return has_failed_; }

private:
    void fail() noexcept {
        has_failed_ = true;
        rest_ = {};
    }

    std::string_view rest_;
    bool has_failed_ = false;
};

/// Writes the same; the caller provides the room.
class byte_writer {
public:
    explicit byte_writer(char* out) noexcept : out_{out} {}

    template <class Number>
    void number(Number value) noexcept {
        value = in_order(value);
        std::memcpy(out_, &value, sizeof(Number));
        out_ += sizeof(Number);
    }
    void bytes(std::string_view value) noexcept {
        if (!value.empty()) std::memcpy(out_, value.data(), value.size());
        out_ += value.size();
    }
    template <class Size>
    void string(std::string_view value) noexcept {
        number(static_cast<Size>(value.size()));
        bytes(value);
    }
    char* end() const noexcept { return out_; }

private:
    char* out_;
};

}  // namespace bester::wire
