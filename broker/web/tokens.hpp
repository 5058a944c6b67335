#pragma once

#include <string_view>

namespace bester::web {

/// The basic grammar of HTTP (RFC 9110, section 5.6). Pure; views point into the argument.

/// Returns whether the texts are equal regardless of the case of A to Z.
bool is_same_word(std::string_view left, std::string_view right) noexcept;

/// Returns whether this is a token: at least one of letters, digits and !#$%&'*+-.^_`|~
bool is_token(std::string_view text) noexcept;

/// Returns the text without surrounding blanks and tabs.
std::string_view trim(std::string_view text) noexcept;

/// Removes the text before the first `separator`, and the separator, from `rest`; returns the text, trimmed. A
/// separator within a quoted string does not count.
std::string_view take_element(std::string_view& rest, char separator) noexcept;

/// Calls `each(element)` for the elements of a comma-separated list that are not empty.
template <class Each>
void for_each_element(std::string_view list, Each&& each) {
    while (!list.empty()) {
        if (const std::string_view element = take_element(list, ','); !element.empty()) each(element);
    }
}

/// Returns whether `word` is an element of the list, regardless of case.
bool has_element(std::string_view list, std::string_view word) noexcept;

}  // namespace bester::web
