#pragma once

#include <string>

namespace bester::detail {

/// A string whose memory comes from, and goes back to, a small pool of the thread that it is on, so
/// that a handler which answers message after message takes no memory for it. May be moved to
/// another thread, whose pool it then joins. After a move the source holds an ordinary empty string.
class pooled_text {
public:
    pooled_text() noexcept;
    pooled_text(pooled_text&& other) noexcept;
    pooled_text& operator=(pooled_text&& other) noexcept;
    ~pooled_text();

    std::string& text() noexcept { return text_; }
    const std::string& text() const noexcept { return text_; }

private:
    std::string text_;
};

}  // namespace bester::detail
