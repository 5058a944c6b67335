#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace bester::config {

/// A mistake or a warning, with its position. Line and column count from 1; a column counts bytes.
struct finding {
    std::size_t line = 1;
    std::size_t column = 1;
    std::string path;     ///< of the key, e.g. `handlers.chat.deadline`; `(file)` for the whole
    std::string message;  ///< names the key, the limit and the remedy

    bool operator==(const finding&) const = default;
};

/// `FILE:LINE:COLUMN: PATH: message`, as compilers write it, so that editors can jump there.
std::string format(std::string_view file_name, const finding& found);

/// Returns the line of `text` that this is about, or the part of a long one around it, and a line with a caret below
/// the column; each with a newline. Control characters are shown as spaces.
std::string pointed_line(std::string_view text, const finding& found);

inline constexpr std::size_t most_findings = 1'000;

/// Collects the mistakes of one text and converts offsets to lines and columns. Keeps no reference to the text. At most
/// `most_findings` of each kind are kept, so that a huge file full of mistakes costs no more than a bad one. One
/// thread.
class findings {
public:
    explicit findings(std::string_view text);

    void mistake(std::size_t offset, std::string_view path, std::string message);
    void warning(std::size_t offset, std::string_view path, std::string message);
    std::size_t line_of(std::size_t offset) const;
    bool has_room_for_mistakes() const noexcept { return mistakes_.size() < most_findings; }

    /// In the order of the file.
    std::vector<finding> take_mistakes();
    std::vector<finding> take_warnings();

private:
    finding locate(std::size_t offset, std::string_view path, std::string message) const;

    std::vector<std::size_t> line_starts_;
    std::vector<finding> mistakes_;
    std::vector<finding> warnings_;
};

}  // namespace bester::config
