#include "tls/handles.hpp"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

namespace bester::tls {

void handle_deleter::operator()(BIO* handle) const noexcept { BIO_free(handle); }
void handle_deleter::operator()(BIGNUM* handle) const noexcept { BN_free(handle); }
void handle_deleter::operator()(EVP_PKEY* handle) const noexcept { EVP_PKEY_free(handle); }
void handle_deleter::operator()(SSL* handle) const noexcept { SSL_free(handle); }
void handle_deleter::operator()(SSL_CTX* handle) const noexcept { SSL_CTX_free(handle); }
void handle_deleter::operator()(X509* handle) const noexcept { X509_free(handle); }
void handle_deleter::operator()(X509_STORE* handle) const noexcept { X509_STORE_free(handle); }

}  // namespace bester::tls
