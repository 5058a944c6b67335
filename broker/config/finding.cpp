#include "config/finding.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

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
