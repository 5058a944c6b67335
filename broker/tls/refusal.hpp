#pragma once

#include <openssl/types.h>
#include <string>

namespace bester::tls {

/// OpenSSL's callbacks for each certificate of a peer's chain. What is wrong with it they write in words
/// into the string that the engine has hung on its SSL object (app data).
int verify_peer(int is_good, X509_STORE_CTX* chain);
/// Also refuses a certificate that is not for servers and clients both.
int verify_server_of_link(int is_good, X509_STORE_CTX* chain);

/// Why a TLS call failed, from this thread's error queue, which it empties.
std::string describe_tls_failure();

}  // namespace bester::tls
