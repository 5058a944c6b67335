#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace bester::exchange {

/// Random numbers of the kernel, which nobody can foretell from those that he has seen. Asks for many at
/// a time. Belongs to one thread.
class random_words {
public:
    /// Throws std::system_error if the kernel has none.
    std::uint32_t operator()();

private:
    std::array<std::uint32_t, 64> words_{};  // getrandom gives so many bytes at once or none
    std::size_t left_ = 0;
};

}  // namespace bester::exchange
