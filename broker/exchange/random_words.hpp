#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace bester::exchange {

/// Random numbers from the kernel, which cannot be predicted from those that were seen before. Fetched many at a time.
/// Belongs to one thread.
class random_words {
public:
    /// Returns the next number; throws std::system_error if the kernel gives none.
    std::uint32_t operator()();

private:
    std::array<std::uint32_t, 64> words_{};  // getrandom gives this many bytes at once or none
    std::size_t left_ = 0;
};

}  // namespace bester::exchange
