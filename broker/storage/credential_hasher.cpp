#include "storage/credential_hasher.hpp"

#include "storage/secret.hpp"

#include <sodium.h>
#include <cstring>

namespace bester::storage {

namespace {

const unsigned char* bytes_of(std::string_view text) noexcept {
    return reinterpret_cast<const unsigned char*>(text.data());
}

}  // namespace

credential_keys credential_keys::draw() {
    static_assert(sizeof(digest) == crypto_generichash_KEYBYTES);
    static_assert(sizeof(tag) == crypto_shorthash_KEYBYTES);
    initialise_cryptography();
    credential_keys keys;
    randombytes_buf(keys.digest.data(), keys.digest.size());
    randombytes_buf(keys.tag.data(), keys.tag.size());
    return keys;
}

credential_keys::~credential_keys() {
    wipe_memory(digest.data(), digest.size());
    wipe_memory(tag.data(), tag.size());
}

std::uint64_t credential_hasher::user_tag(std::string_view user) const noexcept {
    static_assert(sizeof(std::uint64_t) == crypto_shorthash_BYTES);
    std::uint64_t tag = 0;
    crypto_shorthash(reinterpret_cast<unsigned char*>(&tag), bytes_of(user), user.size(), keys_.tag.data());
    return tag;
}

credential_digest credential_hasher::digest(std::string_view user, std::string_view password) const noexcept {
    static_assert(sizeof(credential_digest) == crypto_generichash_BYTES);
    const std::uint64_t user_size = user.size();
    crypto_generichash_state state;
    crypto_generichash_init(&state, keys_.digest.data(), keys_.digest.size(), sizeof(credential_digest));
    crypto_generichash_update(&state, reinterpret_cast<const unsigned char*>(&user_size), sizeof(user_size));
    crypto_generichash_update(&state, bytes_of(user), user.size());
    crypto_generichash_update(&state, bytes_of(password), password.size());
    credential_digest result;
    crypto_generichash_final(&state, result.data(), result.size());
    wipe_memory(&state, sizeof(state));  // it buffers the last bytes of the password
    return result;
}

bool credential_hasher::same(const credential_digest& left, const credential_digest& right) noexcept {
    return sodium_memcmp(left.data(), right.data(), left.size()) == 0;
}

std::size_t credential_digest_hash::operator()(const credential_digest& digest) const noexcept {
    std::size_t hash = 0;
    std::memcpy(&hash, digest.data(), sizeof(hash));
    return hash;
}

}  // namespace bester::storage
