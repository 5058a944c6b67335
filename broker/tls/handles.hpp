#pragma once

#include <openssl/types.h>
#include <memory>

namespace bester::tls {

struct handle_deleter {
    void operator()(BIO* handle) const noexcept;
    void operator()(BIGNUM* handle) const noexcept;
    void operator()(EVP_PKEY* handle) const noexcept;
    void operator()(SSL* handle) const noexcept;
    void operator()(SSL_CTX* handle) const noexcept;
    void operator()(X509* handle) const noexcept;
    void operator()(X509_STORE* handle) const noexcept;
};

/// OpenSSL's objects, each with one owner here. (OpenSSL counts its own references to them.)
template <class Object>
using handle = std::unique_ptr<Object, handle_deleter>;

}  // namespace bester::tls
