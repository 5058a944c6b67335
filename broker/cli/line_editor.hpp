#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace bester::cli {

/// What a key did to the line.
enum class key_result {
    nothing,    ///< the key is not complete, or has no meaning
    changed,    ///< text or cursor: show the line again
    line,       ///< Enter: `take_line` has it
    interrupt,  ///< Ctrl-C
    end,        ///< Ctrl-D in an empty line
};

/// The line that a user types, as a pure state machine: bytes of the terminal in, text out. Knows
/// UTF-8, the arrows, Home, End, Delete, Ctrl-A, E, K, U, W, and a history of 200 lines.
class line_editor {
public:
    key_result feed(char byte);

    /// The line that Enter finished.
    std::string take_line();

    /// Prompt and line for a terminal of so many columns, with the escape sequences that replace
    /// what stood in the current row and put the cursor where it belongs.
    std::string render(std::string_view prompt, unsigned columns) const;

    const std::string& text() const noexcept { return text_; }
    std::size_t cursor() const noexcept { return cursor_; }

private:
    key_result escape(char byte);
    key_result control(char byte);
    key_result move_to(std::size_t position);
    key_result erase(std::size_t from, std::size_t to);
    key_result recall(std::size_t entry);
    std::size_t before(std::size_t position) const;
    std::size_t after(std::size_t position) const;
    std::size_t word_start() const;

    std::string text_;
    std::size_t cursor_ = 0;  ///< a byte offset, never inside a character
    std::string escape_;      ///< of an escape sequence, what has come
    std::string finished_;
    std::vector<std::string> history_;
    std::size_t recalled_ = 0;  ///< history_.size(): the new line
    std::string unfinished_;    ///< the new line, while an old one is shown
};

}  // namespace bester::cli
