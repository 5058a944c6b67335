#include "tls/context.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <algorithm>

#include "tls/pem_files.hpp"
#include "tls/refusal.hpp"

namespace bester::tls {
namespace {

// Only for TLS 1.2; the suites of 1.3 are all good.
constexpr const char* old_ciphers = "ECDHE+AESGCM:ECDHE+CHACHA20";
// The other side chooses among these before it is authenticated. OpenSSL's own list has finite fields of up to 8,192
// bits, with which one handshake costs a hundred times one with X25519 (the D(HE)at attack).
constexpr const char* groups = "X25519:P-256:P-384";
// At least 112 bits of strength whatever the machine's openssl.cnf says: RSA from 2,048, no SHA-1.
constexpr int security_level = 2;
constexpr int longest_chain = 5;

tl::unexpected<error> context_failure(error_code code, const std::string& path, const std::string& what) {
    return tl::unexpected(error{code, path.empty() ? what : path + ": " + what});
}

/// Chooses the first of the server's protocols that the client offers, too.
int choose_protocol(SSL*, const unsigned char** chosen, unsigned char* size, const unsigned char* offered,
                    unsigned offered_size, void* protocols) {
    const auto& ours = *static_cast<const std::string*>(protocols);
    unsigned char* found = nullptr;
    const int outcome = SSL_select_next_proto(&found, size, reinterpret_cast<const unsigned char*>(ours.data()),
                                              static_cast<unsigned>(ours.size()), offered, offered_size);
    if (outcome != OPENSSL_NPN_NEGOTIATED) return SSL_TLSEXT_ERR_ALERT_FATAL;
    *chosen = found;
    return SSL_TLSEXT_ERR_OK;
}

}  // namespace

context::~context() = default;

result<std::shared_ptr<const context>> context::load(const context_settings& settings) {
    std::shared_ptr<context> made(new context);
    if (auto prepared = made->prepare(settings); !prepared) return tl::unexpected(std::move(prepared.error()));
    return made;
}

result<void> context::prepare(const context_settings& settings) {
    ERR_clear_error();
    native_.reset(SSL_CTX_new(TLS_method()));
    if (!native_) return crypto_failure("TLS cannot be used");
    return set_rules(settings)
        .and_then([&] { return set_protocols(settings); })
        .and_then([&] { return use_identity(settings); })
        .and_then([&] { return trust_authorities(settings); });
}

result<void> context::set_rules(const context_settings& settings) {
    auto* const native = native_.get();
    SSL_CTX_set_security_level(native, security_level);
    const int oldest = settings.oldest == protocol_version::tls_1_3 ? TLS1_3_VERSION : TLS1_2_VERSION;
    if (!SSL_CTX_set_min_proto_version(native, oldest) || !SSL_CTX_set_max_proto_version(native, TLS1_3_VERSION) ||
        !SSL_CTX_set_cipher_list(native, old_ciphers) || !SSL_CTX_set1_groups_list(native, groups))
        return crypto_failure("TLS cannot be used");
    SSL_CTX_set_options(native, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_num_tickets(native, 0);
    SSL_CTX_set_session_cache_mode(native, SSL_SESS_CACHE_OFF);
    // The chain is taken from the file; the authority itself need not be sent.
    SSL_CTX_set_mode(native, SSL_MODE_NO_AUTO_CHAIN);
    SSL_CTX_set_verify_depth(native, longest_chain);
    if (settings.peers == peer_rule::none) SSL_CTX_set_verify(native, SSL_VERIFY_NONE, nullptr);
    else
        SSL_CTX_set_verify(
            native,
            SSL_VERIFY_PEER | (settings.peers == peer_rule::its_role_if_any ? 0 : SSL_VERIFY_FAIL_IF_NO_PEER_CERT),
            settings.peers == peer_rule::both_roles ? verify_server_of_link : verify_peer);
    return {};
}

result<void> context::set_protocols(const context_settings& settings) {
    for (const auto& each : settings.alpn) {
        if (each.empty() || each.size() > 255)
            return context_failure(error_code::bad_setting, {}, "an application protocol (ALPN) has 1 to 255 bytes");
        protocols_ += static_cast<char>(each.size());
        protocols_ += each;
    }
    if (protocols_.empty()) return {};
    SSL_CTX_set_alpn_select_cb(native_.get(), choose_protocol, &protocols_);
    if (SSL_CTX_set_alpn_protos(native_.get(), reinterpret_cast<const unsigned char*>(protocols_.data()),
                                static_cast<unsigned>(protocols_.size())) != 0)
        return crypto_failure("the application protocols (ALPN) cannot be set");
    return {};
}

result<void> context::use_identity(const context_settings& settings) {
    const auto& path = settings.certificate_file;
    if (path.empty() != settings.key_file.empty())
        return context_failure(error_code::bad_setting, path.empty() ? settings.key_file : path,
                               "a certificate and its private key are given together or not at all");
    if (path.empty()) return {};
    auto chain = read_certificates(path);
    if (!chain) return tl::unexpected(std::move(chain.error()));
    auto key = read_key(settings.key_file);
    if (!key) return tl::unexpected(std::move(key.error()));
    auto& own = chain->front();
    if (X509_check_private_key(own.get(), key->get()) != 1)
        return context_failure(error_code::key_mismatch, settings.key_file,
                               "is not the key of the certificate in " + path);
    certificate_ = describe(*own);
    certificate_file_ = path;
    if (settings.peers == peer_rule::both_roles && (!certificate_->is_for_servers || !certificate_->is_for_clients))
        return context_failure(error_code::certificate_unfit, path,
                               "a link needs a certificate for servers and clients both (extendedKeyUsage)");
    ERR_clear_error();
    if (!SSL_CTX_use_certificate(native_.get(), own.get()) || !SSL_CTX_use_PrivateKey(native_.get(), key->get()))
        return context_failure(error_code::certificate_unfit, path, take_crypto_reason());
    for (std::size_t i = 1; i < chain->size(); ++i)
        if (!SSL_CTX_add1_chain_cert(native_.get(), (*chain)[i].get()))
            return context_failure(error_code::certificate_unfit, path, take_crypto_reason());
    return {};
}

result<void> context::trust_authorities(const context_settings& settings) {
    if (settings.peers == peer_rule::none) return {};
    if (settings.authority_files.empty())
        return context_failure(error_code::bad_setting, {},
                               "no authority is named, so no certificate could be trusted");
    handle<X509_STORE> store(X509_STORE_new());
    if (!store) return crypto_failure("TLS cannot be used");
    for (const auto& path : settings.authority_files) {
        auto certificates = read_certificates(path);
        if (!certificates) return tl::unexpected(std::move(certificates.error()));
        for (const auto& each : *certificates) {
            authorities_.push_back(describe(*each));
            if (!authorities_.back().is_authority)
                return context_failure(
                    error_code::not_an_authority, path,
                    "holds the certificate of " + authorities_.back().subject + ", which is no authority");
            if (!X509_STORE_add_cert(store.get(), each.get()))
                return context_failure(error_code::crypto_failed, path, take_crypto_reason());
        }
    }
    authority_file_ = settings.authority_files.front();
    SSL_CTX_set1_verify_cert_store(native_.get(), store.get());
    return {};
}

std::optional<error> context::out_of_time(std::chrono::sys_seconds now) const {
    if (certificate_ && now > certificate_->not_after)
        return error{error_code::certificate_expired, certificate_file_ + ": the certificate expired " +
                                                          format_time(certificate_->not_after) + "; renew it"};
    if (certificate_ && now < certificate_->not_before)
        return error{error_code::certificate_not_yet_valid, certificate_file_ + ": the certificate is good from " +
                                                                format_time(certificate_->not_before) +
                                                                " only; is the clock of this machine right?"};
    // An expired one may be in the file beside its successor.
    const auto has_ended = [now](const certificate_info& each) { return now > each.not_after; };
    if (!authorities_.empty() && std::all_of(authorities_.begin(), authorities_.end(), has_ended))
        return error{error_code::certificate_expired, authority_file_ + ": the authority's certificate expired " +
                                                          format_time(authorities_.front().not_after) +
                                                          "; make a new authority"};
    return std::nullopt;
}

}  // namespace bester::tls
