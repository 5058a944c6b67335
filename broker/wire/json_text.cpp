#include "wire/json_text.hpp"

#include <cstddef>
#include <cstdint>

namespace bester::wire {

namespace {

constexpr int hex_digit(char c) noexcept {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

/// The code unit of the four hex digits at `at`, or -1.
int code_unit(std::string_view text, std::size_t at) noexcept {
    if (at + 4 > text.size()) return -1;
    int unit = 0;
    for (std::size_t i = at; i < at + 4; ++i) {
        const int digit = hex_digit(text[i]);
        if (digit < 0) return -1;
        unit = unit * 16 + digit;
    }
    return unit;
}

constexpr bool is_high_surrogate(int unit) noexcept { return unit >= 0xd800 && unit < 0xdc00; }
constexpr bool is_low_surrogate(int unit) noexcept { return unit >= 0xdc00 && unit < 0xe000; }

/// Is it ASCII that stands for itself within a JSON string?
constexpr bool is_plain(char c) noexcept { return static_cast<signed char>(c) >= 0x20 && c != '"' && c != '\\'; }

void append_utf8(std::string& out, std::uint32_t point) {
    if (point < 0x80) {
        out += static_cast<char>(point);
    } else if (point < 0x800) {
        out += static_cast<char>(0xc0 | point >> 6);
        out += static_cast<char>(0x80 | (point & 0x3f));
    } else if (point < 0x10000) {
        out += static_cast<char>(0xe0 | point >> 12);
        out += static_cast<char>(0x80 | (point >> 6 & 0x3f));
        out += static_cast<char>(0x80 | (point & 0x3f));
    } else {
        out += static_cast<char>(0xf0 | point >> 18);
        out += static_cast<char>(0x80 | (point >> 12 & 0x3f));
        out += static_cast<char>(0x80 | (point >> 6 & 0x3f));
        out += static_cast<char>(0x80 | (point & 0x3f));
    }
}

/// Length of the well-formed UTF-8 sequence (RFC 3629) at the start of `text`, 0 if there is none.
std::size_t utf8_length(std::string_view text) noexcept {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const auto follows = [&](std::size_t i, unsigned low = 0x80, unsigned high = 0xbf) {
        return i < text.size() && byte(i) >= low && byte(i) <= high;
    };
    const unsigned first = byte(0);
    if (first < 0x80) return 1;
    if (first >= 0xc2 && first <= 0xdf) return follows(1) ? 2 : 0;
    if (first >= 0xe0 && first <= 0xef) {
        const unsigned low = first == 0xe0 ? 0xa0 : 0x80;
        const unsigned high = first == 0xed ? 0x9f : 0xbf;
        return follows(1, low, high) && follows(2) ? 3 : 0;
    }
    if (first >= 0xf0 && first <= 0xf4) {
        const unsigned low = first == 0xf0 ? 0x90 : 0x80;
        const unsigned high = first == 0xf4 ? 0x8f : 0xbf;
        return follows(1, low, high) && follows(2) && follows(3) ? 4 : 0;
    }
    return 0;
}

std::size_t skip_digits(std::string_view text, std::size_t at) noexcept {
    while (at < text.size() && text[at] >= '0' && text[at] <= '9') ++at;
    return at;
}

}  // namespace

bool is_escaped_text(std::string_view text) noexcept {
    for (std::size_t at = text.find('\\'); at != std::string_view::npos; at = text.find('\\', at)) {
        if (at + 1 >= text.size()) return false;
        const char c = text[at + 1];
        if (c != 'u') {
            if (std::string_view{"\"\\/bfnrt"}.find(c) == std::string_view::npos) return false;
            at += 2;
            continue;
        }
        const int unit = code_unit(text, at + 2);
        if (unit < 0 || is_low_surrogate(unit)) return false;
        at += 6;
        if (is_high_surrogate(unit)) {
            if (text.substr(at, 2) != "\\u" || !is_low_surrogate(code_unit(text, at + 2))) return false;
            at += 6;
        }
    }
    return true;
}

void append_unescaped(std::string& out, std::string_view text) {
    std::size_t at = 0;
    while (at < text.size()) {
        const std::size_t backslash = text.find('\\', at);
        if (backslash == std::string_view::npos) {
            out.append(text.substr(at));
            return;
        }
        out.append(text.substr(at, backslash - at));
        at = backslash + 2;
        switch (const char c = text[backslash + 1]) {
            case 'b': out += '\b'; break;
            case 'f': out += '\f'; break;
            case 'n': out += '\n'; break;
            case 'r': out += '\r'; break;
            case 't': out += '\t'; break;
            case 'u': {
                auto point = static_cast<std::uint32_t>(code_unit(text, at));
                at += 4;
                if (is_high_surrogate(static_cast<int>(point))) {
                    const auto low = static_cast<std::uint32_t>(code_unit(text, at + 2));
                    point = 0x10000 + ((point - 0xd800) << 10) + (low - 0xdc00);
                    at += 6;
                }
                append_utf8(out, point);
                break;
            }
            default: out += c;
        }
    }
}

void append_quoted(std::string& out, std::string_view text) {
    constexpr char digits[] = "0123456789abcdef";
    out += '"';
    for (std::size_t at = 0; at < text.size();) {
        std::size_t plain = at;
        while (plain < text.size() && is_plain(text[plain])) ++plain;
        out.append(text.substr(at, plain - at));
        at = plain;
        if (at == text.size()) break;
        const char c = text[at];
        const std::size_t length = utf8_length(text.substr(at));
        if (length == 0) {
            append_utf8(out, 0xfffd);
            ++at;
        } else if (length > 1) {
            out.append(text.substr(at, length));
            at += length;
        } else {
            out += '\\';
            if (c == '"' || c == '\\') {
                out += c;
            } else {
                out += "u00";
                out += digits[c >> 4 & 0xf];
                out += digits[c & 0xf];
            }
            ++at;
        }
    }
    out += '"';
}

bool is_number_text(std::string_view text) noexcept {
    std::size_t at = 0;
    const auto is_at = [&](char c) { return at < text.size() && text[at] == c; };
    if (is_at('-')) ++at;
    if (is_at('0')) {
        ++at;
    } else {
        const std::size_t end = skip_digits(text, at);
        if (end == at) return false;
        at = end;
    }
    if (is_at('.')) {
        const std::size_t end = skip_digits(text, ++at);
        if (end == at) return false;
        at = end;
    }
    if (is_at('e') || is_at('E')) {
        ++at;
        if (is_at('+') || is_at('-')) ++at;
        const std::size_t end = skip_digits(text, at);
        if (end == at) return false;
        at = end;
    }
    return at == text.size();
}

}  // namespace bester::wire
