#include "config/json_scanner.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>
#include <system_error>

namespace bester::config {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

unsigned char byte_at(std::string_view text, std::size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0;
}

/// Length of the well-formed UTF-8 sequence at `i` (RFC 3629: no surrogates, nothing overlong), or 0.
std::size_t utf8_length(std::string_view text, std::size_t i) {
    const unsigned char first = byte_at(text, i);
    const unsigned char second = byte_at(text, i + 1);
    const auto continues = [&](std::size_t at) { return (byte_at(text, at) & 0xc0) == 0x80; };
    if (first < 0x80) {
        return 1;
    }
    if (first >= 0xc2 && first <= 0xdf) {
        return continues(i + 1) ? 2 : 0;
    }
    if (first >= 0xe0 && first <= 0xef) {
        const bool is_sound = (first != 0xe0 || second >= 0xa0) && (first != 0xed || second < 0xa0);
        return is_sound && continues(i + 1) && continues(i + 2) ? 3 : 0;
    }
    if (first >= 0xf0 && first <= 0xf4) {
        const bool is_sound = (first != 0xf0 || second >= 0x90) && (first != 0xf4 || second < 0x90);
        return is_sound && continues(i + 1) && continues(i + 2) && continues(i + 3) ? 4 : 0;
    }
    return 0;
}

void append_utf8(std::string& out, std::uint32_t code) {
    const auto put = [&](std::uint32_t byte) { out += static_cast<char>(byte); };
    if (code < 0x80) {
        put(code);
    } else if (code < 0x800) {
        put(0xc0 | code >> 6);
        put(0x80 | (code & 0x3f));
    } else if (code < 0x10000) {
        put(0xe0 | code >> 12);
        put(0x80 | (code >> 6 & 0x3f));
        put(0x80 | (code & 0x3f));
    } else {
        put(0xf0 | code >> 18);
        put(0x80 | (code >> 12 & 0x3f));
        put(0x80 | (code >> 6 & 0x3f));
        put(0x80 | (code & 0x3f));
    }
}

std::optional<std::uint32_t> four_hex_digits(std::string_view text, std::size_t begin) {
    if (begin + 4 > text.size()) {
        return std::nullopt;
    }
    std::uint32_t code = 0;
    const char* const last = text.data() + begin + 4;
    const auto [end, error] = std::from_chars(text.data() + begin, last, code, 16);
    return error == std::errc{} && end == last && text[begin] != '-' ? std::optional{code} : std::nullopt;
}

/// The escape whose backslash is at `i`; returns the offset behind it, or 0 if it is none.
std::size_t append_escape(std::string_view text, std::size_t i, std::string& out) {
    static constexpr std::string_view letters = "\"\\/bfnrt";
    static constexpr std::string_view meanings = "\"\\/\b\f\n\r\t";
    const char letter = i + 1 < text.size() ? text[i + 1] : '\0';
    if (letter != 'u') {
        const std::size_t which = letter == '\0' ? std::string_view::npos : letters.find(letter);
        if (which == std::string_view::npos) {
            return 0;
        }
        out += meanings[which];
        return i + 2;
    }
    const auto code = four_hex_digits(text, i + 2);
    if (!code || (*code >= 0xdc00 && *code <= 0xdfff)) {
        return 0;
    }
    if (*code < 0xd800 || *code > 0xdbff) {
        append_utf8(out, *code);
        return i + 6;
    }
    const bool has_second = byte_at(text, i + 6) == '\\' && byte_at(text, i + 7) == 'u';
    const auto low = has_second ? four_hex_digits(text, i + 8) : std::nullopt;
    if (!low || *low < 0xdc00 || *low > 0xdfff) {
        return 0;
    }
    append_utf8(out, 0x10000 + ((*code - 0xd800) << 10) + (*low - 0xdc00));
    return i + 12;
}

/// Blanks the comment at `begin`; returns the offset behind it, or npos if it never ends.
std::size_t blank_comment(std::string& text, std::size_t begin) {
    std::size_t end = 0;
    if (text[begin + 1] == '/') {
        end = std::min(text.find_first_of("\r\n", begin), text.size());
    } else {
        end = text.find("*/", begin + 2);
        if (end == std::string::npos) {
            return end;
        }
        end += 2;
    }
    for (std::size_t i = begin; i < end; ++i) {
        if (text[i] != '\n' && text[i] != '\r') {
            text[i] = ' ';
        }
    }
    return end;
}

}  // namespace

