#include "clients/login/anonymous_name.hpp"

#include <sodium.h>

#include <array>

namespace bester::clients {

std::string make_anonymous_name() {
    std::array<unsigned char, 16> bytes;
    ::randombytes_buf(bytes.data(), bytes.size());
    bytes[6] = static_cast<unsigned char>((bytes[6] & 0x0f) | 0x40);
    bytes[8] = static_cast<unsigned char>((bytes[8] & 0x3f) | 0x80);
    std::string name;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        if (i == 4 || i == 6 || i == 8 || i == 10) name += '-';
        name += "0123456789abcdef"[bytes[i] >> 4];
        name += "0123456789abcdef"[bytes[i] & 0xf];
    }
    return name;
}

}  // namespace bester::clients
