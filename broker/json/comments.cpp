#include "json/comments.hpp"

#include <algorithm>
#include <string_view>

namespace bester::json {

namespace {

/// Blanks the comment at `begin`, except its line breaks; returns the offset after it, or npos if it never ends.
std::size_t blank_comment(std::string& text, std::size_t begin) {
    std::size_t end = 0;
    if (text[begin + 1] == '/') {
        end = std::min(text.find_first_of("\r\n", begin), text.size());
    } else {
        end = text.find("*/", begin + 2);
        if (end == std::string::npos) return end;
        end += 2;
    }
    for (std::size_t i = begin; i < end; ++i)
        if (text[i] != '\n' && text[i] != '\r') text[i] = ' ';
    return end;
}

/// Returns the offset after the string that begins at `begin`. A line break ends it, too; the parser reports that
/// mistake.
std::size_t end_of_string(std::string_view text, std::size_t begin) {
    for (std::size_t i = begin + 1; i < text.size(); ++i) {
        if (text[i] == '\\') ++i;
        else if (text[i] == '"' || text[i] == '\n') return i + 1;
    }
    return text.size();
}

}  // namespace

std::optional<std::size_t> blank_comments(std::string& text) {
    if (text.starts_with("\xef\xbb\xbf")) text.replace(0, 3, 3, ' ');
    char before_comma = 0;  // what stood before the last comma: a comma that follows nothing is a mistake
    char last = 0;          // the last character that is neither white space nor in a comment
    std::size_t comma = 0;
    for (std::size_t i = 0; i < text.size();) {
        const char c = text[i];
        if (c == '/' && i + 1 < text.size() && (text[i + 1] == '/' || text[i + 1] == '*')) {
            const std::size_t end = blank_comment(text, i);
            if (end == std::string::npos) return i;
            i = end;
            continue;
        }
        if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
            ++i;
            continue;
        }
        const bool follows_value = before_comma != '[' && before_comma != '{' && before_comma != ',';
        if ((c == ']' || c == '}') && last == ',' && follows_value) text[comma] = ' ';
        if (c == ',') {
            before_comma = last;
            comma = i;
        }
        last = c;
        i = c == '"' ? end_of_string(text, i) : i + 1;
    }
    return std::nullopt;
}

}  // namespace bester::json
