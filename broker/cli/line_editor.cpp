#include "cli/line_editor.hpp"

#include <algorithm>
#include <utility>

namespace bester::cli {
namespace {

constexpr std::size_t longest_history = 200;
constexpr std::size_t longest_escape = 8;

constexpr char ctrl(char letter) { return static_cast<char>(letter & 0x1f); }
constexpr char escape_key = '\033';
constexpr char delete_key = '\177';

bool is_continuation(char byte) { return (static_cast<unsigned char>(byte) & 0xc0) == 0x80; }

std::size_t columns_of(std::string_view text) {
    return static_cast<std::size_t>(
        std::count_if(text.begin(), text.end(), [](char c) { return !is_continuation(c); }));
}

}  // namespace

key_result line_editor::feed(char byte) {
    if (!escape_.empty()) return escape(byte);
    if (static_cast<unsigned char>(byte) < 0x20 || byte == delete_key) return control(byte);
    text_.insert(cursor_++, 1, byte);
    return key_result::changed;
}

key_result line_editor::control(char byte) {
    switch (byte) {
        case '\r':
        case '\n':
            finished_ = std::exchange(text_, {});
            cursor_ = 0;
            if (!finished_.empty() && (history_.empty() || history_.back() != finished_)) history_.push_back(finished_);
            if (history_.size() > longest_history) history_.erase(history_.begin());
            recalled_ = history_.size();
            return key_result::line;
        case escape_key: escape_ = byte; return key_result::nothing;
        case ctrl('C'): return key_result::interrupt;
        case ctrl('D'): return text_.empty() ? key_result::end : erase(cursor_, after(cursor_));
        case ctrl('H'):
        case delete_key: return erase(before(cursor_), cursor_);
        case ctrl('A'): return move_to(0);
        case ctrl('E'): return move_to(text_.size());
        case ctrl('B'): return move_to(before(cursor_));
        case ctrl('F'): return move_to(after(cursor_));
        case ctrl('K'): return erase(cursor_, text_.size());
        case ctrl('U'): return erase(0, cursor_);
        case ctrl('W'): return erase(word_start(), cursor_);
        case ctrl('L'): return key_result::changed;
        case ctrl('P'): return recall(recalled_ - 1);
        case ctrl('N'): return recall(recalled_ + 1);
        default: return key_result::nothing;
    }
}

key_result line_editor::escape(char byte) {
    escape_ += byte;
    const bool is_introducer = escape_.size() == 2 && (byte == '[' || byte == 'O');
    const bool is_final = byte >= 0x40 && byte != delete_key;
    if ((is_introducer || !is_final) && escape_.size() > 1 && escape_.size() < longest_escape &&
        (escape_[1] == '[' || escape_[1] == 'O')) {
        return key_result::nothing;
    }
    const auto sequence = std::exchange(escape_, {}).substr(1);
    if (sequence == "[A" || sequence == "OA") return recall(recalled_ - 1);
    if (sequence == "[B" || sequence == "OB") return recall(recalled_ + 1);
    if (sequence == "[C" || sequence == "OC") return move_to(after(cursor_));
    if (sequence == "[D" || sequence == "OD") return move_to(before(cursor_));
    if (sequence == "[H" || sequence == "OH" || sequence == "[1~") return move_to(0);
    if (sequence == "[F" || sequence == "OF" || sequence == "[4~") return move_to(text_.size());
    if (sequence == "[3~") return erase(cursor_, after(cursor_));
    return key_result::nothing;
}

std::string line_editor::take_line() { return std::exchange(finished_, {}); }

key_result line_editor::move_to(std::size_t position) {
    if (position == cursor_) return key_result::nothing;
    cursor_ = position;
    return key_result::changed;
}

key_result line_editor::erase(std::size_t from, std::size_t to) {
    if (from == to) return key_result::nothing;
    text_.erase(from, to - from);
    cursor_ = from;
    return key_result::changed;
}

key_result line_editor::recall(std::size_t entry) {
    if (entry > history_.size()) return key_result::nothing;  // also what is below 0 and so wrapped
    if (recalled_ == history_.size()) unfinished_ = text_;
    recalled_ = entry;
    text_ = entry == history_.size() ? unfinished_ : history_[entry];
    cursor_ = text_.size();
    return key_result::changed;
}

std::size_t line_editor::before(std::size_t position) const {
    if (position == 0) return 0;
    do {
        --position;
    } while (position > 0 && is_continuation(text_[position]));
    return position;
}

std::size_t line_editor::after(std::size_t position) const {
    if (position >= text_.size()) return text_.size();
    do {
        ++position;
    } while (position < text_.size() && is_continuation(text_[position]));
    return position;
}

std::size_t line_editor::word_start() const {
    auto position = cursor_;
    while (position > 0 && text_[position - 1] == ' ') --position;
    while (position > 0 && text_[position - 1] != ' ') --position;
    return position;
}

std::string line_editor::render(std::string_view prompt, unsigned columns) const {
    // A line that wrapped could not be replaced by going back to the start of one row, so of a long
    // one only the part around the cursor is shown.
    const std::size_t room = columns > columns_of(prompt) + 1 ? columns - columns_of(prompt) - 1 : 1;
    std::size_t first = 0;
    while (columns_of(std::string_view(text_).substr(first, cursor_ - first)) > room) first = after(first);
    std::size_t last = first;
    for (std::size_t shown = 0; shown < room && last < text_.size(); ++shown) last = after(last);

    std::string result = "\r\033[K" + std::string(prompt) + text_.substr(first, last - first);
    const auto behind = columns_of(std::string_view(text_).substr(cursor_, std::max(last, cursor_) - cursor_));
    if (behind > 0) result += "\033[" + std::to_string(behind) + "D";
    return result;
}

}  // namespace bester::cli
