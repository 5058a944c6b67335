#pragma once

#include "clients/client_settings.hpp"
#include "tls/context.hpp"

namespace bester::clients {

/// Returns the settings of a listener's TLS context; its `certificate` must not be empty.
inline tls::context_settings context_settings_for(const listener_tls& wanted) {
    tls::context_settings settings;
    settings.certificate_file = wanted.certificate;
    settings.key_file = wanted.key;
    settings.authority_files = wanted.authorities;
    settings.peers = wanted.client == client_certificates::none       ? tls::peer_rule::none
                     : wanted.client == client_certificates::optional ? tls::peer_rule::its_role_if_any
                                                                      : tls::peer_rule::its_role;
    settings.oldest =
        wanted.oldest == tls_version::tls_1_2 ? tls::protocol_version::tls_1_2 : tls::protocol_version::tls_1_3;
    settings.alpn = {"bester/1", "http/1.1"};
    return settings;
}

}  // namespace bester::clients
