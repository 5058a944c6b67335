#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <termios.h>

namespace bester::cli {

/// Are colours wanted on this descriptor: a terminal, and no NO_COLOR in the environment?
bool wants_colour(int fd);

/// Escape sequences, or nothing at all.
class palette {
public:
    explicit palette(bool is_on) : is_on_(is_on) {}
    std::string good(std::string_view text) const { return wrap("32", text); }
    std::string bad(std::string_view text) const { return wrap("31", text); }
    std::string quiet(std::string_view text) const { return wrap("2", text); }
    std::string strong(std::string_view text) const { return wrap("1", text); }

private:
    std::string wrap(std::string_view code, std::string_view text) const;
    bool is_on_;
};

/// Text from elsewhere, safe to show: control characters (but for newline and tab) become '?', so
/// that nobody's message can drive our terminal.
std::string printable(std::string_view text);

/// Columns of the terminal, 80 if it does not say.
unsigned terminal_columns(int fd);

/// Rows in aligned columns, two spaces between; the first row is the heading. No trailing spaces.
std::string format_table(const std::vector<std::vector<std::string>>& rows);

/// While it lives, the terminal gives every key at once and echoes nothing; Ctrl-C is a key.
class key_mode {
public:
    explicit key_mode(int fd);
    ~key_mode();
    key_mode(const key_mode&) = delete;
    key_mode& operator=(const key_mode&) = delete;

private:
    int fd_;
    termios before_{};
};

}  // namespace bester::cli
