#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace bester::config {

/// What a scan of one token came to: on failure `error` says why and `end` is where.
struct scanned {
    std::size_t end = 0;
    std::string error;

    bool is_good() const noexcept { return error.empty(); }
};

/// Blanks comments, and a byte order mark, in place.
scanned blank_comments(std::string& text);

/// Reads the string that starts at the quote at `begin`; its decoded form goes to `out`.
scanned scan_string(std::string_view text, std::size_t begin, std::string& out);

/// Finds the end of the number that starts at `begin`.
scanned scan_number(std::string_view text, std::size_t begin);

}  // namespace bester::config
