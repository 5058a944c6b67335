#include "json_members.hpp"

#include <cstddef>
#include <string>

#include <nlohmann/json.hpp>

namespace bester::client_detail {
namespace {

/// Walks over JSON text without building anything. Every function leaves the position behind what
/// it took, and stops at the end of the text.
class scanner {
public:
    explicit scanner(std::string_view text) : text_(text) {}

    bool take(char wanted) {
        skip_space();
        if (position_ >= text_.size() || text_[position_] != wanted) return false;
        ++position_;
        return true;
    }

    /// A string with its quotes; empty if there is none.
    std::string_view take_string() {
        skip_space();
        const auto start = position_;
        if (position_ >= text_.size() || text_[position_] != '"') return {};
        ++position_;
        while (position_ < text_.size() && text_[position_] != '"') position_ += text_[position_] == '\\' ? 2 : 1;
        if (position_ >= text_.size()) return {};
        ++position_;
        return text_.substr(start, position_ - start);
    }

    std::string_view take_value() {
        skip_space();
        const auto start = position_;
        std::size_t depth = 0;
        while (position_ < text_.size()) {
            const char c = text_[position_];
            if (c == '"') {
                if (take_string().empty()) return {};
                if (depth == 0) break;
                continue;
            }
            if (c == '{' || c == '[') {
                ++depth;
            } else if (c == '}' || c == ']') {
                if (depth == 0) break;  // the end of the object around it
                if (--depth == 0) {
                    ++position_;
                    break;
                }
            } else if (depth == 0 && (c == ',' || is_space(c))) {
                break;
            }
            ++position_;
        }
        return text_.substr(start, position_ - start);
    }

private:
    static bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
    void skip_space() {
        while (position_ < text_.size() && is_space(text_[position_])) ++position_;
    }

    std::string_view text_;
    std::size_t position_ = 0;
};

bool is_key(std::string_view quoted, std::string_view key) {
    if (quoted.find('\\') == std::string_view::npos) return quoted.substr(1, quoted.size() - 2) == key;
    const auto text = nlohmann::json::parse(quoted, nullptr, false);
    return text.is_string() && text.get_ref<const std::string&>() == key;
}

}  // namespace

std::optional<std::string_view> find_member(std::string_view object, std::string_view key) {
    scanner scan(object);
    if (!scan.take('{')) return std::nullopt;
    do {
        const auto name = scan.take_string();
        if (name.empty() || !scan.take(':')) return std::nullopt;
        const auto value = scan.take_value();
        if (value.empty()) return std::nullopt;
        if (is_key(name, key)) return value;
    } while (scan.take(','));
    return std::nullopt;
}

}  // namespace bester::client_detail
