#pragma once

#include <openssl/types.h>
#include <catch2/catch.hpp>
#include <memory>
#include <ostream>
#include <string>
#include <string_view>

#include "../wire/base64url_text.hpp"
#include "access/token_verifier.hpp"

namespace bester::access {

using wire::decode_base64url;
using wire::test::base64url_of;

std::ostream& operator<<(std::ostream& out, token_algorithm algorithm);
std::ostream& operator<<(std::ostream& out, const token_error& error);

/// A key pair, or a secret, that tokens of tests are signed with.
class signing_key {
public:
    static signing_key rsa(unsigned bits = 2048);
    static signing_key p256();
    static signing_key ed25519();
    static signing_key of_curve(const char* name);
    static signing_key secret(std::string bytes);

    std::string pem() const;  ///< the public part
    std::string private_pem() const;
    /// The public part as an object of a JWKS; `more`: members to add, e.g. `,"kid":"a"`.
    std::string jwk(std::string_view more = "") const;
    /// As JWS has it: ES256 as two numbers, not as DER.
    std::string sign(std::string_view text) const;

private:
    std::string secret_;
    std::shared_ptr<EVP_PKEY> key_;
};

/// One of each, made once.
const signing_key& rsa_key();
const signing_key& p256_key();
const signing_key& ed25519_key();
const signing_key& secret_key();
std::string secret_text();

/// A token of any header and payload, signed.
std::string make_token(const signing_key& key, std::string_view header, std::string_view payload);

/// The time of all tests, in seconds, and a payload that is good then.
inline constexpr long long test_now = 1'700'000'000;
std::chrono::sys_seconds at(long long seconds = test_now);
/// `{"sub":"tina","exp":…` and what is added, e.g. `,"roles":["a"]`.
std::string good_claims(std::string_view more = "");

token_settings settings_for(std::vector<token_algorithm> algorithms);
/// Throws what is wrong with the settings.
std::shared_ptr<const token_verifier> must_make(const token_settings& settings, std::string_view key_text);
/// Takes HS256 of secret_key().
std::shared_ptr<const token_verifier> secret_verifier(token_settings settings = settings_for({token_algorithm::hs256}));
std::string secret_token(std::string_view payload);

/// The code of a refusal; none if the token was believed.
wire::error_code code_of(const tl::expected<token_identity, token_error>& outcome);

}  // namespace bester::access
