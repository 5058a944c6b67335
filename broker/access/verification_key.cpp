#include "access/verification_key.hpp"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <sodium.h>
#include <algorithm>

#include "wire/base64.hpp"
#include "wire/counted.hpp"

namespace bester::access {

namespace {

constexpr std::size_t least_secret_size = 32;
constexpr int least_rsa_bits = 2048;
constexpr int most_rsa_bits = 8192;  // larger keys cost milliseconds, which a stranger could make the broker spend

template <auto Free>
struct freed_by {
    template <class Object>
    void operator()(Object* object) const noexcept {
        Free(object);
    }
};
using bio = std::unique_ptr<BIO, freed_by<BIO_free>>;
using bignum = std::unique_ptr<BIGNUM, freed_by<BN_free>>;
using ecdsa_signature = std::unique_ptr<ECDSA_SIG, freed_by<ECDSA_SIG_free>>;
using digest_context = std::unique_ptr<EVP_MD_CTX, freed_by<EVP_MD_CTX_free>>;
using key_context = std::unique_ptr<EVP_PKEY_CTX, freed_by<EVP_PKEY_CTX_free>>;
using param_builder = std::unique_ptr<OSSL_PARAM_BLD, freed_by<OSSL_PARAM_BLD_free>>;
using params = std::unique_ptr<OSSL_PARAM, freed_by<OSSL_PARAM_free>>;

const unsigned char* bytes_of(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

bignum number_of(std::string_view bytes) {
    return bignum{BN_bin2bn(bytes_of(bytes), static_cast<int>(bytes.size()), nullptr)};
}

/// Empties the thread's queue of errors, which belongs to TLS sessions, too.
struct quiet_openssl {
    quiet_openssl() { ERR_set_mark(); }
    ~quiet_openssl() { ERR_pop_to_mark(); }
};

tl::unexpected<std::string> wrong(std::string words) { return tl::unexpected(std::move(words)); }

/// Reads a member that holds bytes.
std::optional<std::string> bytes_in(const json_value& jwk, std::string_view name) {
    const json_value* member = jwk.value_of(name);
    if (!member || !member->is(json_kind::string)) return std::nullopt;
    return wire::decode_base64url(member->text);
}

std::string_view text_in(const json_value& jwk, std::string_view name) noexcept {
    const json_value* member = jwk.value_of(name);
    return member && member->is(json_kind::string) ? std::string_view{member->text} : std::string_view{};
}

EVP_PKEY* build_key(const char* type, OSSL_PARAM_BLD* builder) {
    const params built{OSSL_PARAM_BLD_to_param(builder)};
    const key_context context{EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr)};
    EVP_PKEY* key = nullptr;
    if (built && context && EVP_PKEY_fromdata_init(context.get()) == 1)
        EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, built.get());
    return key;
}

/// The signature of ES256 is two numbers of 32 bytes; OpenSSL wants them in DER.
std::string der_of(std::string_view pair) {
    if (pair.size() != 64) return {};
    bignum r = number_of(pair.substr(0, 32)), s = number_of(pair.substr(32));
    const ecdsa_signature signature{ECDSA_SIG_new()};
    if (!r || !s || !signature || ECDSA_SIG_set0(signature.get(), r.get(), s.get()) != 1) return {};
    static_cast<void>(r.release());
    static_cast<void>(s.release());
    const int size = i2d_ECDSA_SIG(signature.get(), nullptr);
    if (size <= 0) return {};
    std::string der(static_cast<std::size_t>(size), '\0');
    auto* at = reinterpret_cast<unsigned char*>(der.data());
    i2d_ECDSA_SIG(signature.get(), &at);
    return der;
}

}  // namespace

void verification_key::pkey_deleter::operator()(EVP_PKEY* key) const noexcept { EVP_PKEY_free(key); }

verification_key::verification_key(verification_key&& other) noexcept = default;

