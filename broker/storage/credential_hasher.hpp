#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace bester::storage {

/// The hash of one (user, password) pair, useless outside of this process.
using credential_digest = std::array<unsigned char, 32>;

/// The keys of a hasher: whoever has them can guess passwords as fast as BLAKE2b, where he has digests, too. Zeroed by
/// the destructor.
struct credential_keys {
    std::array<unsigned char, 32> digest{};
    std::array<unsigned char, 16> tag{};

    credential_keys() = default;
    credential_keys(const credential_keys&) = default;
    credential_keys& operator=(const credential_keys&) = default;
    ~credential_keys();
    /// Returns new keys. Throws std::runtime_error if libsodium cannot start.
    static credential_keys draw();
};

/// Turns credentials into keyed hashes, which reveal nothing without the keys. Immutable after construction: any
/// thread, no locks.
class credential_hasher {
public:
    /// With new keys. Throws std::runtime_error if libsodium cannot start.
    credential_hasher() : credential_hasher(credential_keys::draw()) {}
    explicit credential_hasher(const credential_keys& keys) : keys_(keys) {}
    credential_hasher(const credential_hasher&) = delete;
    credential_hasher& operator=(const credential_hasher&) = delete;

    const credential_keys& keys() const noexcept { return keys_; }

    /// Returns a short keyed hash of a user for look-ups. Users may share one, but not digests.
    std::uint64_t user_tag(std::string_view user) const noexcept;
    /// Returns a short keyed hash of an account's stored hash, by which one knows whether that has changed.
    std::uint64_t mark(std::string_view stored_hash) const noexcept { return user_tag(stored_hash); }
    /// Returns BLAKE2b over the length of the user name, the name and the password, so that different pairs never give
    /// the same input.
    credential_digest digest(std::string_view user, std::string_view password) const noexcept;

    /// Compares in constant time.
    static bool same(const credential_digest& left, const credential_digest& right) noexcept;

private:
    credential_keys keys_;
};

/// For hash tables: a digest is already as random as a hash can be.
struct credential_digest_hash {
    std::size_t operator()(const credential_digest& digest) const noexcept;
};

}  // namespace bester::storage
