#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

namespace bester::storage {

/// A password that is held in memory as briefly as possible: copied in, and zeroed by the destructor. Move-only; a
/// moved-from secret is empty. Not thread-safe by itself. Throws std::bad_alloc only.
class secret {
public:
    secret() noexcept = default;
    /// Copies `text`; the caller must wipe its own bytes.
    explicit secret(std::string_view text);
    secret(secret&& other) noexcept;
    secret& operator=(secret&& other) noexcept;
    secret(const secret&) = delete;
    secret& operator=(const secret&) = delete;
    ~secret();

    /// Valid until the secret is moved from or destroyed.
    std::string_view view() const noexcept { return {bytes_.get(), size_}; }

private:
    void wipe() noexcept;

    std::unique_ptr<char[]> bytes_;
    std::size_t size_ = 0;
};

/// Zeroes `size` bytes in a way that the compiler does not optimise away.
void wipe_memory(void* bytes, std::size_t size) noexcept;

/// Initialises libsodium; cheap after the first call, any thread. Throws std::runtime_error if the system has no source
/// of randomness.
void initialise_cryptography();

}  // namespace bester::storage
