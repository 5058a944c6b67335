#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tls/certificate_info.hpp"
#include "tls/error.hpp"
#include "tls/handles.hpp"

namespace bester::tls {

enum class protocol_version { tls_1_2, tls_1_3 };

/// The requirements for the other side's certificate.
enum class peer_rule {
    none,             ///< no certificate is requested (a listener for clients), or it is not checked
    its_role_if_any,  ///< the same as its_role, but the peer may have none
    its_role,         ///< one that an authority signed for the peer's role: server or client
    both_roles,       ///< the same, but for both roles: a server's, for a link
};

/// The settings of a context. The defaults are those of a link between servers.
struct context_settings {
    std::string certificate_file;  ///< PEM: the own certificate, then intermediate ones; may be empty for dialling
    std::string key_file;
    std::vector<std::string> authority_files;  ///< PEM; these and no others are trusted, never the system's
    peer_rule peers = peer_rule::both_roles;
    protocol_version oldest = protocol_version::tls_1_3;
    std::vector<std::string> alpn;  ///< application protocols, the preferred first; empty: no ALPN
};

/// Certificates, key and rules of many connections. Immutable, and shared by engines on any thread: a reload makes a
/// new context, while connections keep theirs. No session tickets, no renegotiation.
class context {
public:
    /// Reads the files; blocks. A certificate that has ended, or is not valid yet, is taken: nobody but the other side
    /// of a connection can refuse it, and it does. Errors: all of error_code but those, each with the file's name.
    static result<std::shared_ptr<const context>> load(const context_settings& settings);

    /// Returns why nobody can be expected to accept a connection of this context at this time, with the file's name:
    /// certificate_expired (the own one, or those of all authorities), certificate_not_yet_valid. None: nothing is out
    /// of its time.
    std::optional<error> out_of_time(std::chrono::sys_seconds now) const;

    ~context();
    context(const context&) = delete;
    context& operator=(const context&) = delete;

    /// Returns the own certificate, if there is one.
    const std::optional<certificate_info>& certificate() const noexcept { return certificate_; }
    /// Returns the trusted authorities.
    const std::vector<certificate_info>& authorities() const noexcept { return authorities_; }

    /// Returns OpenSSL's object, for engines.
    SSL_CTX* native() const noexcept { return native_.get(); }

private:
    context() = default;
    result<void> prepare(const context_settings& settings);
    result<void> set_rules(const context_settings& settings);
    result<void> set_protocols(const context_settings& settings);
    result<void> use_identity(const context_settings& settings);
    result<void> trust_authorities(const context_settings& settings);

    handle<SSL_CTX> native_;
    std::string protocols_;  ///< ALPN in its wire format
    std::optional<certificate_info> certificate_;
    std::string certificate_file_;
    std::vector<certificate_info> authorities_;
    std::string authority_file_;  ///< the first
};

}  // namespace bester::tls
