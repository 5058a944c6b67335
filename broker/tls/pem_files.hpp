#pragma once

#include <openssl/types.h>
#include <string>
#include <string_view>
#include <vector>

#include "tls/error.hpp"
#include "tls/handles.hpp"

namespace bester::tls {

/// What happens to a file that exists already.
enum class existing_file { kept, replaced };

/// The readers of a new file: everybody, or its owner alone.
enum class file_access { everybody, owner };

/// Reads all certificates of a PEM file, in its order, at least one. Blocks, like all functions here, which are for
/// start-up, reload and the command line. Errors: file_missing, file_unreadable, not_a_certificate.
result<std::vector<handle<X509>>> read_certificates(const std::string& path);

/// Reads the private key of a PEM file. A key that all users may read, or that the group may change, is refused
/// (key_exposed), since it may be known. The group may read it, as on some systems. Errors: those of a file,
/// key_exposed, not_a_key (also one with a passphrase).
result<handle<EVP_PKEY>> read_key(const std::string& path);

std::string to_pem(const X509& certificate);
std::string to_pem(const EVP_PKEY& key);

/// Writes a file whole or not at all: beside its place, flushed to the disk, then moved there. A replaced file keeps
/// its owner and permissions; root gives a new one to the directory's owner. Errors: file_exists (it is kept),
/// file_not_written.
result<void> write_file(const std::string& path, std::string_view content, file_access access, existing_file existing);

/// Makes a directory that only its owner may enter, if there is none. Errors: file_not_written.
result<void> make_directory(const std::string& path);

}  // namespace bester::tls
