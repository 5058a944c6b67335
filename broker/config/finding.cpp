#include "config/finding.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

#include "wire/excerpt.hpp"

namespace bester::config {
namespace {

std::vector<finding> sorted(std::vector<finding> list) {
    std::stable_sort(list.begin(), list.end(), [](const finding& a, const finding& b) {
        return std::tie(a.line, a.column) < std::tie(b.line, b.column);
    });
    return list;
}

}  // namespace

std::string format(std::string_view file_name, const finding& found) {
    return std::string{file_name} + ':' + std::to_string(found.line) + ':' + std::to_string(found.column) + ": " +
           found.path + ": " + found.message;
}

std::string pointed_line(std::string_view text, const finding& found) {
    constexpr std::size_t longest = 100;  // bytes
    const auto continues = [](char c) {
        return (static_cast<unsigned char>(c) & 0xc0) == 0x80;
    };  // a character of UTF-8
    for (std::size_t line = 1; line < found.line; ++line) {
        const std::size_t end = text.find('\n');
        if (end == std::string_view::npos) return {};
        text.remove_prefix(end + 1);
    }
    text = text.substr(0, text.find('\n'));
    std::size_t column = std::min(found.column - 1, text.size());
    if (text.size() > longest) {
        std::size_t begin = std::min(column - std::min(column, longest / 2), text.size() - longest);
        while (begin > 0 && continues(text[begin])) --begin;
        std::size_t end = std::min(begin + longest, text.size());
        while (end < text.size() && continues(text[end])) ++end;
        text = text.substr(begin, end - begin);
        column -= begin;
    }
    std::string out;
    for (const char c : text) out += static_cast<unsigned char>(c) < ' ' || c == '\x7f' ? ' ' : c;
    for (std::size_t at = wire::first_invalid_utf8(out); at != std::string_view::npos;
         at = wire::first_invalid_utf8(out))
        out[at] = '?';
    out += '\n';
    out.append(static_cast<std::size_t>(std::count_if(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(column),
                                                      [&](char c) { return !continues(c); })),
               ' ');
    return out + "^\n";
}

findings::findings(std::string_view text) : line_starts_{0} {
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\n') {
            line_starts_.push_back(i + 1);
        }
    }
}

std::size_t findings::line_of(std::size_t offset) const {
    const auto next = std::upper_bound(line_starts_.begin(), line_starts_.end(), offset);
    return static_cast<std::size_t>(next - line_starts_.begin());
}

finding findings::locate(std::size_t offset, std::string_view path, std::string message) const {
    const std::size_t line = line_of(offset);
    return {line, offset - line_starts_[line - 1] + 1, path.empty() ? "(file)" : std::string{path}, std::move(message)};
}

void findings::mistake(std::size_t offset, std::string_view path, std::string message) {
    if (!has_room_for_mistakes()) {
        return;
    }
    mistakes_.push_back(locate(offset, path, std::move(message)));
}

void findings::warning(std::size_t offset, std::string_view path, std::string message) {
    if (warnings_.size() >= most_findings) {
        return;
    }
    warnings_.push_back(locate(offset, path, std::move(message)));
}

std::vector<finding> findings::take_mistakes() { return sorted(std::move(mistakes_)); }

std::vector<finding> findings::take_warnings() { return sorted(std::move(warnings_)); }

}  // namespace bester::config
