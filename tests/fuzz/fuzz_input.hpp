#pragma once

#include <cstddef>
#include <cstdlib>
#include <string_view>

/// Ends the process where a property does not hold: that is what a fuzzer looks for.
#define require(condition)  \
    do {                    \
        if (!(condition)) { \
            std::abort();   \
        }                   \
    } while (false)

inline std::string_view as_text(const unsigned char* data, std::size_t size) noexcept {
    return {reinterpret_cast<const char*>(data), size};
}

/// What libFuzzer, or the replay, calls with each input.
extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size);
