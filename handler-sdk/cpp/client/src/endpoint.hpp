#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include <bester/client_events.hpp>
#include <tl/expected.hpp>

#include "file_descriptor.hpp"

namespace bester::client_detail {

using deadline = std::chrono::steady_clock::time_point;

/// Where a broker listens: a host and port, or the path of a UNIX socket.
struct endpoint {
    std::string host;
    std::string port;
    std::string path;  ///< if not empty, host and port are
    bool is_tls = false;

    bool operator==(const endpoint&) const = default;
};

/// Reads "host:port", "[::1]:port", either with "tls:" before it, "unix:/path" or "/path"; code `bad_endpoint`
/// otherwise.
tl::expected<endpoint, error_info> parse_endpoint(std::string_view text);

/// How long nothing comes over TCP before the other side is probed, and how long it then has to answer.
struct keepalive {
    std::chrono::milliseconds idle;
    std::chrono::milliseconds timeout;
};

/// A connected, non-blocking socket. Tries all addresses of the host; codes `unreachable` and
/// `timeout`. Blocks until `until`, and in the system's resolver for names. Over TCP the kernel finds out with `alive`
/// whether the other side is still there.
tl::expected<file_descriptor, error_info> connect_to(const endpoint& where, const keepalive& alive, deadline until);

/// Milliseconds from now to `until` for poll(), rounded up, never negative.
int remaining_milliseconds(deadline until);

}  // namespace bester::client_detail
