#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>
#include <tl/expected.hpp>

#include "clients/listener/listener.hpp"
#include "tls/context.hpp"

namespace bester::cli {

/// All listeners for clients, their certificates, and the warnings before these expire. On the control thread.
/// `settings`, `connection_limit` and `connections` must outlive it.
class client_listeners {
public:
    /// Contexts in the order of the listeners; null: without TLS.
    using contexts = std::vector<std::shared_ptr<const tls::context>>;

    /// Does not open anything yet.
    client_listeners(asio::io_context& control, const std::vector<clients::listener_settings>& settings,
                     const std::size_t& connection_limit, clients::connection_count& connections);

    /// Binds and listens; throws if an address or a certificate cannot be used.
    void open(const clients::listener::hand_over& give, const clients::listener::turn_away& refuse);
    /// Reads certificates and keys from their files; blocks. The error names listener and file.
    tl::expected<contexts, std::string> load_contexts() const;
    /// Sets the contexts of new connections; existing ones go on.
    void use(contexts loaded);
    /// Stops accepting.
    void close();

    const std::vector<std::unique_ptr<clients::listener>>& all() const noexcept { return listeners_; }

private:
    void watch_certificates();

    asio::io_context& control_;
    const std::vector<clients::listener_settings>& settings_;
    const std::size_t& connection_limit_;
    clients::connection_count& connections_;
    std::vector<std::unique_ptr<clients::listener>> listeners_;
    asio::steady_timer certificate_timer_;
};

}  // namespace bester::cli
