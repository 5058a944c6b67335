#include "tls_session.hpp"

#include <algorithm>
#include <climits>
#include <cstring>
#include <utility>

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

namespace bester::client_detail {
namespace {

struct free_context {
    void operator()(SSL_CTX* context) const noexcept { SSL_CTX_free(context); }
};

/// What OpenSSL said first, and no more: it empties the queue.
std::string openssl_reason() {
    const unsigned long code = ERR_get_error();
    ERR_clear_error();
    if (ERR_SYSTEM_ERROR(code)) return std::strerror(ERR_GET_REASON(code));
    const char* const reason = code == 0 ? nullptr : ERR_reason_error_string(code);
    return reason ? reason : "unknown error";
}

tl::unexpected<error_info> failed(std::string why) {
    return tl::unexpected(error_info{"tls_failed", std::move(why), false});
}

bool is_address(const std::string& host) {
    unsigned char parsed[sizeof(in6_addr)];
    return ::inet_pton(AF_INET, host.c_str(), parsed) == 1 || ::inet_pton(AF_INET6, host.c_str(), parsed) == 1;
}

/// Whom to trust, and who we are.
tl::expected<void, error_info> read_files(SSL_CTX* context, const tls_options& options) {
    const bool trusts = options.authority.empty() ? SSL_CTX_set_default_verify_paths(context) == 1
                                                  : SSL_CTX_load_verify_file(context, options.authority.c_str()) == 1;
    if (!trusts)
        return failed("the authority's certificate " + options.authority + " cannot be read: " + openssl_reason());
    if (options.certificate.empty()) return {};
    if (SSL_CTX_use_certificate_chain_file(context, options.certificate.c_str()) != 1)
        return failed("the certificate " + options.certificate + " cannot be read: " + openssl_reason());
    const std::string& key = options.key.empty() ? options.certificate : options.key;
    if (SSL_CTX_use_PrivateKey_file(context, key.c_str(), SSL_FILETYPE_PEM) != 1)
        return failed("the key " + key + " cannot be read, or is not the certificate's: " + openssl_reason());
    return {};
}

bool expect_name(SSL* ssl, const std::string& name) {
    if (is_address(name)) return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name.c_str()) == 1;
    return SSL_set1_host(ssl, name.c_str()) == 1 && SSL_set_tlsext_host_name(ssl, name.c_str()) == 1;
}

}  // namespace

void tls_session::free_ssl::operator()(ssl_st* ssl) const noexcept { SSL_free(ssl); }

tl::expected<tls_session, error_info> tls_session::begin(const tls_options& options, const std::string& host) {
    ERR_clear_error();
    const std::unique_ptr<SSL_CTX, free_context> context(SSL_CTX_new(TLS_client_method()));
    if (!context) return failed("OpenSSL gives no context: " + openssl_reason());
    SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
    if (auto read = read_files(context.get(), options); !read) return tl::unexpected(std::move(read.error()));

    tls_session made(SSL_new(context.get()));
    SSL* const ssl = made.ssl_.get();
    BIO* const in = ssl ? BIO_new(BIO_s_mem()) : nullptr;
    BIO* const out = in ? BIO_new(BIO_s_mem()) : nullptr;
    if (!out) {
        BIO_free(in);
        return failed("OpenSSL gives no connection: " + openssl_reason());
    }
    SSL_set_bio(ssl, in, out);
    SSL_set_connect_state(ssl);
    const std::string& name = options.name.empty() ? host : options.name;
    if (!expect_name(ssl, name)) return failed("\"" + name + "\" is no name that a certificate has");
    if (!made.shake_hands()) return failed(made.failure_);
    return made;
}

/// False: it failed. Otherwise it is done, or waits for the other side.
bool tls_session::shake_hands() {
    const int outcome = SSL_do_handshake(ssl_.get());
    const bool is_good = outcome == 1 || SSL_get_error(ssl_.get(), outcome) == SSL_ERROR_WANT_READ;
    if (!is_good) fail();
    take_output();  // when it failed, that is the alert that tells the other side
    if (outcome == 1 && !unsent_.empty()) send(std::exchange(unsent_, {}));
    return is_good;
}

bool tls_session::receive(std::string_view bytes, std::string& plain) {
    ERR_clear_error();
    while (!bytes.empty()) {
        const int size = static_cast<int>(std::min<std::size_t>(bytes.size(), INT_MAX));
        const int taken = BIO_write(SSL_get_rbio(ssl_.get()), bytes.data(), size);
        if (taken <= 0) return fail(), false;
        bytes.remove_prefix(static_cast<std::size_t>(taken));
    }
    if (SSL_is_init_finished(ssl_.get()) == 0 && !shake_hands()) return false;
    if (SSL_is_init_finished(ssl_.get()) == 0) return true;
    for (;;) {
        constexpr std::size_t record_size = std::size_t{16} << 10;
        const auto before = plain.size();
        plain.resize(before + record_size);
        std::size_t got = 0;
        const int outcome = SSL_read_ex(ssl_.get(), plain.data() + before, record_size, &got);
        plain.resize(before + got);
        if (outcome == 1) continue;
        const int why = SSL_get_error(ssl_.get(), outcome);
        take_output();
        if (why == SSL_ERROR_WANT_READ) return true;
        if (why != SSL_ERROR_ZERO_RETURN) fail();
        return false;
    }
}

void tls_session::send(std::string_view plain) {
    if (SSL_is_init_finished(ssl_.get()) == 0) {
        unsent_.append(plain);
        return;
    }
    ERR_clear_error();
    std::size_t written = 0;
    // A memory BIO takes everything.
    if (!plain.empty() && SSL_write_ex(ssl_.get(), plain.data(), plain.size(), &written) != 1) fail();
    take_output();
}

void tls_session::farewell() {
    if (!failure_.empty() || SSL_is_init_finished(ssl_.get()) == 0) return;
    ERR_clear_error();
    SSL_shutdown(ssl_.get());
    ERR_clear_error();
    take_output();
}

void tls_session::fail() {
    const long verdict = SSL_get_verify_result(ssl_.get());
    std::string reason = openssl_reason();
    if (verdict != X509_V_OK)
        reason = std::string("the broker's certificate is not taken: ") + X509_verify_cert_error_string(verdict);
    if (failure_.empty()) failure_ = std::move(reason);
}

void tls_session::take_output() {
    char* data = nullptr;
    const long size = BIO_get_mem_data(SSL_get_wbio(ssl_.get()), &data);
    if (size > 0) output_.append(data, static_cast<std::size_t>(size));
    BIO_reset(SSL_get_wbio(ssl_.get()));
}

}  // namespace bester::client_detail
