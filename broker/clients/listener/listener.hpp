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
/// One acceptor hands sockets over in turn, rather than one with SO_REUSEPORT for each shard: the
/// kernel spreads by hash, which leaves few long-lived connections lopsided.
class listener {
public:
    /// Gives an accepted socket to a shard.
    using hand_over = std::function<void(arrival came, const listener_settings& from)>;

    /// Takes a socket that was told that there is no room for it, and closes it when that has been read.
    using turn_away = std::function<void(int fd)>;

    /// Binds and listens; throws std::system_error with the address in its text. `settings` and
    /// `connections` must outlive it.
    listener(asio::io_context& control, const listener_settings& settings, const std::size_t& connection_limit,
             connection_count& connections, hand_over give, turn_away refuse);
    ~listener();
    listener(const listener&) = delete;
    listener& operator=(const listener&) = delete;

    /// Connections that come from now on speak TLS so; null: in clear.
    void use_tls(std::shared_ptr<const tls::context> context);
    /// What new connections use.
    const std::shared_ptr<const tls::context>& tls() const noexcept;
    /// Accepts no more; a UNIX socket's file is removed.
    void close();
    /// The address it is bound to, with the port that was chosen if the config said 0.
    std::string bound_address() const;
    const listener_settings& settings() const noexcept;

private:
    struct state;
    std::shared_ptr<state> state_;
};

}  // namespace bester::clients
