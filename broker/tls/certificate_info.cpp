#include "tls/certificate_info.hpp"

#include <openssl/asn1.h>
#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <algorithm>
#include <ctime>
#include <memory>

#include "tls/handles.hpp"
#include "tls/pem_files.hpp"
#include "wire/counted.hpp"
#include "wire/names.hpp"

namespace bester::tls {
namespace {

std::string common_name(const X509_NAME* name) {
    const int index = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
    if (index < 0) return {};
    unsigned char* text = nullptr;
    const int size = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, index)));
    if (size < 0) return {};
    const std::string result(reinterpret_cast<const char*>(text), static_cast<std::size_t>(size));
    OPENSSL_free(text);
    return result;
}

std::vector<std::string> alternative_names(const X509& certificate) {
    std::vector<std::string> found;
    const std::unique_ptr<GENERAL_NAMES, decltype(&GENERAL_NAMES_free)> names(
        static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(&certificate, NID_subject_alt_name, nullptr, nullptr)),
        GENERAL_NAMES_free);
    const int count = names ? sk_GENERAL_NAME_num(names.get()) : 0;
    for (int i = 0; i < count; ++i) {
        const auto* name = sk_GENERAL_NAME_value(names.get(), i);
        if (name->type != GEN_DNS) continue;
        const std::string_view text(reinterpret_cast<const char*>(ASN1_STRING_get0_data(name->d.dNSName)),
                                    static_cast<std::size_t>(ASN1_STRING_length(name->d.dNSName)));
        if (wire::is_name(text)) found.emplace_back(text);
    }
    return found;
}

std::chrono::sys_seconds to_time(const ASN1_TIME* time) {
    std::tm parts{};
    if (!ASN1_TIME_to_tm(time, &parts)) return {};
    return std::chrono::sys_seconds(std::chrono::seconds(::timegm(&parts)));
}

std::string serial_of(const X509& certificate) {
    const handle<BIGNUM> number(ASN1_INTEGER_to_BN(X509_get0_serialNumber(&certificate), nullptr));
    char* text = number ? BN_bn2hex(number.get()) : nullptr;
    const std::string result = text ? text : "";
    OPENSSL_free(text);
    return result;
}

std::string fingerprint(const X509& certificate) {
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    if (!X509_digest(&certificate, EVP_sha256(), digest, &size)) return {};
    std::string text;
    for (unsigned i = 0; i < size; ++i) {
        if (i != 0) text += ':';
        text += "0123456789ABCDEF"[digest[i] >> 4];
        text += "0123456789ABCDEF"[digest[i] & 15];
    }
    return text;
}

}  // namespace

std::int64_t days_left(const certificate_info& certificate, std::chrono::sys_seconds now) {
    return std::chrono::floor<std::chrono::days>(certificate.not_after - now).count();
}

std::string days_text(std::int64_t days) { return wire::counted(days, "day"); }

bool has_name(const certificate_info& certificate, std::string_view name) noexcept {
    return std::find(certificate.names.begin(), certificate.names.end(), name) != certificate.names.end();
}

std::string format_time(std::chrono::sys_seconds time) {
    const std::time_t seconds = time.time_since_epoch().count();
    std::tm parts{};
    ::gmtime_r(&seconds, &parts);
    char text[sizeof("0000-00-00T00:00:00Z") + 8];
    return {text, std::strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &parts)};
}

certificate_info describe(const X509& certificate) {
    // OpenSSL caches extensions in the object, so its parameter is not const.
    auto* const mutable_certificate = const_cast<X509*>(&certificate);
    certificate_info info;
    info.subject = common_name(X509_get_subject_name(&certificate));
    info.names = alternative_names(certificate);
    info.issuer = common_name(X509_get_issuer_name(&certificate));
    info.serial = serial_of(certificate);
    info.not_before = to_time(X509_get0_notBefore(&certificate));
    info.not_after = to_time(X509_get0_notAfter(&certificate));
    info.sha256 = fingerprint(certificate);
    info.is_authority = X509_check_ca(mutable_certificate) == 1;
    // Without the extension OpenSSL allows all uses; here a use must be listed.
    const auto uses = X509_get_extended_key_usage(mutable_certificate);
    info.is_for_servers = uses != UINT32_MAX && (uses & XKU_SSL_SERVER) != 0;
    info.is_for_clients = uses != UINT32_MAX && (uses & XKU_SSL_CLIENT) != 0;
    return info;
}

result<std::vector<certificate_info>> describe_file(const std::string& path) {
    auto certificates = read_certificates(path);
    if (!certificates) return tl::unexpected(std::move(certificates.error()));
    std::vector<certificate_info> all;
    for (const auto& each : *certificates) all.push_back(describe(*each));
    return all;
}

}  // namespace bester::tls
