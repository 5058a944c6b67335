#pragma once

#include "handlers/channel_host.hpp"
#include "handlers/handshake_messages.hpp"

#include <sys/types.h>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <tl/expected.hpp>

namespace asio {
class io_context;
}

namespace bester::handlers {

/// Limits for connections before they are channels.
struct handshake_limits {
    std::size_t hello_size = 64 * 1024;
    std::chrono::milliseconds hello_timeout{10'000};  ///< from accept to hello
    std::size_t unfinished = 64;                      ///< most unfinished handshakes; then the oldest is closed
};

/// The process at the other end, as the kernel reports it.
struct peer_credentials {
    pid_t pid = 0;
    uid_t uid = 0;
};

/// An accepted hello: the answer, and the instance whose channel it becomes.
struct admission : channel_facts {
    std::string welcome{};  ///< JSON
};

/// The owner of the instances, which decides about hellos; called on the listener's thread.
struct handshake_decisions {
    std::function<tl::expected<admission, refusal>(const hello_message&, const peer_credentials&)> admit;
    /// The welcome was sent; the offer's descriptor now belongs to the callee.
    std::function<void(channel_offer)> opened;
    /// The welcome could not be sent: the admitted channel is lost.
    std::function<void(const instance_ref&, const std::string& reason)> failed;
};

/// Listens on the handlers' UNIX socket and brings each connection to its welcome or its error frame
/// (proto-docs/handler.md, "Starting"). Every process of this machine may connect, since handlers may run as other
/// users: token, key or user id decide.
///
/// Lives on the thread that runs its io_context. Unfinished handshakes end with it.
class handshake_listener {
public:
    /// Removes a stale socket file; throws std::runtime_error if it cannot listen on `path`, or if
    /// another broker does.
    handshake_listener(asio::io_context& io, const std::string& path, handshake_decisions decisions,
                       handshake_limits limits = {});
    ~handshake_listener();
    handshake_listener(const handshake_listener&) = delete;
    handshake_listener& operator=(const handshake_listener&) = delete;

    /// Stops accepting, closes unfinished handshakes and removes the socket file.
    void close();

private:
    struct shared_state;
    std::shared_ptr<shared_state> state_;
};

}  // namespace bester::handlers
