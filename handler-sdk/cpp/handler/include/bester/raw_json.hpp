#pragma once

#include <concepts>
#include <string_view>

namespace bester {

/// Data that is JSON text already and travels byte for byte, such as `message::raw()`: a view that whoever
/// has the text must keep alive; a command copies it. It must be valid JSON: the broker treats a handler that sends
/// nonsense as failed. It is not taken for a string, so that JSON is never quoted into JSON; `text()` is one.
class raw_json {
public:
    // A template, so that braces given for JSON never mean this.
    template <class Text>
    requires std::convertible_to<const Text&, std::string_view>
    explicit raw_json(const Text& text) noexcept : text_{text} {}
    std::string_view text() const noexcept { return text_; }

private:
    std::string_view text_;
};

}  // namespace bester
