#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace bester::storage {

/// What one argon2id hash costs. More of either makes guessing dearer, and logging in too.
struct argon2_cost {
    unsigned long long operations = 2;           ///< passes over the memory, at least 1
    std::size_t memory = std::size_t{64} << 20;  ///< bytes, at least 8 KiB; each worker thread takes as much

    bool operator==(const argon2_cost&) const = default;
};

inline constexpr std::size_t max_password_size = 1024;

/// Is this a password that may be set: 1 to 1,024 bytes?
bool is_password(std::string_view password) noexcept;

// All of these block for as long as the hash costs (tens of milliseconds): worker threads only.
// They hold no state; any number of threads at once. initialise_cryptography() comes first.

/// The string to store: algorithm, cost, salt and hash. Nothing if there is not enough memory.
std::optional<std::string> hash_password(std::string_view password, argon2_cost cost);

enum class hash_check {
    match,
    mismatch,
    unusable,  ///< the stored string is no argon2id hash, or there is not enough memory for its cost
};
hash_check check_password(const std::string& hash, std::string_view password);

/// A stored string that matches no password and costs what a real one does.
std::string dummy_hash(argon2_cost cost);

/// Was this hash made at another cost than `cost`?
bool needs_rehash(const std::string& hash, argon2_cost cost);

}  // namespace bester::storage
