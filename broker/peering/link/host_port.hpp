#pragma once

#include <string>
#include <string_view>
#include <utility>

namespace bester::peering {

/// The parts of "host:port" or "[address]:port", without the brackets. The text has a colon: the config and adverts
/// were checked for that (is_dial_address).
inline std::pair<std::string, std::string> split_host_port(std::string_view address) {
    const std::size_t colon = address.rfind(':');
    std::string_view host = address.substr(0, colon);
    if (host.size() > 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
    return {std::string{host}, std::string{address.substr(colon + 1)}};
}

}  // namespace bester::peering