scanned blank_comments(std::string& text) {
    if (text.starts_with("\xef\xbb\xbf")) {
        text.replace(0, 3, 3, ' ');
    }
    if (const std::size_t nul = text.find('\0'); nul != std::string::npos) {
        return {nul, "a NUL byte: this is not a text file"};
    }
    bool in_string = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (in_string) {
            if (text[i] == '\\') {
                ++i;
            } else if (text[i] == '"' || text[i] == '\n') {
                in_string = false;  // a line break ends it: that mistake is told when it is parsed
            }
        } else if (text[i] == '"') {
            in_string = true;
        } else if (text[i] == '/' && i + 1 < text.size() && (text[i + 1] == '/' || text[i + 1] == '*')) {
            const std::size_t end = blank_comment(text, i);
            if (end == std::string::npos) {
                return {i, "this comment never ends; close it with */"};
            }
            i = end - 1;
        }
    }
    return {text.size(), ""};
}

scanned scan_string(std::string_view text, std::size_t begin, std::string& out) {
    std::size_t i = begin + 1;
    while (i < text.size() && text[i] != '"') {
        const auto byte = static_cast<unsigned char>(text[i]);
        if (byte == '\n' || byte == '\r') {
            break;
        }
        if (byte < 0x20) {
            return {i, "a control character in a string; write it as an escape, e.g. \\t"};
        }
        if (byte == '\\') {
            const std::size_t end = append_escape(text, i, out);
            if (end == 0) {
                return {i, R"(not an escape; valid: \" \\ \/ \b \f \n \r \t and \uXXXX (surrogates in pairs))"};
            }
            i = end;
            continue;
        }
        const std::size_t length = utf8_length(text, i);
        if (length == 0) {
            return {i, "not UTF-8; save the file as UTF-8"};
        }
        out.append(text, i, length);
        i += length;
    }
    if (i >= text.size() || text[i] != '"') {
        return {begin, "this string is not closed in its line; a quote is missing"};
    }
    return {i + 1, ""};
}

scanned scan_number(std::string_view text, std::size_t begin) {
    std::size_t i = begin;
    const auto skip_digits = [&] {
        const std::size_t first = i;
        while (i < text.size() && is_digit(text[i])) {
            ++i;
        }
        return i - first;
    };
    if (byte_at(text, i) == '-') {
        ++i;
    }
    const bool starts_with_zero = byte_at(text, i) == '0';
    const std::size_t digits = skip_digits();
    if (digits == 0 || (starts_with_zero && digits > 1)) {
        return {begin, digits == 0 ? "a number needs digits" : "a number must not start with 0"};
    }
    if (byte_at(text, i) == '.') {
        ++i;
        if (skip_digits() == 0) {
            return {begin, "a number needs digits behind its point"};
        }
    }
    if (byte_at(text, i) == 'e' || byte_at(text, i) == 'E') {
        ++i;
        if (byte_at(text, i) == '+' || byte_at(text, i) == '-') {
            ++i;
        }
        if (skip_digits() == 0) {
            return {begin, "a number needs digits in its exponent"};
        }
    }
    double ignored = 0;
    if (std::from_chars(text.data() + begin, text.data() + i, ignored).ec != std::errc{}) {
        return {begin, "this number is out of range"};
    }
    return {i, ""};
}

}  // namespace bester::config
