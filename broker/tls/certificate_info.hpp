#pragma once

#include <openssl/types.h>
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "tls/error.hpp"

namespace bester::tls {

/// The facts of a certificate for people and programs. A value; usable on any thread.
struct certificate_info {
    std::string subject;             ///< the common name; for people only, it proves nothing
    std::vector<std::string> names;  ///< subjectAltName dNSName, each a possible server name
    std::string issuer;              ///< the issuer's common name
    std::string serial;              ///< hexadecimal
    std::chrono::sys_seconds not_before;
    std::chrono::sys_seconds not_after;
    std::string sha256;  ///< of the DER form, as "AB:CD:…"
    bool is_authority = false;
    bool is_for_servers = false;  ///< extendedKeyUsage says so
    bool is_for_clients = false;
};

/// Returns the whole days until the end; negative after it.
std::int64_t days_left(const certificate_info& certificate, std::chrono::sys_seconds now);
/// "1 day", "12 days"
std::string days_text(std::int64_t days);

/// Returns whether the certificate has this name, byte for byte; without wildcards and the common name.
bool has_name(const certificate_info& certificate, std::string_view name) noexcept;

/// Returns seconds since the epoch as "2026-01-31T12:00:00Z".
std::string format_time(std::chrono::sys_seconds time);

/// Reads the facts from OpenSSL's object. Names that cannot be a server's (an embedded zero, a wildcard) are left out.
certificate_info describe(const X509& certificate);

/// Reads all certificates of a PEM file, in its order. Errors: file_missing, file_unreadable, not_a_certificate.
result<std::vector<certificate_info>> describe_file(const std::string& path);

}  // namespace bester::tls
