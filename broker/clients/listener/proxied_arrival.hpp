#pragma once

#include <functional>
#include <optional>
#include <string>

namespace asio {
class io_context;
}

namespace bester::clients {

/// The client's address and port as a proxy reports them; empty: the proxy itself is the client.
using proxied_source = std::optional<std::string>;

/// Reads the PROXY header with which an accepted connection begins, and not a byte more, for at most 5 s. `done` gets
/// the address, or nothing if there is no valid header; the caller keeps the descriptor, which is only read here. On
/// the control thread.
void read_proxy_header(asio::io_context& control, int fd, std::function<void(proxied_source)> done);

}  // namespace bester::clients
