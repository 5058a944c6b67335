#include "web/http_target.hpp"

#include <algorithm>
#include <cctype>

#include "web/utf8.hpp"

namespace bester::web {

namespace {

int hex_value(char c) noexcept {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

bool percent_decode(std::string_view text, std::string& out) {
    out.clear();
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            out += text[i];
            continue;
        }
        if (i + 2 >= text.size()) return false;
        const int high = hex_value(text[i + 1]);
        const int low = hex_value(text[i + 2]);
        if (high < 0 || low < 0) return false;
        out += static_cast<char>(high * 16 + low);
        i += 2;
    }
    return true;
}

bool is_forbidden(char c) noexcept {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7f || c == '\\';
}

bool climbs(std::string_view path) noexcept {
    for (std::size_t begin = 0; begin <= path.size();) {
        const std::size_t end = std::min(path.find('/', begin), path.size());
        if (path.substr(begin, end - begin) == "..") return true;
        begin = end + 1;
    }
    return false;
}

}  // namespace

bool split_target(std::string_view target, std::string& path, std::string& query) {
    const auto is_visible = [](char c) { return c > 0x20 && c < 0x7f; };
    if (!target.starts_with('/') || !std::ranges::all_of(target, is_visible)) return false;
    if (target.find('#') != std::string_view::npos) return false;
    const std::size_t mark = std::min(target.find('?'), target.size());
    if (!percent_decode(target.substr(0, mark), path)) return false;
    query = target.substr(std::min(mark + 1, target.size()));
    return !std::ranges::any_of(path, is_forbidden) && !climbs(path) && is_utf8(path);
}

std::optional<std::string> query_value(std::string_view query, std::string_view name) {
    while (!query.empty()) {
        const std::string_view pair = query.substr(0, query.find('&'));
        query.remove_prefix(std::min(pair.size() + 1, query.size()));
        if (!pair.starts_with(name) || pair.size() == name.size() || pair[name.size()] != '=') continue;
        std::string value;
        if (!percent_decode(pair.substr(name.size() + 1), value)) return std::nullopt;
        return value;
    }
    return std::nullopt;
}

std::string percent_encode_path(std::string_view path) {
    constexpr std::string_view digits = "0123456789ABCDEF";
    std::string text;
    for (const char c : path) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x80 &&
            (std::isalnum(byte) != 0 || std::string_view{"/-._~!$&'()*+,;=:@"}.find(c) != std::string_view::npos)) {
            text += c;
        } else {
            text += '%';
            text += digits[byte >> 4];
            text += digits[byte & 15];
        }
    }
    return text;
}

}  // namespace bester::web
