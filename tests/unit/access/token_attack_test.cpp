// What is tried with tokens that are not ours.
#include <openssl/err.h>

#include "token_fixture.hpp"

namespace bester::access {

using wire::error_code;
using enum token_algorithm;

namespace {

const std::string hs256_header = R"({"alg":"HS256"})";

/// Takes tokens of all our keys, named by `kid`.
std::shared_ptr<const token_verifier> set_verifier(std::vector<token_algorithm> allowed = {hs256, rs256, es256,
                                                                                           eddsa}) {
    token_settings settings = settings_for(std::move(allowed));
    settings.key_file.clear();
    settings.jwks_file = "keys.json";
    return must_make(settings, R"({"keys":[)" + rsa_key().jwk(R"(,"kid":"r")") + ',' + p256_key().jwk(R"(,"kid":"p")") +
                                   ',' + ed25519_key().jwk(R"(,"kid":"e")") + ',' + secret_key().jwk(R"(,"kid":"s")") +
                                   "]}");
}

error_code tried(const std::string& token, const std::shared_ptr<const token_verifier>& by = secret_verifier()) {
    return code_of(by->verify(token, at()));
}

}  // namespace

TEST_CASE("token attack: an unsigned token is refused however it names its algorithm", "[access]") {
    const auto name = GENERATE(as<std::string>{}, "none", "None", "NONE", "nOnE", "", "HS256\\u0000", "hs256", "HS384",
                               "HS512", "RS384", "PS256", "ES256K", "EdDSA ", "Ed25519");
    const std::string header = R"({"alg":")" + name + "\"}";
    const std::string text = base64url_of(header) + '.' + base64url_of(good_claims()) + '.';
    CAPTURE(name);
    for (const auto& verifier : {secret_verifier(), set_verifier()}) {
        CHECK(tried(text, verifier) == error_code::token_invalid);
        CHECK(tried(text + "AA", verifier) == error_code::token_invalid);
        CHECK(tried(make_token(secret_key(), header, good_claims()), verifier) == error_code::token_invalid);
    }
}

TEST_CASE("token attack: a public key is no secret", "[access]") {
    // HS256 with all that an attacker has of a public key, against a verifier that takes HS256, too.
    const auto& [pair, text] =
        GENERATE(std::pair{&rsa_key, "rs256"}, std::pair{&p256_key, "es256"}, std::pair{&ed25519_key, "eddsa"});
    CAPTURE(text);
    const auto verifier = must_make(settings_for({hs256, rs256, es256, eddsa}), pair().pem());
    const std::string pem = pair().pem();
    for (const std::string& secret : {pem, pem.substr(0, pem.size() - 1), pair().jwk(), std::string{}}) {
        const auto forger = signing_key::secret(secret);
        for (const std::string header :
             {R"({"alg":"HS256"})", R"({"alg":"HS256","kid":"r"})", R"({"alg":"RS256"})", R"({"alg":"ES256"})"}) {
            CHECK(tried(make_token(forger, header, good_claims()), verifier) == error_code::token_invalid);
            CHECK(tried(make_token(forger, header, good_claims()), set_verifier()) == error_code::token_invalid);
        }
    }
}

TEST_CASE("token attack: a key does not sign for another's algorithm or id", "[access]") {
    const auto verifier = set_verifier();
    const auto header = [](const std::string& algorithm, const std::string& id) {
        return R"({"alg":")" + algorithm + R"(","kid":")" + id + "\"}";
    };
    CHECK(tried(make_token(secret_key(), header("HS256", "s"), good_claims()), verifier) == error_code::none);
    for (const char* id : {"r", "p", "e", "S", "", "../../dev/null", "s' OR '1'='1"})
        CHECK(tried(make_token(secret_key(), header("HS256", id), good_claims()), verifier) ==
              error_code::token_invalid);
    for (const char* algorithm : {"RS256", "ES256", "EdDSA"})
        CHECK(tried(make_token(secret_key(), header(algorithm, "s"), good_claims()), verifier) ==
              error_code::token_invalid);
    CHECK(tried(make_token(rsa_key(), header("RS256", "r"), good_claims()), verifier) == error_code::none);
    CHECK(tried(make_token(rsa_key(), header("RS256", "r"), good_claims()), set_verifier({hs256})) ==
          error_code::token_invalid);
    for (const char* id : {"7", "null", "[\"s\"]", "{}"})
        CHECK(tried(make_token(secret_key(), R"({"alg":"HS256","kid":)" + std::string{id} + "}", good_claims()),
                    verifier) == error_code::token_invalid);
}

