#include "token_fixture.hpp"

#include "access/token_keys.hpp"

namespace bester::access {

using enum token_algorithm;

namespace {

const std::vector<token_algorithm> everything{hs256, rs256, es256, eddsa};

std::string set_of(std::initializer_list<std::string> keys) {
    std::string text = R"({"keys":[)";
    for (const std::string& key : keys) text += key + ',';
    if (keys.size() > 0) text.pop_back();
    return text + "]}";
}

bool believes(const token_keys& keys, std::string_view token) {
    const auto dot = token.rfind('.');
    const auto header = token.substr(0, token.find('.'));
    for (const token_algorithm each : everything)
        if (decode_base64url(header)->find(to_string(each)) != std::string::npos)
            return keys.verify(each, nullptr, token.substr(0, dot), *decode_base64url(token.substr(dot + 1))) ==
                   token_keys::outcome::good;
    return false;
}

}  // namespace

TEST_CASE("token keys: the examples of RFC 7515 and RFC 8037", "[access]") {
    const std::string payload =
        ".eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.";
    const auto [jwk, token] = GENERATE_COPY(table<std::string, std::string>({
        {R"({"kty":"oct","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"})",
         "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9" + payload + "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"},
        {R"({"kty":"RSA","e":"AQAB","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2m)"
         R"(JPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMd)"
         R"(bBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9)"
         R"(_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"})",
         "eyJhbGciOiJSUzI1NiJ9" + payload +
             "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF"
             "9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383Lc"
             "OLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlV"
             "mtVrBp0igcN_IoypGlUPQGe77Rw"},
        {R"({"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6)"
         R"(pCyStikYjKIWI5a0"})",
         "eyJhbGciOiJFUzI1NiJ9" + payload +
             "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"},
        {R"({"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"})",
         "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc."
         "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"},
    }));
    CAPTURE(token);
    const auto keys = token_keys::from_jwks(set_of({jwk}), everything);
    REQUIRE(keys);
    CHECK(believes(*keys, token));
    for (std::size_t at = 0; at < token.rfind('.'); at += 7) {  // whatever is changed, it is another text
        if (token[at] == '.') continue;
        std::string changed = token;
        changed[at] = changed[at] == 'A' ? 'B' : 'A';
        if (decode_base64url(changed.substr(0, changed.find('.')))) CHECK_FALSE(believes(*keys, changed));
    }
}

TEST_CASE("token keys: a set as providers have it, and which key serves which token", "[access]") {
    const auto other = signing_key::ed25519();
    const auto keys = token_keys::from_jwks(
        set_of({rsa_key().jwk(R"(,"kid":"r","use":"sig","alg":"RS256","x5t":"x")"),
                p256_key().jwk(R"(,"kid":"p","key_ops":["verify"])"), ed25519_key().jwk(R"(,"kid":"e1")"),
                other.jwk(R"(,"kid":"e2")"), rsa_key().jwk(R"(,"kid":"enc","use":"enc")"),
                rsa_key().jwk(R"(,"kid":"512","alg":"RS512")"), p256_key().jwk(R"(,"kid":"sign","key_ops":["sign"])"),
                R"({"kty":"EC","crv":"P-384","x":"AA","y":"AA"})", R"({"kty":"OKP","crv":"X25519","x":"AA"})",
                R"({"kty":"new","kid":"?"})", "{}"}),
        everything);
    REQUIRE(keys);
    CHECK(keys->list().size() == 4);
    using enum token_keys::outcome;
    const auto outcome = [&](token_algorithm algorithm, const signing_key& key, const char* id) {
        const std::string name = id ? id : "";
        return keys->verify(algorithm, id ? &name : nullptr, "text", key.sign("text"));
    };
    CHECK(outcome(rs256, rsa_key(), "r") == good);
    CHECK(outcome(rs256, rsa_key(), nullptr) == good);
    CHECK(outcome(es256, p256_key(), "p") == good);
    CHECK(outcome(eddsa, ed25519_key(), "e1") == good);
    CHECK(outcome(eddsa, other, "e2") == good);
    CHECK(outcome(eddsa, other, nullptr) == good);
    CHECK(outcome(eddsa, other, "e1") == bad_signature);
    CHECK(outcome(rs256, rsa_key(), "p") == wrong_algorithm);
    CHECK(outcome(hs256, secret_key(), nullptr) == wrong_algorithm);
    for (const char* unknown : {"", "enc", "512", "sign", "R", "?"})
        CHECK(outcome(rs256, rsa_key(), unknown) == unknown_key);
}

