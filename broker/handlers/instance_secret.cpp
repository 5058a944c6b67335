#include "handlers/instance_secret.hpp"

#include <sys/random.h>
#include <array>
#include <cerrno>
#include <system_error>

namespace bester::handlers {

std::string make_secret() {
    std::array<unsigned char, 32> bytes;
    // Up to 256 bytes come whole or not at all.
    if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size()))
        throw std::system_error(errno, std::generic_category(), "getrandom");
    static constexpr char digits[] = "0123456789abcdef";
    std::string text;
    for (const unsigned char byte : bytes) text.append({digits[byte >> 4], digits[byte & 15]});
    return text;
}

bool is_same_secret(std::string_view secret, std::string_view offered) noexcept {
    if (secret.empty() || secret.size() != offered.size()) return false;
    unsigned char difference = 0;
    for (std::size_t i = 0; i < secret.size(); ++i)
        difference = static_cast<unsigned char>(difference | (secret[i] ^ offered[i]));
    return difference == 0;
}

}  // namespace bester::handlers
