#pragma once

#include <string>

#include "exchange/socket_file.hpp"

namespace bester::admin {

/// Creates a listening, non-blocking UNIX socket at `path` that only this user (and root) can connect to. Replaces a
/// socket that nobody listens on, and nothing else. Throws std::runtime_error, naming the path and the remedy.
exchange::listening_socket listen_on_control_socket(const std::string& path);

}  // namespace bester::admin
