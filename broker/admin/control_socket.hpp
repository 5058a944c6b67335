#pragma once

#include <string>

namespace bester::admin {

/// Creates a listening, non-blocking UNIX socket at `path` that only this user (and root) can
/// connect to, and returns its descriptor. Replaces a socket file that nobody listens on. Throws
/// std::runtime_error, naming the path and the remedy.
int listen_on_control_socket(const std::string& path);

}  // namespace bester::admin
