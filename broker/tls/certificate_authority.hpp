#pragma once

#include <chrono>
#include <string>

#include "tls/certificate_info.hpp"
#include "tls/certificate_maker.hpp"
#include "tls/error.hpp"
#include "tls/handles.hpp"

namespace bester::tls {

/// A certificate and its private key.
struct identity {
    handle<X509> certificate;
    handle<EVP_PKEY> key;
};

/// The authority that the servers of one operator share: it signs their certificates, and servers with such a
/// certificate may link to each other. Its own files are ca.crt (for all to read) and ca.key (0600) in a directory; a
/// server's are NAME.crt and NAME.key. Files are written whole or not at all, and replaced only by `renew`. Used by the
/// command line and by tests; one thread at a time.
class certificate_authority {
public:
    static constexpr std::chrono::days default_lifetime{3'650};
    static constexpr std::chrono::days default_server_lifetime{365};

    /// Makes a new authority in memory. Errors: bad_name (1 to 64 bytes of UTF-8, no control characters),
    /// crypto_failed.
    static result<certificate_authority> create(const std::string& name, const validity& valid);

    /// Reads ca.crt and ca.key. Errors: those of reading, not_an_authority, key_mismatch.
    static result<certificate_authority> load(const std::string& directory);

    /// Writes ca.crt and ca.key into a directory, which is made (0700) if there is none.
    /// Errors: file_exists, file_not_written.
    result<void> save(const std::string& directory) const;

    /// Makes a certificate for a server with a new key, valid at most as long as the authority's own. Errors: bad_name,
    /// certificate_expired (the authority's), crypto_failed.
    result<identity> issue(const std::string& server, const validity& valid) const;

    /// The same, for a key that the server has already.
    result<identity> issue(const std::string& server, const validity& valid, handle<EVP_PKEY> key) const;

    /// Returns whether this authority has signed the certificate.
    bool has_issued(const X509& certificate) const;

    const X509& certificate() const noexcept { return *certificate_; }
    certificate_info info() const { return describe(*certificate_); }

private:
    certificate_authority(handle<X509> certificate, handle<EVP_PKEY> key)
        : certificate_(std::move(certificate)), key_(std::move(key)) {}

    handle<X509> certificate_;
    handle<EVP_PKEY> key_;
};

/// The paths of files in an authority's directory.
std::string certificate_path(const std::string& directory, const std::string& name);
std::string key_path(const std::string& directory, const std::string& name);

/// Writes NAME.crt and NAME.key. Neither may exist. Errors: file_exists, file_not_written.
result<void> save_identity(const identity& made, const std::string& directory, const std::string& name);

/// The key of a renewed certificate.
enum class renewed_key { same, fresh };

/// Replaces NAME.crt in a directory (and with a fresh key NAME.key) by one for the same name.
/// Errors: bad_name, those of reading and writing, wrong_authority, key_mismatch.
result<certificate_info> renew(const certificate_authority& authority, const std::string& directory,
                               const std::string& name, const validity& valid, renewed_key which);

}  // namespace bester::tls
