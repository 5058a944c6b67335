#include "tls/certificate_maker.hpp"

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <memory>
#include <utility>

namespace bester::tls {
namespace {

constexpr int serial_bits = 127;

bool set_serial(X509& certificate) {
    const handle<BIGNUM> number(BN_new());
    return number && BN_rand(number.get(), serial_bits, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) &&
           BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(&certificate));
}

bool set_validity(X509& certificate, const validity& valid) {
    return ASN1_TIME_set(X509_getm_notBefore(&certificate), valid.from.time_since_epoch().count()) &&
           ASN1_TIME_set(X509_getm_notAfter(&certificate), valid.until.time_since_epoch().count());
}

bool set_subject(X509& certificate, const std::string& common_name) {
    return X509_NAME_add_entry_by_NID(X509_get_subject_name(&certificate), NID_commonName, MBSTRING_UTF8,
                                      reinterpret_cast<const unsigned char*>(common_name.data()),
                                      static_cast<int>(common_name.size()), -1, 0) == 1;
}

/// Makes an extension from OpenSSL's configuration text. Only for fixed texts: names from outside could contain commas.
bool add_extension(X509& certificate, const X509& issuer, int kind, const char* words) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, const_cast<X509*>(&issuer), &certificate, nullptr, nullptr, 0);
    const std::unique_ptr<X509_EXTENSION, decltype(&X509_EXTENSION_free)> extension(
        X509V3_EXT_nconf_nid(nullptr, &context, kind, words), X509_EXTENSION_free);
    return extension && X509_add_ext(&certificate, extension.get(), -1) == 1;
}

bool add_names(X509& certificate, const std::vector<std::string>& names) {
    if (names.empty()) return true;
    const std::unique_ptr<GENERAL_NAMES, decltype(&GENERAL_NAMES_free)> all(GENERAL_NAMES_new(), GENERAL_NAMES_free);
    for (const auto& each : names) {
        std::unique_ptr<GENERAL_NAME, decltype(&GENERAL_NAME_free)> name(GENERAL_NAME_new(), GENERAL_NAME_free);
        ASN1_IA5STRING* text = ASN1_IA5STRING_new();
        if (!all || !name || !text || !ASN1_STRING_set(text, each.data(), static_cast<int>(each.size()))) {
            ASN1_IA5STRING_free(text);
            return false;
        }
        GENERAL_NAME_set0_value(name.get(), GEN_DNS, text);
        if (!sk_GENERAL_NAME_push(all.get(), name.get())) return false;
        static_cast<void>(name.release());
    }
    return X509_add1_ext_i2d(&certificate, NID_subject_alt_name, all.get(), 0, X509V3_ADD_APPEND) == 1;
}

bool add_uses(X509& certificate, const X509& issuer, const certificate_request& request) {
    if (request.is_authority)
        return add_extension(certificate, issuer, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
               add_extension(certificate, issuer, NID_key_usage, "critical,keyCertSign,cRLSign");
    if (!add_extension(certificate, issuer, NID_basic_constraints, "critical,CA:FALSE") ||
        !add_extension(certificate, issuer, NID_key_usage, "critical,digitalSignature"))
        return false;
    if (!request.is_for_servers && !request.is_for_clients) return true;
    return add_extension(certificate, issuer, NID_ext_key_usage,
                         !request.is_for_clients   ? "serverAuth"
                         : !request.is_for_servers ? "clientAuth"
                                                   : "serverAuth,clientAuth");
}

result<handle<X509>> make(const certificate_request& request, EVP_PKEY& key, const X509* issuer, EVP_PKEY& issuer_key) {
    ERR_clear_error();
    handle<X509> made(X509_new());
    if (!made) return crypto_failure("no certificate could be made");
    const X509& by = issuer ? *issuer : std::as_const(*made);
    const bool is_done =
        X509_set_version(made.get(), X509_VERSION_3) && set_serial(*made) && set_validity(*made, request.valid) &&
        set_subject(*made, request.common_name) && X509_set_issuer_name(made.get(), X509_get_subject_name(&by)) &&
        X509_set_pubkey(made.get(), &key) && add_uses(*made, by, request) && add_names(*made, request.names) &&
        add_extension(*made, by, NID_subject_key_identifier, "hash") &&
        add_extension(*made, by, NID_authority_key_identifier, "keyid:always") &&
        X509_sign(made.get(), &issuer_key, EVP_sha256()) > 0;
    if (!is_done) return crypto_failure("the certificate of " + request.common_name + " could not be made");
    return made;
}

}  // namespace

validity valid_for(std::chrono::days lifetime, std::chrono::sys_seconds now) {
    return {now - std::chrono::minutes(5), now + lifetime};
}

result<handle<EVP_PKEY>> make_key() {
    ERR_clear_error();
    handle<EVP_PKEY> key(EVP_EC_gen("P-256"));
    if (!key) return crypto_failure("no key could be made");
    return key;
}

result<handle<X509>> make_certificate(const certificate_request& request, EVP_PKEY& key, const signer& by) {
    return make(request, key, &by.certificate, by.key);
}

result<handle<X509>> make_self_signed(const certificate_request& request, EVP_PKEY& key) {
    return make(request, key, nullptr, key);
}

}  // namespace bester::tls
