#pragma once

#include <concepts>
#include <string>
#include <string_view>

namespace bester::wire {

/// Returns a count with its noun for a message: `1 change`, `2 changes`, `3 entries`. The noun is one whose plural ends
/// in `s`, or in `ries` if it ends in `ry`. Pure.
std::string counted(std::integral auto count, std::string_view noun) {
    std::string text = std::to_string(count) + ' ';
    if (count == 1) return text.append(noun);
    if (noun.ends_with("ry")) return text.append(noun.substr(0, noun.size() - 1)).append("ies");
    return text.append(noun).append("s");
}

}  // namespace bester::wire
