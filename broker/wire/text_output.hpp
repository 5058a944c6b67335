#pragma once

#include <cstddef>
#include <cstring>
#include <string_view>

namespace bester::wire {

inline constexpr std::size_t most_digits = 20;  ///< of a 64-bit number

/// Appends `bytes` at `out`, where there is room for them. Returns the new end.
inline char* copy(char* out, std::string_view bytes) noexcept {
    // An empty view may hold a null pointer, which memcpy must not be given.
    if (!bytes.empty()) std::memcpy(out, bytes.data(), bytes.size());
    return out + bytes.size();
}

}  // namespace bester::wire
