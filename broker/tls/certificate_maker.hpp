#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "tls/error.hpp"
#include "tls/handles.hpp"

namespace bester::tls {

/// From when to when a certificate is good.
struct validity {
    std::chrono::sys_seconds from;
    std::chrono::sys_seconds until;
};

/// From now on for so long, and from five minutes ago, for peers whose clocks are a little behind.
validity valid_for(std::chrono::days lifetime, std::chrono::sys_seconds now);

/// What a new certificate shall say.
struct certificate_request {
    std::string common_name;         ///< for people
    std::vector<std::string> names;  ///< subjectAltName dNSName
    validity valid;
    bool is_authority = false;  ///< may sign others (but no other authority), and do nothing else
    bool is_for_servers = true;
    bool is_for_clients = true;
};

/// Who signs.
struct signer {
    const X509& certificate;
    EVP_PKEY& key;
};

/// A new ECDSA P-256 key: the one kind that every TLS library and browser takes (Ed25519 is quicker to
/// sign by little, and browsers refuse it). Error: crypto_failed.
result<handle<EVP_PKEY>> make_key();

/// Makes a certificate for a key, with a random serial of 127 bits. Error: crypto_failed.
result<handle<X509>> make_certificate(const certificate_request& request, EVP_PKEY& key, const signer& by);

/// The same, signed with the key itself.
result<handle<X509>> make_self_signed(const certificate_request& request, EVP_PKEY& key);

}  // namespace bester::tls
