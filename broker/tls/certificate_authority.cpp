#include "tls/certificate_authority.hpp"

#include <openssl/err.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <algorithm>
#include <filesystem>

#include "tls/pem_files.hpp"
#include "wire/names.hpp"

namespace bester::tls {
namespace {

// The name of the authority's own files, which no server may have.
const std::string own_name = "ca";

template <class... Parts>
tl::unexpected<error> failure(error_code code, const Parts&... parts) {
    return tl::unexpected(error{code, (std::string() + ... + parts)});
}

result<void> check_server_name(const std::string& name) {
    if (!wire::is_name(name))
        return failure(error_code::bad_name, "\"", name,
                       "\" cannot be a server's name, which is 1 to 64 letters, digits, '-', '_' or '.'");
    // The name becomes that of a file.
    if (name == own_name || name.front() == '.')
        return failure(error_code::bad_name, "\"", name,
                       "\" cannot be the name of a certificate's file; name the server otherwise");
    return {};
}

bool exists(const std::string& path) {
    std::error_code ignored;
    return std::filesystem::exists(std::filesystem::symlink_status(path, ignored));
}

result<void> check_key(const X509& certificate, const EVP_PKEY& key, const std::string& directory,
                       const std::string& name) {
    if (X509_check_private_key(&certificate, &key) == 1) return {};
    ERR_clear_error();
    return failure(error_code::key_mismatch, key_path(directory, name), ": is not the key of ",
                   certificate_path(directory, name));
}

result<void> save(const X509& certificate, const EVP_PKEY& key, const std::string& directory, const std::string& name) {
    const auto certificate_file = certificate_path(directory, name);
    const auto key_file = key_path(directory, name);
    // Checked first, so that no key is written whose certificate cannot be.
    for (const auto& path : {certificate_file, key_file})
        if (exists(path)) return failure(error_code::file_exists, path, ": exists already; it is not overwritten");
    std::error_code ignored;
    auto written = write_file(key_file, to_pem(key), file_access::owner, existing_file::kept);
    if (!written) return written;
    written = write_file(certificate_file, to_pem(certificate), file_access::everybody, existing_file::kept);
    if (!written) std::filesystem::remove(key_file, ignored);
    return written;
}

}  // namespace

result<certificate_authority> certificate_authority::create(const std::string& name, const validity& valid) {
    if (!wire::is_type(name))
        return failure(error_code::bad_name, "the name of an authority is 1 to 64 bytes without control characters");
    auto key = make_key();
    if (!key) return tl::unexpected(std::move(key.error()));
    certificate_request request;
    request.common_name = name;
    request.valid = valid;
    request.is_authority = true;
    auto certificate = make_self_signed(request, **key);
    if (!certificate) return tl::unexpected(std::move(certificate.error()));
    return certificate_authority(*std::move(certificate), *std::move(key));
}

result<certificate_authority> certificate_authority::load(const std::string& directory) {
    const auto path = certificate_path(directory, own_name);
    auto certificates = read_certificates(path);
    if (!certificates) return tl::unexpected(std::move(certificates.error()));
    auto& certificate = certificates->front();
    if (X509_check_ca(certificate.get()) != 1)
        return failure(error_code::not_an_authority, path, ": is not the certificate of an authority");
    auto key = read_key(key_path(directory, own_name));
    if (!key) return tl::unexpected(std::move(key.error()));
    if (auto checked = check_key(*certificate, **key, directory, own_name); !checked)
        return tl::unexpected(std::move(checked.error()));
    return certificate_authority(std::move(certificate), *std::move(key));
}

result<void> certificate_authority::save(const std::string& directory) const {
    if (auto made = make_directory(directory); !made) return made;
    return tls::save(*certificate_, *key_, directory, own_name);
}

result<identity> certificate_authority::issue(const std::string& server, const validity& valid) const {
    auto key = make_key();
    if (!key) return tl::unexpected(std::move(key.error()));
    return issue(server, valid, *std::move(key));
}

result<identity> certificate_authority::issue(const std::string& server, const validity& valid,
                                              handle<EVP_PKEY> key) const {
    if (auto checked = check_server_name(server); !checked) return tl::unexpected(std::move(checked.error()));
    const auto own = info();
    certificate_request request;
    request.common_name = server;
    request.names = {server};
    request.valid = {valid.from, std::min(valid.until, own.not_after)};
    if (request.valid.until <= request.valid.from)
        return failure(error_code::certificate_expired, "the authority's own certificate ended ",
                       format_time(own.not_after), "; make a new authority");
    auto certificate = make_certificate(request, *key, {*certificate_, *key_});
    if (!certificate) return tl::unexpected(std::move(certificate.error()));
    return identity{*std::move(certificate), std::move(key)};
}

bool certificate_authority::has_issued(const X509& certificate) const {
    const bool is_ours = X509_check_issued(certificate_.get(), const_cast<X509*>(&certificate)) == X509_V_OK &&
                         X509_verify(const_cast<X509*>(&certificate), key_.get()) == 1;
    ERR_clear_error();
    return is_ours;
}

std::string certificate_path(const std::string& directory, const std::string& name) {
    return (std::filesystem::path(directory) / (name + ".crt")).string();
}

std::string key_path(const std::string& directory, const std::string& name) {
    return (std::filesystem::path(directory) / (name + ".key")).string();
}

result<void> save_identity(const identity& made, const std::string& directory, const std::string& name) {
    if (auto checked = check_server_name(name); !checked) return checked;
    return save(*made.certificate, *made.key, directory, name);
}

result<certificate_info> renew(const certificate_authority& authority, const std::string& directory,
                               const std::string& name, const validity& valid, renewed_key which) {
    const auto fail = [](error& why) { return tl::unexpected(std::move(why)); };
    if (auto checked = check_server_name(name); !checked) return fail(checked.error());
    const auto path = certificate_path(directory, name);
    auto before = read_certificates(path);
    if (!before) return fail(before.error());
    auto& old = before->front();
    if (!authority.has_issued(*old))
        return failure(error_code::wrong_authority, path, ": was issued by ", describe(*old).issuer,
                       ", not by this authority, which therefore cannot renew it");
    if (!has_name(describe(*old), name))
        return failure(error_code::bad_name, path, ": is not the certificate of ", name);
    result<identity> made;
    if (which == renewed_key::fresh) {
        made = authority.issue(name, valid);
    } else {
        auto key = read_key(key_path(directory, name));
        if (!key) return fail(key.error());
        if (auto checked = check_key(*old, **key, directory, name); !checked) return fail(checked.error());
        made = authority.issue(name, valid, *std::move(key));
    }
    if (!made) return fail(made.error());
    if (which == renewed_key::fresh)
        if (auto written =
                write_file(key_path(directory, name), to_pem(*made->key), file_access::owner, existing_file::replaced);
            !written)
            return fail(written.error());
    auto written = write_file(path, to_pem(*made->certificate), file_access::everybody, existing_file::replaced);
    if (!written) return fail(written.error());
    return describe(*made->certificate);
}

}  // namespace bester::tls
