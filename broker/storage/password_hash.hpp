#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace bester::storage {

/// The cost of one argon2id hash. Larger values make guessing more expensive, and log-ins, too.
struct argon2_cost {
    unsigned long long operations = 2;           ///< passes over the memory, at least 1
    std::size_t memory = std::size_t{64} << 20;  ///< bytes, at least 8 KiB, for each worker thread

    bool operator==(const argon2_cost&) const = default;
};

inline constexpr std::size_t max_password_size = 1024;

/// Returns whether this password may be set: 1 to 1,024 bytes.
bool is_password(std::string_view password) noexcept;

// All of these functions block for the time of a hash (tens of milliseconds): worker threads only. They hold no state;
// any number of threads at once. initialise_cryptography() comes first.

/// Returns the string to store: algorithm, cost, salt and hash; none if there is not enough memory.
std::optional<std::string> hash_password(std::string_view password, argon2_cost cost);

enum class hash_check {
    match,
    mismatch,
    unusable,  ///< the stored string is not an argon2id hash, or there is not enough memory for its cost
};
hash_check check_password(const std::string& hash, std::string_view password);

/// Returns a stored string that matches no password and costs as much as a real one.
std::string dummy_hash(argon2_cost cost);

/// Returns whether this hash was made at another cost than `cost`.
bool needs_rehash(const std::string& hash, argon2_cost cost);

}  // namespace bester::storage
