#pragma once

#include <openssl/types.h>
#include <string>

namespace bester::tls {

/// OpenSSL's callbacks for each certificate of a peer's chain. They write errors as text into the string that the
/// engine has attached to its SSL object (app data).
int verify_peer(int is_good, X509_STORE_CTX* chain);
/// The same, but also refuses a certificate that is not for both servers and clients.
int verify_server_of_link(int is_good, X509_STORE_CTX* chain);

/// Returns why a TLS call failed, from this thread's error queue, which it empties.
std::string describe_tls_failure();

}  // namespace bester::tls
