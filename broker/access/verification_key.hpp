#pragma once

#include <openssl/types.h>
#include <memory>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "access/token_settings.hpp"
#include "json/value.hpp"

namespace bester::access {

using json::json_kind;
using json::json_value;

/// A key that verifies signatures by the one algorithm that it was made for, whatever the token claims. Immutable after
/// it was made; any thread may verify. Errors describe what is wrong with the key, without any part of it.
class verification_key {
public:
    using made = tl::expected<verification_key, std::string>;

    /// From a PEM public key: RSA of at least 2048 bits, P-256 or Ed25519.
    static made from_pem(std::string_view text);
    /// A secret of at least 32 bytes, for HS256.
    static made from_secret(std::string_view secret);
    /// Makes a key from one of a JWKS; see jwk_kind for keys that are ignored.
    static made from_jwk(const json_value& jwk, token_algorithm algorithm);

    verification_key(verification_key&& other) noexcept;
    verification_key& operator=(verification_key&& other) noexcept;
    ~verification_key();

    token_algorithm algorithm() const noexcept { return algorithm_; }
    /// Returns the id that tokens name (`kid`); empty if there is none.
    const std::string& id() const noexcept { return id_; }
    void set_id(std::string id) { id_ = std::move(id); }

    bool verify(std::string_view signed_text, std::string_view signature) const;

private:
    struct pkey_deleter {
        void operator()(EVP_PKEY* key) const noexcept;
    };
    using pkey = std::unique_ptr<EVP_PKEY, pkey_deleter>;

    verification_key(token_algorithm algorithm, pkey key) : algorithm_(algorithm), key_(std::move(key)) {}
    static made from_pkey(pkey key);
    static made from_rsa_jwk(const json_value& jwk);
    static made from_ec_jwk(const json_value& jwk);
    static made from_okp_jwk(const json_value& jwk);

    token_algorithm algorithm_;
    std::string id_;
    pkey key_;            ///< for all algorithms but HS256
    std::string secret_;  ///< for HS256; zeroed at the end
};

/// Returns the algorithm of a key of a JWKS, by its `kty` and `crv`; none for keys of another kind, for encryption, or
/// for another algorithm of the same kind.
std::optional<token_algorithm> algorithm_of_jwk(const json_value& jwk) noexcept;

}  // namespace bester::access