TEST_CASE("token attack: keys and certificates that a token brings along are not used", "[access]") {
    const auto stranger = signing_key::rsa();
    const std::string brought[] = {R"(,"jwk":)" + stranger.jwk(), R"(,"jku":"https://evil.example/keys")",
                                   R"(,"x5u":"https://evil.example/c")", R"(,"x5c":["AAAA"])"};
    for (const std::string& more : brought)
        CHECK(tried(make_token(stranger, R"({"alg":"RS256")" + more + "}", good_claims()), set_verifier()) ==
              error_code::token_invalid);
}

TEST_CASE("token attack: extensions and tokens for other purposes are refused", "[access]") {
    const auto [more, code] = GENERATE(table<std::string, error_code>({
        {R"(,"typ":"JWT")", error_code::none},
        {R"(,"typ":"jwt")", error_code::none},
        {R"(,"typ":"at+jwt")", error_code::none},
        {R"(,"typ":"application/at+JWT")", error_code::none},
        {R"(,"typ":"logout+jwt")", error_code::token_invalid},
        {R"(,"typ":"")", error_code::token_invalid},
        {R"(,"typ":["JWT"])", error_code::token_invalid},
        {R"(,"crit":["exp"])", error_code::token_invalid},
        {R"(,"crit":[])", error_code::token_invalid},
        {R"(,"crit":null)", error_code::token_invalid},
        {R"(,"b64":false,"crit":["b64"])", error_code::token_invalid},
        {R"(,"alg":"none")", error_code::token_invalid},
        {R"(,"alg":"HS256")", error_code::token_invalid},
        {R"(,"\u0061lg":"HS256")", error_code::token_invalid},
        {R"(,"x":{"y":1,"y":1})", error_code::token_invalid},
    }));
    CAPTURE(more);
    CHECK(tried(make_token(secret_key(), R"({"alg":"HS256")" + more + "}", good_claims())) == code);
}

TEST_CASE("token attack: a payload that two readers could read differently is refused", "[access]") {
    const std::string good = good_claims();
    CHECK(tried(secret_token(good)) == error_code::none);
    const std::string payloads[] = {good_claims(R"(,"sub":"root")"),
                                    good_claims(R"(,"s\u0075b":"root")"),
                                    good_claims(R"(,"roles":["a"],"roles":["b"])"),
                                    good + "{}",
                                    good + " x",
                                    good + std::string(1, '\0') + "{}",
                                    "\xEF\xBB\xBF" + good,
                                    '[' + good + ']',
                                    "null",
                                    "",
                                    "\"" + std::string{"tina"} + "\"",
                                    good_claims(",\"x\":\"\xff\""),
                                    good_claims(",\"x\":NaN"),
                                    good_claims(",\"x\":01"),
                                    good_claims(",\"x\":1e999"),
                                    good_claims(", // no\n\"x\":1"),
                                    good_claims(",\"x\":" + std::string(17, '[') + std::string(17, ']'))};
    for (const std::string& payload : payloads) {
        CAPTURE(payload);
        CHECK(tried(secret_token(payload)) == error_code::token_invalid);
    }
}

TEST_CASE("token attack: a token has one text and no other", "[access]") {
    const std::string token = secret_token(good_claims(R"(,"jti":"1")"));
    REQUIRE(tried(token) == error_code::none);
    const auto first = token.find('.'), second = token.rfind('.');
    SECTION("no cut, nothing added, nothing put in") {
        for (std::size_t size = 0; size < token.size(); ++size)
            CHECK(tried(token.substr(0, size)) == error_code::token_invalid);
        for (const char* more : {".", ".AA", "=", "==", " ", "\n", "A", "AAAA"}) {
            CHECK(tried(token + more) == error_code::token_invalid);
            CHECK(tried(more + token) == error_code::token_invalid);
            for (const auto place : {first, second}) {
                std::string changed = token;
                CHECK(tried(changed.insert(place, more)) == error_code::token_invalid);
            }
        }
        CHECK(tried(token + std::string(1, '\0')) == error_code::token_invalid);
    }
    SECTION("no bit that counts for nothing") {
        const std::string alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/=.";
        for (const std::size_t place : {first - 1, second - 1, token.size() - 1}) {
            for (const char other : alphabet) {
                std::string changed = token;
                changed[place] = other;
                CHECK((changed == token) == (tried(changed) == error_code::none));
            }
        }
    }
    SECTION("no part of another token") {
        const std::string other = secret_token(R"({"sub":"root","exp":1})");
        CHECK(tried(token.substr(0, first) + other.substr(other.find('.'), other.rfind('.') - other.find('.')) +
                    token.substr(second)) == error_code::token_invalid);
    }
}

TEST_CASE("token attack: an ES256 signature is two numbers within the curve's order", "[access]") {
    const auto verifier = must_make(settings_for({es256}), p256_key().pem());
    const std::string text = base64url_of(R"({"alg":"ES256"})") + '.' + base64url_of(good_claims());
    const std::string good = p256_key().sign(text);
    const auto with = [&](const std::string& signature) {
        return tried(text + '.' + base64url_of(signature), verifier);
    };
    REQUIRE(with(good) == error_code::none);
    CHECK(with(std::string(64, '\0')) == error_code::token_invalid);
    CHECK(with(std::string(64, '\xff')) == error_code::token_invalid);
    CHECK(with(std::string(32, '\0') + good.substr(32)) == error_code::token_invalid);
    CHECK(with(good.substr(0, 32) + std::string(32, '\0')) == error_code::token_invalid);
    CHECK(with(good.substr(0, 63)) == error_code::token_invalid);
    CHECK(with(good + '\0') == error_code::token_invalid);
    CHECK(with('\0' + good) == error_code::token_invalid);
    CHECK(ERR_peek_error() == 0);  // the thread's queue of errors is TLS's, too
}

TEST_CASE("token attack: size is looked at first", "[access]") {
    std::string payload = good_claims();
    payload.insert(1, R"("x":")" + std::string(7'000, 'x') + R"(",)");
    CHECK(tried(secret_token(payload)) == error_code::token_invalid);  // base64 makes it larger than 8 KiB
    payload.erase(6, 2'000);
    CHECK(tried(secret_token(payload)) == error_code::none);
    CHECK(tried(std::string(100'000, '.')) == error_code::token_invalid);
}

TEST_CASE("token attack: no reason for the log holds any of the token", "[access]") {
    const auto verifier = set_verifier();
    const std::string secret = "U0VDUkVU";
    for (const std::string& token :
         {secret, secret + '.' + secret + '.' + secret,
          make_token(secret_key(), R"({"alg":")" + secret + "\"}", good_claims()),
          make_token(secret_key(), R"({"alg":"HS256","kid":")" + secret + "\"}", good_claims()),
          secret_token(R"({"exp":1800000000,"sub":"a )" + secret + "\"}"),
          secret_token(good_claims(R"(,"aud":")" + secret + '"'))}) {
        const auto outcome = verifier->verify(token, at());
        REQUIRE_FALSE(outcome);
        CHECK(outcome.error().reason.find(secret) == std::string_view::npos);
        CHECK_FALSE(outcome.error().reason.empty());
    }
}

}  // namespace bester::access
