#include "token_fixture.hpp"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <stdexcept>

namespace bester::access {

namespace {

const unsigned char* bytes_of(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

template <class Write>
std::string written(Write write) {
    BIO* out = BIO_new(BIO_s_mem());
    write(out);
    char* text = nullptr;
    const long size = BIO_get_mem_data(out, &text);
    std::string pem{text, static_cast<std::size_t>(size)};
    BIO_free(out);
    return pem;
}

std::string number_param(const EVP_PKEY* key, const char* name, std::size_t size) {
    BIGNUM* number = nullptr;
    if (EVP_PKEY_get_bn_param(key, name, &number) != 1) throw std::runtime_error(name);
    std::string bytes(size == 0 ? static_cast<std::size_t>(BN_num_bytes(number)) : size, '\0');
    BN_bn2binpad(number, reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
    BN_free(number);
    return base64url_of(bytes);
}

std::shared_ptr<EVP_PKEY> owned(EVP_PKEY* key) {
    if (!key) throw std::runtime_error("no key made");
    return {key, EVP_PKEY_free};
}

}  // namespace

std::ostream& operator<<(std::ostream& out, token_algorithm algorithm) { return out << to_string(algorithm); }
std::ostream& operator<<(std::ostream& out, const token_error& error) {
    return out << wire::describe(error.code).text << ": " << error.reason;
}

signing_key signing_key::rsa(unsigned bits) {
    signing_key made;
    made.key_ = owned(EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", static_cast<std::size_t>(bits)));
    return made;
}
signing_key signing_key::p256() { return of_curve("P-256"); }
signing_key signing_key::ed25519() {
    signing_key made;
    made.key_ = owned(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
    return made;
}
signing_key signing_key::of_curve(const char* name) {
    signing_key made;
    made.key_ = owned(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", name));
    return made;
}
signing_key signing_key::secret(std::string bytes) {
    signing_key made;
    made.secret_ = std::move(bytes);
    return made;
}

std::string signing_key::pem() const {
    return written([&](BIO* out) { PEM_write_bio_PUBKEY(out, key_.get()); });
}
std::string signing_key::private_pem() const {
    return written([&](BIO* out) { PEM_write_bio_PrivateKey(out, key_.get(), nullptr, nullptr, 0, nullptr, nullptr); });
}

std::string signing_key::jwk(std::string_view more) const {
    std::string text;
    if (!key_) {
        text = R"({"kty":"oct","k":")" + base64url_of(secret_) + '"';
    } else if (EVP_PKEY_get_base_id(key_.get()) == EVP_PKEY_RSA) {
        text = R"({"kty":"RSA","n":")" + number_param(key_.get(), OSSL_PKEY_PARAM_RSA_N, 0) + R"(","e":")" +
               number_param(key_.get(), OSSL_PKEY_PARAM_RSA_E, 0) + '"';
    } else if (EVP_PKEY_get_base_id(key_.get()) == EVP_PKEY_EC) {
        text = R"({"kty":"EC","crv":"P-256","x":")" + number_param(key_.get(), OSSL_PKEY_PARAM_EC_PUB_X, 32) +
               R"(","y":")" + number_param(key_.get(), OSSL_PKEY_PARAM_EC_PUB_Y, 32) + '"';
    } else {
        std::string x(32, '\0');
        std::size_t size = x.size();
        EVP_PKEY_get_raw_public_key(key_.get(), reinterpret_cast<unsigned char*>(x.data()), &size);
        text = R"({"kty":"OKP","crv":"Ed25519","x":")" + base64url_of(x) + '"';
    }
    return text.append(more) + '}';
}

std::string signing_key::sign(std::string_view text) const {
    if (!key_) {
        std::string mac(32, '\0');
        unsigned size = 0;
        HMAC(EVP_sha256(), secret_.data(), static_cast<int>(secret_.size()), bytes_of(text), text.size(),
             reinterpret_cast<unsigned char*>(mac.data()), &size);
        return mac;
    }
    EVP_MD_CTX* context = EVP_MD_CTX_new();
    const int kind = EVP_PKEY_get_base_id(key_.get());
    EVP_DigestSignInit(context, nullptr, kind == EVP_PKEY_ED25519 ? nullptr : EVP_sha256(), nullptr, key_.get());
    std::size_t size = 0;
    EVP_DigestSign(context, nullptr, &size, bytes_of(text), text.size());
    std::string signature(size, '\0');
    EVP_DigestSign(context, reinterpret_cast<unsigned char*>(signature.data()), &size, bytes_of(text), text.size());
    EVP_MD_CTX_free(context);
    signature.resize(size);
    if (kind != EVP_PKEY_EC) return signature;
    const unsigned char* der = bytes_of(signature);
    ECDSA_SIG* both = d2i_ECDSA_SIG(nullptr, &der, static_cast<long>(size));
    std::string pair(64, '\0');
    auto* to = reinterpret_cast<unsigned char*>(pair.data());
    BN_bn2binpad(ECDSA_SIG_get0_r(both), to, 32);
    BN_bn2binpad(ECDSA_SIG_get0_s(both), to + 32, 32);
    ECDSA_SIG_free(both);
    return pair;
}

const signing_key& rsa_key() {
    static const signing_key key = signing_key::rsa();
    return key;
}
const signing_key& p256_key() {
    static const signing_key key = signing_key::p256();
    return key;
}
const signing_key& ed25519_key() {
    static const signing_key key = signing_key::ed25519();
    return key;
}
std::string secret_text() { return "a secret of more than 32 bytes, as it has to be"; }
const signing_key& secret_key() {
    static const signing_key key = signing_key::secret(secret_text());
    return key;
}

std::string make_token(const signing_key& key, std::string_view header, std::string_view payload) {
    const std::string text = base64url_of(header) + '.' + base64url_of(payload);
    return text + '.' + base64url_of(key.sign(text));
}

std::chrono::sys_seconds at(long long seconds) { return std::chrono::sys_seconds{std::chrono::seconds{seconds}}; }

std::string good_claims(std::string_view more) {
    return R"({"sub":"tina","exp":)" + std::to_string(test_now + 3'600) + std::string{more} + '}';
}

token_settings settings_for(std::vector<token_algorithm> algorithms) {
    token_settings settings;
    settings.algorithms = std::move(algorithms);
    settings.key_file = "key.pem";
    return settings;
}

std::shared_ptr<const token_verifier> must_make(const token_settings& settings, std::string_view key_text) {
    auto made = token_verifier::make(settings, key_text);
    if (!made) throw std::runtime_error(made.error().front());
    return *made;
}

std::shared_ptr<const token_verifier> secret_verifier(token_settings settings) {
    return must_make(settings, secret_text());
}
std::string secret_token(std::string_view payload) { return make_token(secret_key(), R"({"alg":"HS256"})", payload); }

wire::error_code code_of(const tl::expected<token_identity, token_error>& outcome) {
    return outcome ? wire::error_code::none : outcome.error().code;
}

}  // namespace bester::access
