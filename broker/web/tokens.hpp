#pragma once

#include <string_view>

namespace bester::web {

/// Small grammar of HTTP (RFC 9110, section 5.6). Pure; views point into what was given.

/// Are these the same without regard to the case of A to Z?
bool is_same_word(std::string_view left, std::string_view right) noexcept;

/// Is this a token: at least one of letters, digits and !#$%&'*+-.^_`|~ ?
bool is_token(std::string_view text) noexcept;

/// Without the blanks and tabs around it.
std::string_view trim(std::string_view text) noexcept;

/// What stands before the first `separator`, trimmed; `rest` loses it with the separator. Knows quoted
/// strings: a separator within one does not count.
std::string_view take_element(std::string_view& rest, char separator) noexcept;

/// Calls `each(element)` for the elements of a comma-separated list that are not empty.
template <class Each>
void for_each_element(std::string_view list, Each&& each) {
    while (!list.empty()) {
        if (const std::string_view element = take_element(list, ','); !element.empty()) each(element);
    }
}

/// Is `word` an element of the list, whatever its case?
bool has_element(std::string_view list, std::string_view word) noexcept;

}  // namespace bester::web
