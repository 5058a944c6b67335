#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace bester::cli {

/// Cuts bytes that come in pieces into lines. Pure.
class line_splitter {
public:
    /// Calls `take(line)` for each line that is complete now; stops and returns false when it does.
    template <class Take>
    bool feed(std::string_view bytes, Take take) {
        tail_.append(bytes);
        std::size_t start = 0;
        bool goes_on = true;
        for (auto end = tail_.find('\n'); goes_on && end != std::string::npos; end = tail_.find('\n', start)) {
            goes_on = take(std::string_view(tail_).substr(start, end - start));
            start = end + 1;
        }
        tail_.erase(0, start);
        return goes_on;
    }

    /// What stands behind the last newline: the last line of an input that does not end with one.
    std::string_view rest() const noexcept { return tail_; }

private:
    std::string tail_;
};

}  // namespace bester::cli
