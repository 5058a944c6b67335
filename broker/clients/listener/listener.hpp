#pragma once

#include <functional>
#include <memory>
#include <string>

#include "clients/client_settings.hpp"
#include "clients/listener/arrival.hpp"

namespace asio {
class io_context;
}

namespace bester::clients {

/// Accepts connections on one address and hands them to the shards. Lives on the control thread.
///
/// One acceptor hands sockets over in turn, instead of one with SO_REUSEPORT for each shard: the kernel distributes by
/// hash, which loads the shards unevenly if there are few long-lived connections.
class listener {
public:
    /// Gives an accepted socket to a shard.
    using hand_over = std::function<void(arrival came, const listener_settings& from)>;

    /// Takes a socket that was refused, and closes it when the client has read the refusal.
    using turn_away = std::function<void(int fd)>;

    /// Binds and listens; throws std::system_error with the address in its text. `settings` and
    /// `connections` must outlive it.
    listener(asio::io_context& control, const listener_settings& settings, const std::size_t& connection_limit,
             connection_count& connections, hand_over give, turn_away refuse);
    ~listener();
    listener(const listener&) = delete;
    listener& operator=(const listener&) = delete;

    /// Sets the TLS context of new connections; null: in clear.
    void use_tls(std::shared_ptr<const tls::context> context);
    /// Returns the TLS context of new connections.
    const std::shared_ptr<const tls::context>& tls() const noexcept;
    /// Stops accepting, and removes a UNIX socket's file.
    void close();
    /// Returns the address that it is bound to, with the port that was chosen if the config said 0.
    std::string bound_address() const;
    const listener_settings& settings() const noexcept;

private:
    struct state;
    std::shared_ptr<state> state_;
};

}  // namespace bester::clients
