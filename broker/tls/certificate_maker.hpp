#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "tls/error.hpp"
#include "tls/handles.hpp"

namespace bester::tls {

/// The period in which a certificate is valid.
struct validity {
    std::chrono::sys_seconds from;
    std::chrono::sys_seconds until;
};

/// Returns a period of this length from now, beginning five minutes ago, for peers whose clocks are a little behind.
validity valid_for(std::chrono::days lifetime, std::chrono::sys_seconds now);

/// The content of a new certificate.
struct certificate_request {
    std::string common_name;         ///< for people
    std::vector<std::string> names;  ///< subjectAltName dNSName
    validity valid;
    bool is_authority = false;  ///< may sign other certificates (but no authority's), and nothing else
    bool is_for_servers = true;
    bool is_for_clients = true;
};

/// The issuer that signs.
struct signer {
    const X509& certificate;
    EVP_PKEY& key;
};

/// Makes a new ECDSA P-256 key, the kind that every TLS library and browser accepts (Ed25519 signs only a little
/// faster, and browsers refuse it). Error: crypto_failed.
result<handle<EVP_PKEY>> make_key();

/// Makes a certificate for a key, with a random serial of 127 bits. Error: crypto_failed.
result<handle<X509>> make_certificate(const certificate_request& request, EVP_PKEY& key, const signer& by);

/// The same, signed with the key itself.
result<handle<X509>> make_self_signed(const certificate_request& request, EVP_PKEY& key);

}  // namespace bester::tls
