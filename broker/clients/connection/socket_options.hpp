#pragma once

#include <chrono>

#include "clients/client_settings.hpp"

namespace bester::clients {

/// Sets what the kernel does by itself for a client's TCP socket: it finds a client that is gone
/// (proto-docs/client.md, "Order, limits, flow"), sends what is written at once, and bounds the input and the output
/// that it holds.
void set_tcp_options(int fd, const client_limits& limits) noexcept;

/// Sets how long the kernel lets output wait for a client that takes none: `most`, or the time that connections have
/// anyway if that is longer. The kernel would also end a connection whose other end acknowledges everything but has no
/// room for more.
void set_output_patience(int fd, const client_limits& limits, std::chrono::milliseconds most = {}) noexcept;

}  // namespace bester::clients
