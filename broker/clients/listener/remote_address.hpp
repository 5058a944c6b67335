#pragma once

#include <string>

namespace bester::clients {

/// Returns the other end of a connected socket: "192.0.2.1:5555", "[2001:db8::1]:5555", or "unix".
std::string remote_address(int fd);

}  // namespace bester::clients
