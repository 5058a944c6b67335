#pragma once

#include <concepts>
#include <string_view>

namespace bester {

/// Where a message goes: to the handler of its type and, with a routing key (at most 128 bytes, which nobody looks
/// into), to the instance of it that gets all messages with this key. A type alone is one as well. Points to texts that
/// must outlive the call.
struct destination {
    template <class Text>
    requires std::convertible_to<const Text&, std::string_view> destination(const Text& to_type,
                                                                            std::string_view with_key = {})
    noexcept  // NOLINT: a type is a destination
        : type{to_type}, key{with_key} {}

    std::string_view type;
    std::string_view key;  ///< empty: none
};

}  // namespace bester
