#include "access/base64url.hpp"

#include <algorithm>

#include <sodium.h>

namespace bester::access {

constexpr int variant = sodium_base64_VARIANT_URLSAFE_NO_PADDING;

std::optional<std::string> decode_base64url(std::string_view text) {
    // libsodium takes some bytes from 0x80 on for digits.
    if (std::any_of(text.begin(), text.end(), [](char c) { return static_cast<signed char>(c) < 0; }))
        return std::nullopt;
    std::string bytes(text.size() / 4 * 3 + 3, '\0');
    std::size_t size = 0;
    // Refuses bits that are left over and not zero, too.
    if (sodium_base642bin(reinterpret_cast<unsigned char*>(bytes.data()), bytes.size(), text.data(), text.size(),
                          nullptr, &size, nullptr, variant) != 0)
        return std::nullopt;
    bytes.resize(size);
    return bytes;
}

std::string encode_base64url(std::string_view bytes) {
    std::string text(sodium_base64_ENCODED_LEN(bytes.size(), variant), '\0');
    sodium_bin2base64(text.data(), text.size(), reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
                      variant);
    text.pop_back();  // the zero at the end
    return text;
}

}  // namespace bester::access
