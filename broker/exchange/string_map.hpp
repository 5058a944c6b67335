#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace bester::exchange {

struct string_hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>{}(text); }
};

/// A hash map with string keys that is searched with a string_view without making a string.
template <class Value>
using string_map = std::unordered_map<std::string, Value, string_hash, std::equal_to<>>;

}  // namespace bester::exchange
