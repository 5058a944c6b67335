#include <cstring>

#include "exchange/peer_port.hpp"

namespace bester::exchange {

//   ref, 8 bytes | size, 4 bytes | length of the server's name, 1 byte | server | session

std::string remote_origin::pack() const {
    std::string text(sizeof ref + sizeof size + 1, '\0');
    std::memcpy(text.data(), &ref, sizeof ref);
    std::memcpy(text.data() + sizeof ref, &size, sizeof size);
    text.back() = static_cast<char>(server.size());
    return text.append(server).append(session);
}

remote_origin remote_origin::unpack(std::string_view text) noexcept {
    remote_origin origin;
    std::memcpy(&origin.ref, text.data(), sizeof origin.ref);
    std::memcpy(&origin.size, text.data() + sizeof origin.ref, sizeof origin.size);
    constexpr std::size_t length_at = sizeof origin.ref + sizeof origin.size;
    const std::size_t length = static_cast<unsigned char>(text[length_at]);
    origin.server = text.substr(length_at + 1, length);
    origin.session = text.substr(length_at + 1 + length);
    return origin;
}

}  // namespace bester::exchange