TEST_CASE("token keys: a token without an id does not make us try many keys", "[access]") {
    std::vector<signing_key> pairs;
    std::string text = R"({"keys":[)";
    for (int i = 0; i < 5; ++i) {
        pairs.push_back(signing_key::ed25519());
        text += (i == 0 ? "" : ",") + pairs.back().jwk(",\"kid\":\"" + std::to_string(i) + '"');
        const auto keys = token_keys::from_jwks(text + "]}", {eddsa});
        CHECK(keys->verify(eddsa, nullptr, "text", pairs[0].sign("text")) ==
              (i < 4 ? token_keys::outcome::good : token_keys::outcome::unknown_key));
    }
}

TEST_CASE("token keys: mistakes of a set are told with their place", "[access]") {
    const auto mistakes = [](const std::string& text) {
        const auto keys = token_keys::from_jwks(text, everything);
        return keys ? std::vector<std::string>{} : keys.error();
    };
    CHECK(mistakes("[]") == std::vector<std::string>{"this is no JSON object, or has a member twice"});
    CHECK(mistakes("{}") == std::vector<std::string>{"there is no array `keys`"});
    CHECK(mistakes(set_of({})) == std::vector<std::string>{"there is no key for an algorithm that is allowed"});
    CHECK(mistakes(set_of({p256_key().jwk(",\"kid\":\"a\""), rsa_key().jwk(",\"kid\":\"a\""), "7",
                           R"({"kty":"oct","k":"c2hvcnQ"})", R"({"kty":"oct"})", R"({"kty":"RSA","n":"AQ","e":"AQAB"})",
                           R"({"kty":"RSA","n":"A=","e":"AQAB"})", R"({"kty":"EC","crv":"P-256","x":"AA","y":"AA"})",
                           R"({"kty":"OKP","crv":"Ed25519","x":"AA"})", ed25519_key().jwk(R"(,"d":"AA")")})) ==
          std::vector<std::string>{"keys[1]: another key has the same `kid`", "keys[2]: this is no object",
                                   "keys[3]: the secret has 5 bytes; HS256 needs 32 at least",
                                   "keys[4]: `k` of the secret is not valid",
                                   "keys[5]: the RSA key has 1 bits; 2048 to 8192 are taken",
                                   "keys[6]: `n` and `e` of the RSA key are not valid",
                                   "keys[7]: `x` and `y` of the P-256 key are not 32 bytes each",
                                   "keys[8]: `x` of the Ed25519 key is not 32 bytes",
                                   "keys[9]: this is a private key; only the public part belongs here"});
}

TEST_CASE("token keys: a point that is not on the curve and an exponent of 1 are no keys", "[access]") {
    const std::string ones = base64url_of(std::string(32, '\1'));
    const auto off_curve = set_of({R"({"kty":"EC","crv":"P-256","x":")" + ones + R"(","y":")" + ones + R"("})"});
    CHECK_FALSE(token_keys::from_jwks(off_curve, everything));
    std::string with_one = rsa_key().jwk();
    with_one.replace(with_one.find("AQAB"), 4, "AQ");
    CHECK_FALSE(token_keys::from_jwks(set_of({with_one}), everything));
}

TEST_CASE("token keys: a file of one key", "[access]") {
    const auto mistake = [](const std::string& text, const std::vector<token_algorithm>& allowed) {
        const auto keys = token_keys::from_key_text(text, allowed);
        return keys ? "" : keys.error().front();
    };
    CHECK(mistake(rsa_key().pem(), {rs256}) == "");
    CHECK(mistake("# from the provider\n" + p256_key().pem(), everything) == "");
    CHECK(mistake(std::string(32, 's') + "\r\n", {hs256}) == "");
    CHECK(mistake(std::string(31, 's') + "\n", {hs256}) == "the secret has 31 bytes; HS256 needs 32 at least");
    CHECK(mistake(std::string(32, 's'), {rs256}) ==
          "this is no PEM public key, and HS256, which takes a secret, is not allowed");
    CHECK(mistake(rsa_key().pem(), {hs256}) == "this is a key for RS256, which is not allowed");
    CHECK(mistake(rsa_key().pem(), {es256, eddsa}) == "this is a key for RS256, which is not allowed");
    CHECK(mistake(rsa_key().private_pem(), everything).starts_with("this is a private key"));
    CHECK(mistake("-----BEGIN CERTIFICATE-----\n", everything).starts_with("this is a certificate"));
    CHECK(mistake(rsa_key().pem().substr(0, 200), everything) == "this is no PEM public key");
    CHECK(mistake(signing_key::rsa(1024).pem(), everything) == "the RSA key has 1024 bits; 2048 to 8192 are taken");
    CHECK(mistake(signing_key::of_curve("P-384").pem(), everything) ==
          "the key is of another curve than P-256, which ES256 needs");
    CHECK(mistake(signing_key::of_curve("secp256k1").pem(), everything) ==
          "the key is of another curve than P-256, which ES256 needs");
}

}  // namespace bester::access
