#include <cstring>

#include "exchange/peer_port.hpp"

namespace bester::exchange {

//   ref, 8 bytes | length of the server's name, 1 byte | server | session

std::string remote_origin::pack() const {
    std::string text(sizeof ref + 1, '\0');
    std::memcpy(text.data(), &ref, sizeof ref);
    text[sizeof ref] = static_cast<char>(server.size());
    return text.append(server).append(session);
}

remote_origin remote_origin::unpack(std::string_view text) noexcept {
    remote_origin origin;
    std::memcpy(&origin.ref, text.data(), sizeof origin.ref);
    const std::size_t size = static_cast<unsigned char>(text[sizeof origin.ref]);
    origin.server = text.substr(sizeof origin.ref + 1, size);
    origin.session = text.substr(sizeof origin.ref + 1 + size);
    return origin;
}

}  // namespace bester::exchange