verification_key& verification_key::operator=(verification_key&& other) noexcept {
    std::swap(algorithm_, other.algorithm_);
    id_.swap(other.id_);
    key_.swap(other.key_);
    secret_.swap(other.secret_);
    return *this;
}

verification_key::~verification_key() { sodium_memzero(secret_.data(), secret_.size()); }

verification_key::made verification_key::from_secret(std::string_view secret) {
    if (secret.size() < least_secret_size)
        return wrong("the secret has " + wire::counted(secret.size(), "byte") + "; HS256 needs 32 at least");
    verification_key made{token_algorithm::hs256, nullptr};
    made.secret_ = secret;
    return made;
}

verification_key::made verification_key::from_pem(std::string_view text) {
    const quiet_openssl quiet;
    if (text.find("PRIVATE KEY-----") != text.npos)
        return wrong("this is a private key; only the public part belongs here (openssl pkey -pubout)");
    if (text.find("-----BEGIN CERTIFICATE-----") != text.npos)
        return wrong("this is a certificate; its public key is wanted (openssl x509 -pubkey -noout)");
    const bio source{BIO_new_mem_buf(text.data(), static_cast<int>(text.size()))};
    pkey key{source ? PEM_read_bio_PUBKEY(source.get(), nullptr, nullptr, nullptr) : nullptr};
    if (!key) return wrong("this is no PEM public key");
    return from_pkey(std::move(key));
}

verification_key::made verification_key::from_pkey(pkey key) {
    if (!key) return wrong("the key is not valid");
    const auto is_sound = [&] {
        const key_context context{EVP_PKEY_CTX_new_from_pkey(nullptr, key.get(), nullptr)};
        return context && EVP_PKEY_public_check(context.get()) == 1;
    };
    switch (EVP_PKEY_get_base_id(key.get())) {
        case EVP_PKEY_RSA: {
            const int bits = EVP_PKEY_get_bits(key.get());
            if (bits < least_rsa_bits || bits > most_rsa_bits)
                return wrong("the RSA key has " + std::to_string(bits) + " bits; 2048 to 8192 are taken");
            if (!is_sound()) return wrong("the RSA key is not valid");
            return verification_key{token_algorithm::rs256, std::move(key)};
        }
        case EVP_PKEY_EC: {
            char group[32] = {};
            std::size_t size = 0;
            EVP_PKEY_get_group_name(key.get(), group, sizeof(group), &size);
            if (std::string_view{group} != "prime256v1")
                return wrong("the key is of another curve than P-256, which ES256 needs");
            if (!is_sound()) return wrong("the P-256 key is not valid");
            return verification_key{token_algorithm::es256, std::move(key)};
        }
        case EVP_PKEY_ED25519: return verification_key{token_algorithm::eddsa, std::move(key)};
        default: return wrong("keys of this kind are not taken: RSA, P-256 and Ed25519 are");
    }
}

verification_key::made verification_key::from_rsa_jwk(const json_value& jwk) {
    const auto modulus = bytes_in(jwk, "n"), exponent = bytes_in(jwk, "e");
    if (!modulus || !exponent || modulus->size() > most_rsa_bits / 8 + 1 || exponent->size() > 8)
        return wrong("`n` and `e` of the RSA key are not valid");
    const bignum n = number_of(*modulus), e = number_of(*exponent);
    const param_builder builder{OSSL_PARAM_BLD_new()};
    if (!n || !e || !builder || OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) != 1 ||
        OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get()) != 1)
        return wrong("the RSA key is not valid");
    return from_pkey(pkey{build_key("RSA", builder.get())});
}

verification_key::made verification_key::from_ec_jwk(const json_value& jwk) {
    const auto x = bytes_in(jwk, "x"), y = bytes_in(jwk, "y");
    if (!x || !y || x->size() != 32 || y->size() != 32)
        return wrong("`x` and `y` of the P-256 key are not 32 bytes each");
    const std::string point = '\x04' + *x + *y;
    const param_builder builder{OSSL_PARAM_BLD_new()};
    if (!builder || OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0) != 1 ||
        OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size()) != 1)
        return wrong("the P-256 key is not valid");
    return from_pkey(pkey{build_key("EC", builder.get())});
}

