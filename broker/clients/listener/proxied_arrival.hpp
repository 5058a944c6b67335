#pragma once

#include <functional>
#include <optional>
#include <string>

namespace asio {
class io_context;
}

namespace bester::clients {

/// What a proxy says of a connection: the client's address and port; empty: it speaks for itself.
using proxied_source = std::optional<std::string>;

/// Reads the PROXY header with which an accepted connection begins, and not a byte more, for at most 5 s.
/// `done` gets the address, or nothing if there is no good header; the descriptor is the caller's all the
/// time, but for reading. On the control thread.
void read_proxy_header(asio::io_context& control, int fd, std::function<void(proxied_source)> done);

}  // namespace bester::clients
