#pragma once

#include <string>

namespace bester::clients {

/// Where a connected socket leads: "192.0.2.1:5555", "[2001:db8::1]:5555", or "unix".
std::string remote_address(int fd);

}  // namespace bester::clients