verification_key::made verification_key::from_okp_jwk(const json_value& jwk) {
    const auto x = bytes_in(jwk, "x");
    if (!x || x->size() != 32) return wrong("`x` of the Ed25519 key is not 32 bytes");
    return from_pkey(pkey{EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, bytes_of(*x), x->size())});
}

verification_key::made verification_key::from_jwk(const json_value& jwk, token_algorithm algorithm) {
    const quiet_openssl quiet;
    if (algorithm != token_algorithm::hs256 && jwk.value_of("d"))
        return wrong("this is a private key; only the public part belongs here");
    made key = wrong({});
    switch (algorithm) {
        case token_algorithm::hs256: {
            auto secret = bytes_in(jwk, "k");
            if (!secret) return wrong("`k` of the secret is not valid");
            key = from_secret(*secret);
            sodium_memzero(secret->data(), secret->size());
            break;
        }
        case token_algorithm::rs256: key = from_rsa_jwk(jwk); break;
        case token_algorithm::es256: key = from_ec_jwk(jwk); break;
        case token_algorithm::eddsa: key = from_okp_jwk(jwk); break;
    }
    if (key) key->set_id(std::string{text_in(jwk, "kid")});
    return key;
}

bool verification_key::verify(std::string_view signed_text, std::string_view signature) const {
    if (algorithm_ == token_algorithm::hs256) {
        unsigned char own[crypto_auth_hmacsha256_BYTES];
        crypto_auth_hmacsha256_state state;
        crypto_auth_hmacsha256_init(&state, bytes_of(secret_), secret_.size());
        crypto_auth_hmacsha256_update(&state, bytes_of(signed_text), signed_text.size());
        crypto_auth_hmacsha256_final(&state, own);
        sodium_memzero(&state, sizeof(state));
        return signature.size() == sizeof(own) && sodium_memcmp(own, signature.data(), sizeof(own)) == 0;
    }
    const quiet_openssl quiet;
    std::string der;
    if (algorithm_ == token_algorithm::es256) {
        der = der_of(signature);
        if (der.empty()) return false;
        signature = der;
    }
    const digest_context context{EVP_MD_CTX_new()};
    // Ed25519 has its hash built in.
    const EVP_MD* hash = algorithm_ == token_algorithm::eddsa ? nullptr : EVP_sha256();
    return context && EVP_DigestVerifyInit(context.get(), nullptr, hash, nullptr, key_.get()) == 1 &&
           EVP_DigestVerify(context.get(), bytes_of(signature), signature.size(), bytes_of(signed_text),
                            signed_text.size()) == 1;
}

std::optional<token_algorithm> algorithm_of_jwk(const json_value& jwk) noexcept {
    if (const json_value* use = jwk.value_of("use"); use && use->text != "sig") return std::nullopt;
    if (const json_value* operations = jwk.value_of("key_ops"))
        if (std::none_of(operations->elements.begin(), operations->elements.end(),
                         [](const auto& o) { return o.text == "verify"; }))
            return std::nullopt;
    const std::string_view kind = text_in(jwk, "kty"), curve = text_in(jwk, "crv");
    std::optional<token_algorithm> algorithm;
    if (kind == "oct") algorithm = token_algorithm::hs256;
    if (kind == "RSA") algorithm = token_algorithm::rs256;
    if (kind == "EC" && curve == "P-256") algorithm = token_algorithm::es256;
    if (kind == "OKP" && curve == "Ed25519") algorithm = token_algorithm::eddsa;
    if (const json_value* named = jwk.value_of("alg"); algorithm && named && named->text != to_string(*algorithm))
        return std::nullopt;
    return algorithm;
}

}  // namespace bester::access
