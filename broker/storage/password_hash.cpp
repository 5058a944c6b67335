#include "storage/password_hash.hpp"

#include <sodium.h>
#include <array>
#include <charconv>
#include <cstdint>
#include <system_error>

namespace bester::storage {

namespace {

constexpr std::size_t hash_bytes = 32;

std::string base64_of_random_bytes(std::size_t size) {
    std::array<unsigned char, 32> bytes;
    randombytes_buf(bytes.data(), size);
    std::array<char, sodium_base64_ENCODED_LEN(bytes.size(), sodium_base64_VARIANT_ORIGINAL_NO_PADDING)> text;
    return sodium_bin2base64(text.data(), text.size(), bytes.data(), size, sodium_base64_VARIANT_ORIGINAL_NO_PADDING);
}

/// A stored hash, taken apart.
struct stored_hash {
    argon2_cost cost;
    std::array<unsigned char, crypto_pwhash_SALTBYTES> salt;
    std::array<unsigned char, hash_bytes> hash;
};

/// Removes `prefix` from the beginning of `text`, and the number after it. None: the text does not begin so.
std::optional<std::uint32_t> take_number(std::string_view& text, std::string_view prefix) {
    std::uint32_t number = 0;
    if (!text.starts_with(prefix)) return std::nullopt;
    text.remove_prefix(prefix.size());
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{}) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    return number;
}

template <std::size_t size>
bool read_base64(std::string_view text, std::array<unsigned char, size>& bytes) {
    std::size_t read = 0;
    return sodium_base642bin(bytes.data(), size, text.data(), text.size(), nullptr, &read, nullptr,
                             sodium_base64_VARIANT_ORIGINAL_NO_PADDING) == 0 &&
           read == size;
}

/// Reads "$argon2id$v=19$m=65536,t=2,p=1$SALT$HASH", which hash_password() makes.
std::optional<stored_hash> read_hash(std::string_view text) {
    stored_hash read;
    const auto memory = take_number(text, "$argon2id$v=19$m=");
    const auto operations = take_number(text, ",t=");
    const auto lanes = take_number(text, ",p=");
    if (!memory || !operations || lanes != 1 || !text.starts_with('$')) return std::nullopt;
    text.remove_prefix(1);
    const std::size_t end = text.find('$');
    if (end == std::string_view::npos || !read_base64(text.substr(0, end), read.salt) ||
        !read_base64(text.substr(end + 1), read.hash))
        return std::nullopt;
    read.cost = {*operations, std::size_t{*memory} * 1024};
    return read;
}

/// Checks against a hash of another program, e.g. with several lanes.
hash_check check_foreign(const std::string& hash, std::string_view password) {
    if (!hash.starts_with(crypto_pwhash_argon2id_STRPREFIX)) return hash_check::unusable;
    if (crypto_pwhash_str_verify(hash.c_str(), password.data(), password.size()) == 0) return hash_check::match;
    return hash_check::unusable;  // a wrong password, a damaged hash or no memory: that cannot be told
}

}  // namespace

bool is_password(std::string_view password) noexcept {
    return !password.empty() && password.size() <= max_password_size;
}

std::optional<std::string> hash_password(std::string_view password, argon2_cost cost) {
    std::array<char, crypto_pwhash_STRBYTES> text;
    if (crypto_pwhash_str_alg(text.data(), password.data(), password.size(), cost.operations, cost.memory,
                              crypto_pwhash_ALG_ARGON2ID13) != 0)
        return std::nullopt;
    return std::string(text.data());
}

hash_check check_password(const std::string& hash, std::string_view password) {
    // crypto_pwhash_str_verify() does not tell a lack of memory from a wrong password: so the hash is made anew, which
    // fails only for want of memory, and compared.
    const auto stored = read_hash(hash);
    if (!stored) return check_foreign(hash, password);
    std::array<unsigned char, hash_bytes> made;
    if (crypto_pwhash(made.data(), made.size(), password.data(), password.size(), stored->salt.data(),
                      stored->cost.operations, stored->cost.memory, crypto_pwhash_ALG_ARGON2ID13) != 0)
        return hash_check::unusable;
    return sodium_memcmp(made.data(), stored->hash.data(), made.size()) == 0 ? hash_check::match : hash_check::mismatch;
}

std::string dummy_hash(argon2_cost cost) {
    return "$argon2id$v=19$m=" + std::to_string(cost.memory / 1024) + ",t=" + std::to_string(cost.operations) +
           ",p=1$" + base64_of_random_bytes(crypto_pwhash_SALTBYTES) + "$" + base64_of_random_bytes(hash_bytes);
}

bool needs_rehash(const std::string& hash, argon2_cost cost) {
    return crypto_pwhash_str_needs_rehash(hash.c_str(), cost.operations, cost.memory) != 0;
}

}  // namespace bester::storage
