#include "wire/base64.hpp"

#include <array>
#include <cstdint>

namespace bester::wire {

namespace {

constexpr std::string_view standard_digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view url_digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::uint32_t no_digit = 1U << 24;  // larger than any four digits

/// The value of each byte as a digit.
using worth_table = std::array<std::uint32_t, 256>;

constexpr worth_table worth_of(std::string_view digits) {
    worth_table table{};
    table.fill(no_digit);
    for (std::uint32_t i = 0; i < digits.size(); ++i) table[static_cast<unsigned char>(digits[i])] = i;
    return table;
}

constexpr worth_table standard_worth = worth_of(standard_digits);
constexpr worth_table url_worth = worth_of(url_digits);

std::uint32_t octet_at(std::string_view bytes, std::size_t at) noexcept {
    return at < bytes.size() ? static_cast<unsigned char>(bytes[at]) : 0;
}

/// Returns four digits as 24 bits; no_digit or more if one of them is invalid.
std::uint32_t group_of(const worth_table& worth, const char* at) noexcept {
    const auto digit = [&](int i) { return worth[static_cast<unsigned char>(at[i])]; };
    const std::uint32_t none = (digit(0) | digit(1) | digit(2) | digit(3)) & no_digit;
    return none | (digit(0) << 18 | digit(1) << 12 | digit(2) << 6 | digit(3));
}

/// Decodes `digits`, a text without padding; returns false, with `bytes` empty, if it is invalid.
bool decode_digits(const worth_table& worth, std::string_view digits, std::string& bytes) {
    bytes.clear();
    const std::size_t last_digits = digits.size() % 4;
    if (last_digits == 1) return false;
    bytes.resize((digits.size() + 3) / 4 * 3);
    char* to = bytes.data();
    const auto put = [&](std::uint32_t group) {
        *to++ = static_cast<char>(group >> 16);
        *to++ = static_cast<char>(group >> 8);
        *to++ = static_cast<char>(group);
    };
    const char* const end = digits.data() + (digits.size() - last_digits);
    std::uint32_t wrong = 0;
    for (const char* at = digits.data(); at != end; at += 4) {
        const std::uint32_t group = group_of(worth, at);
        wrong |= group & no_digit;
        put(group);
    }
    if (last_digits != 0) {
        const std::array<char, 4> filled{end[0], end[1], last_digits == 3 ? end[2] : 'A', 'A'};
        const std::uint32_t group = group_of(worth, filled.data());
        // Unused bits must be zero, so that bytes have one encoding only.
        wrong |= group & (no_digit | (last_digits == 2 ? 0xffff : 0xff));
        put(group);
        bytes.resize(bytes.size() - (4 - last_digits));
    }
    if (wrong != 0) bytes.clear();
    return wrong == 0;
}

}  // namespace

// Tables are several times as fast as constant-time code such as libsodium's.
void append_base64(std::string& out, std::string_view bytes) {
    const std::size_t begin = out.size();
    out.resize(begin + base64_size(bytes.size()), '=');
    char* to = out.data() + begin;
    for (std::size_t at = 0; at < bytes.size(); at += 3) {
        const std::uint32_t group = octet_at(bytes, at) << 16 | octet_at(bytes, at + 1) << 8 | octet_at(bytes, at + 2);
        const std::size_t left = bytes.size() - at;
        *to++ = standard_digits[group >> 18];
        *to++ = standard_digits[group >> 12 & 63];
        if (left > 1) *to++ = standard_digits[group >> 6 & 63];
        if (left > 2) *to++ = standard_digits[group & 63];
    }
}

bool decode_base64(std::string_view text, std::string& bytes) {
    const std::size_t padding = !text.ends_with('=') ? 0 : text.ends_with("==") ? 2 : 1;
    bytes.clear();
    return text.size() % 4 == 0 && decode_digits(standard_worth, text.substr(0, text.size() - padding), bytes);
}

std::optional<std::string> decode_base64url(std::string_view text) {
    std::string bytes;
    return decode_digits(url_worth, text, bytes) ? std::optional{std::move(bytes)} : std::nullopt;
}

}  // namespace bester::wire
