#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace bester::wire::test {

/// The second opinion on JSON: nlohmann's parser, with its three known differences from RFC 8259
/// and from json_reader evened out, and a limit on nesting as json_reader has one.
///  - It refuses numbers beyond a double's range; the RFC sets no range, and the broker passes
///    numbers on as they stand. So digit runs outside strings are cut to two digits first, which
///    makes no valid text invalid, nor the other way round.
///  - It takes a NUL for the end of the text; NUL stands nowhere in JSON.
///  - It skips a byte order mark; json_reader refuses it, as senders must not write one.
inline std::string tame_numbers(std::string_view text) {
    constexpr std::size_t kept_digits = 2;
    std::string tamed;
    bool is_in_string = false;
    std::size_t digits = 0;
    for (std::size_t at = 0; at < text.size(); ++at) {
        const char c = text[at];
        const bool is_digit = !is_in_string && c >= '0' && c <= '9';
        digits = is_digit ? digits + 1 : 0;
        if (digits > kept_digits) continue;
        tamed += c;
        if (c == '"') is_in_string = !is_in_string;
        if (c == '\\' && is_in_string && at + 1 < text.size()) tamed += text[++at];
    }
    return tamed;
}

/// Walks a text and stops where it is nested deeper than `max_depth`.
class depth_checker : public nlohmann::json::json_sax_t {
public:
    explicit depth_checker(std::size_t max_depth) : max_depth_{max_depth} {}

    bool null() override { return true; }
    bool boolean(bool) override { return true; }
    bool number_integer(number_integer_t) override { return true; }
    bool number_unsigned(number_unsigned_t) override { return true; }
    bool number_float(number_float_t, const string_t&) override { return true; }
    bool string(string_t&) override { return true; }
    bool binary(binary_t&) override { return true; }
    bool key(string_t&) override { return true; }
    bool start_object(std::size_t) override { return ++depth_ <= max_depth_; }
    bool end_object() override { return --depth_, true; }
    bool start_array(std::size_t) override { return ++depth_ <= max_depth_; }
    bool end_array() override { return --depth_, true; }
    bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override { return false; }

private:
    std::size_t max_depth_;
    std::size_t depth_ = 0;
};

inline bool reference_accepts(std::string_view text, std::size_t max_depth = 64) {
    if (text.find('\0') != std::string_view::npos || text.substr(0, 3) == "\xef\xbb\xbf") return false;
    depth_checker checker{max_depth};
    return nlohmann::json::sax_parse(tame_numbers(text), &checker);
}

}  // namespace bester::wire::test
