#include "wire/excerpt.hpp"

#include <algorithm>

namespace bester::wire {

namespace {

constexpr std::size_t shown_before = 16;
constexpr std::size_t most_shown = 48;

unsigned byte_at(std::string_view text, std::size_t at) noexcept {
    return at < text.size() ? static_cast<unsigned char>(text[at]) : 0;
}

/// How long the character at `at` is; 0 if it is none.
std::size_t character_size(std::string_view text, std::size_t at) noexcept {
    const unsigned first = byte_at(text, at);
    if (first < 0x80) return 1;
    const std::size_t size = first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
    for (std::size_t i = 1; i < size; ++i)
        if ((byte_at(text, at + i) & 0xc0) != 0x80) return 0;
    const unsigned second = byte_at(text, at + 1);
    const bool is_overlong = (first == 0xe0 && second < 0xa0) || (first == 0xf0 && second < 0x90);
    const bool is_surrogate = first == 0xed && second >= 0xa0;
    const bool is_too_large = first == 0xf4 && second >= 0x90;
    return is_overlong || is_surrogate || is_too_large ? 0 : size;
}

}  // namespace

std::size_t first_invalid_utf8(std::string_view text) noexcept {
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t size = character_size(text, at);
        if (size == 0) return at;
        at += size;
    }
    return std::string_view::npos;
}

std::string excerpt(std::string_view bytes, std::size_t at) {
    static constexpr char digits[] = "0123456789abcdef";
    const std::size_t begin = std::min(at, bytes.size()) - std::min({at, bytes.size(), shown_before});
    const std::string_view shown = bytes.substr(begin, most_shown);
    std::string text = begin > 0 ? "…" : "";
    for (const char c : shown) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte >= 0x20 && byte < 0x7f) text += c;
        else text.append("\\x").append({digits[byte >> 4], digits[byte & 15]});
    }
    return begin + shown.size() < bytes.size() ? text + "…" : text;
}

}  // namespace bester::wire
