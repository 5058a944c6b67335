#include "storage/secret.hpp"

#include <sodium.h>
#include <cstring>
#include <stdexcept>
#include <utility>

namespace bester::storage {

secret::secret(std::string_view text) : bytes_(std::make_unique<char[]>(text.size())), size_(text.size()) {
    if (!text.empty()) std::memcpy(bytes_.get(), text.data(), text.size());
}

secret::secret(secret&& other) noexcept : bytes_(std::move(other.bytes_)), size_(std::exchange(other.size_, 0)) {}

secret& secret::operator=(secret&& other) noexcept {
    if (this != &other) {
        wipe();
        bytes_ = std::move(other.bytes_);
        size_ = std::exchange(other.size_, 0);
    }
    return *this;
}

secret::~secret() { wipe(); }

void secret::wipe() noexcept {
    if (bytes_) sodium_memzero(bytes_.get(), size_);
}

void wipe_memory(void* bytes, std::size_t size) noexcept { sodium_memzero(bytes, size); }

void initialise_cryptography() {
    if (sodium_init() < 0) throw std::runtime_error("libsodium cannot start: no source of randomness");
}

}  // namespace bester::storage
