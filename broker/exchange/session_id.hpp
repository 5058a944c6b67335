#pragma once

#include <charconv>
#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>

namespace bester::exchange {

/// Names a session everywhere: the shard that owns it, its place in that shard's table, and a generation, which is
/// random: it distinguishes the session from earlier ones at the same place, also from before a restart, and ids cannot
/// be guessed from other ids. 0 names no session.
class session_id {
public:
    static constexpr unsigned most_shards = 1u << 8;
    static constexpr std::uint32_t most_slots = 1u << 24;
    static constexpr std::size_t text_size = 16;

    constexpr session_id() noexcept = default;
    constexpr session_id(unsigned shard, std::uint32_t slot, std::uint32_t generation) noexcept
        : value_{std::uint64_t{generation} << 32 | std::uint64_t{shard & (most_shards - 1)} << 24 |
                 (slot & (most_slots - 1))} {}

    constexpr unsigned shard() const noexcept { return static_cast<unsigned>(value_ >> 24 & (most_shards - 1)); }
    constexpr std::uint32_t slot() const noexcept { return static_cast<std::uint32_t>(value_ & (most_slots - 1)); }
    constexpr std::uint32_t generation() const noexcept { return static_cast<std::uint32_t>(value_ >> 32); }
    constexpr std::uint64_t value() const noexcept { return value_; }
    constexpr explicit operator bool() const noexcept { return value_ != 0; }
    constexpr auto operator<=>(const session_id&) const noexcept = default;

    /// Returns the id as the protocols show it: 16 hexadecimal digits.
    struct text_form {
        char digits[text_size];
        operator std::string_view() const noexcept { return {digits, text_size}; }
    };
    constexpr text_form text() const noexcept {
        text_form form{};
        for (std::size_t i = 0; i < text_size; ++i) form.digits[i] = "0123456789abcdef"[value_ >> (60 - 4 * i) & 0xf];
        return form;
    }
    /// Reads an id that text() wrote.
    static std::optional<session_id> parse(std::string_view text) noexcept {
        session_id id;
        if (text.size() != text_size) return {};
        const auto end = std::from_chars(text.data(), text.data() + text.size(), id.value_, 16);
        if (end.ec != std::errc{} || end.ptr != text.data() + text.size()) return {};
        return id;
    }

private:
    std::uint64_t value_ = 0;
};

}  // namespace bester::exchange

template <>
struct std::hash<bester::exchange::session_id> {
    std::size_t operator()(bester::exchange::session_id id) const noexcept {
        return static_cast<std::size_t>((id.value() ^ id.value() >> 29) * 0x9e3779b97f4a7c15ULL);
    }
};
