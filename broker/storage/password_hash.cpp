#include "storage/password_hash.hpp"

#include <sodium.h>
#include <array>
#include <cerrno>

namespace bester::storage {

namespace {

std::string base64_of_random_bytes(std::size_t size) {
    std::array<unsigned char, 32> bytes;
    randombytes_buf(bytes.data(), size);
    std::array<char, sodium_base64_ENCODED_LEN(bytes.size(), sodium_base64_VARIANT_ORIGINAL_NO_PADDING)> text;
    return sodium_bin2base64(text.data(), text.size(), bytes.data(), size, sodium_base64_VARIANT_ORIGINAL_NO_PADDING);
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
    if (!hash.starts_with(crypto_pwhash_argon2id_STRPREFIX)) return hash_check::unusable;
    // libsodium returns -1 for a wrong password and for a lack of memory; only the former sets EINVAL.
    errno = 0;
    if (crypto_pwhash_str_verify(hash.c_str(), password.data(), password.size()) == 0) return hash_check::match;
    return errno == EINVAL ? hash_check::mismatch : hash_check::unusable;
}

std::string dummy_hash(argon2_cost cost) {
    return "$argon2id$v=19$m=" + std::to_string(cost.memory / 1024) + ",t=" + std::to_string(cost.operations) +
           ",p=1$" + base64_of_random_bytes(crypto_pwhash_SALTBYTES) + "$" + base64_of_random_bytes(32);
}

bool needs_rehash(const std::string& hash, argon2_cost cost) {
    return crypto_pwhash_str_needs_rehash(hash.c_str(), cost.operations, cost.memory) != 0;
}

}  // namespace bester::storage
