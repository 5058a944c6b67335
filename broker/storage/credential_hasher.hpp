#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace bester::storage {

/// The hash of one (user, password) pair, useless outside of this process.
using credential_digest = std::array<unsigned char, 32>;

/// Turns credentials into keyed hashes under keys drawn at construction and never stored, so that a stored hash reveals
/// nothing without the memory of this process. Immutable after construction: any thread, no locks. Keys are zeroed on
/// destruction.
class credential_hasher {
public:
    /// Throws std::runtime_error if libsodium cannot start.
    credential_hasher();
    ~credential_hasher();
    credential_hasher(const credential_hasher&) = delete;
    credential_hasher& operator=(const credential_hasher&) = delete;

    /// Returns a short keyed hash of a user for look-ups. Users may share one, but not digests.
    std::uint64_t user_tag(std::string_view user) const noexcept;
    /// Returns BLAKE2b over the length of the user name, the name and the password, so that different pairs never give
    /// the same input.
    credential_digest digest(std::string_view user, std::string_view password) const noexcept;

    /// Compares in constant time.
    static bool same(const credential_digest& left, const credential_digest& right) noexcept;

private:
    std::array<unsigned char, 32> digest_key_;
    std::array<unsigned char, 16> tag_key_;
};

/// For hash tables: a digest is already as random as a hash can be.
struct credential_digest_hash {
    std::size_t operator()(const credential_digest& digest) const noexcept;
};

}  // namespace bester::storage
