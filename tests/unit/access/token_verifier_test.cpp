#include <sys/stat.h>
#include <unistd.h>
#include <fstream>
#include <tuple>

#include "token_fixture.hpp"

namespace bester::access {

using wire::error_code;
using enum token_algorithm;

TEST_CASE("token verifier: a token of each algorithm says who its bearer is", "[access]") {
    const auto [algorithm, key, text] = GENERATE(std::tuple{hs256, &secret_key, &secret_text},
                                                 std::tuple{rs256, &rsa_key, +[] { return rsa_key().pem(); }},
                                                 std::tuple{es256, &p256_key, +[] { return p256_key().pem(); }},
                                                 std::tuple{eddsa, &ed25519_key, +[] { return ed25519_key().pem(); }});
    CAPTURE(algorithm);
    const auto verifier = must_make(settings_for({algorithm}), text());
    const std::string header = R"({"alg":")" + std::string{to_string(algorithm)} + R"(","typ":"JWT","kid":"any"})";
    const auto identity = verifier->verify(make_token(key(), header, good_claims(R"(,"roles":["a","b"])")), at());
    REQUIRE(identity);
    CHECK(*identity == token_identity{"tina", {"a", "b"}, "", at(test_now + 3'660)});
}

TEST_CASE("token verifier: expiry, begin and issue are kept to, with some skew", "[access]") {
    const auto [more, now, code] = GENERATE(table<std::string, long long, error_code>({
        {R"("exp":1000)", 999, error_code::none},
        {R"("exp":1000)", 1'059, error_code::none},
        {R"("exp":1000)", 1'060, error_code::token_expired},
        {R"("exp":1000.9)", 1'059, error_code::none},
        {R"("exp":1000.9)", 1'060, error_code::token_expired},
        {R"("exp":1e3)", 1'000, error_code::none},
        {R"("exp":9000,"nbf":1000)", 940, error_code::none},
        {R"("exp":9000,"nbf":1000)", 939, error_code::token_not_yet_valid},
        {R"("exp":9000,"iat":1000)", 940, error_code::none},
        {R"("exp":9000,"iat":1000)", 939, error_code::token_not_yet_valid},
        {R"("iat":1000)", 1'000, error_code::token_invalid},
        {R"("exp":"9000")", 1'000, error_code::token_invalid},
        {R"("exp":null)", 1'000, error_code::token_invalid},
        {R"("exp":[9000])", 1'000, error_code::token_invalid},
        {R"("exp":true)", 1'000, error_code::token_invalid},
        {R"("exp":-1)", 1'000, error_code::token_invalid},
        {R"("exp":1e300)", 1'000, error_code::token_invalid},
        {R"("exp":99999999999999999999)", 1'000, error_code::token_invalid},
        {R"("exp":9000,"nbf":"0")", 1'000, error_code::token_invalid},
        {R"("exp":9000,"iat":{})", 1'000, error_code::token_invalid},
    }));
    CAPTURE(more, now);
    CHECK(code_of(secret_verifier()->verify(secret_token(R"({"sub":"tina",)" + more + '}'), at(now))) == code);
}

TEST_CASE("token verifier: a longest lifetime binds with and without expiry", "[access]") {
    token_settings settings = settings_for({hs256});
    settings.longest_lifetime = std::chrono::seconds{100};
    settings.require_expiry = false;
    const auto [claims, now, code, valid_until] = GENERATE(table<std::string, long long, error_code, long long>({
        {R"("iat":1000,"exp":1100)", 1'000, error_code::none, 1'160},
        {R"("iat":1000,"exp":1101)", 1'000, error_code::token_invalid, 0},
        {R"("exp":1100)", 1'000, error_code::none, 1'160},
        {R"("exp":1101)", 1'000, error_code::token_invalid, 0},
        {R"("iat":1000)", 1'050, error_code::none, 1'160},
        {R"("iat":1000)", 1'160, error_code::token_expired, 0},
        {R"("jti":"1")", 1'000, error_code::none, 1'160},
    }));
    CAPTURE(claims, now);
    const auto identity = secret_verifier(settings)->verify(secret_token(R"({"sub":"tina",)" + claims + '}'), at(now));
    CHECK(code_of(identity) == code);
    if (identity) CHECK(identity->valid_until == at(valid_until));
}

TEST_CASE("token verifier: a token without expiry is for ever where the config lets it", "[access]") {
    token_settings settings = settings_for({hs256});
    settings.require_expiry = false;
    const auto identity = secret_verifier(settings)->verify(secret_token(R"({"sub":"tina"})"), at());
    REQUIRE(identity);
    CHECK_FALSE(identity->valid_until);
}

TEST_CASE("token verifier: issuer and audience", "[access]") {
    token_settings settings = settings_for({hs256});
    settings.issuer = "https://login.example";
    settings.audiences = {"chat", "mail"};
    const std::string issuer = R"(,"iss":"https://login.example")";
    const auto [claims, code] = GENERATE_COPY(table<std::string, error_code>({
        {issuer + R"(,"aud":"chat")", error_code::none},
        {issuer + R"(,"aud":["other","mail"])", error_code::none},
        {issuer + R"(,"aud":"other")", error_code::token_wrong_audience},
        {issuer + R"(,"aud":[])", error_code::token_wrong_audience},
        {issuer + R"(,"aud":[["chat"]])", error_code::token_wrong_audience},
        {issuer + R"(,"aud":{"chat":1})", error_code::token_wrong_audience},
        {issuer + R"(,"aud":"chat\u0000")", error_code::token_wrong_audience},
        {issuer, error_code::token_wrong_audience},
        {R"(,"aud":"chat")", error_code::token_wrong_issuer},
        {R"(,"aud":"chat","iss":"https://login.example/")", error_code::token_wrong_issuer},
        {R"(,"aud":"chat","iss":["https://login.example"])", error_code::token_wrong_issuer},
    }));
    CAPTURE(claims);
    CHECK(code_of(secret_verifier(settings)->verify(secret_token(good_claims(claims)), at())) == code);
}

TEST_CASE("token verifier: a token for an audience is refused where the config names none", "[access]") {
    CHECK(code_of(secret_verifier()->verify(secret_token(good_claims(R"(,"aud":"chat")")), at())) ==
          error_code::token_wrong_audience);
}

TEST_CASE("token verifier: the user is a claim that is a user's name", "[access]") {
    token_settings settings = settings_for({hs256});
    settings.user_claim = "person.name";
    const auto [claims, user] = GENERATE(table<std::string, std::string>({
        {R"("person":{"name":"tina+1"})", "tina+1"},
        {R"("person.name":"whole","person":{"name":"path"})", "whole"},
        {R"("person":{"name":""})", ""},
        {R"("person":{"name":"a b"})", ""},
        {R"("person":{"name":"a@b"})", ""},
        {R"("person":{"name":"tina\u0000"})", ""},
        {R"("person":{"name":7})", ""},
        {R"("person":["name"])", ""},
        {R"("person":"name")", ""},
        {R"("sub":"tina")", ""},
    }));
    CAPTURE(claims);
    const auto identity = secret_verifier(settings)->verify(secret_token(R"({"exp":1800000000,)" + claims + '}'), at());
    CHECK(code_of(identity) == (user.empty() ? error_code::token_invalid : error_code::none));
    if (identity) CHECK(identity->user == user);
}

TEST_CASE("token verifier: roles are an array or a text, each once, and few", "[access]") {
    using names = std::vector<std::string>;
    const auto many = [](int count) {
        std::string text;
        for (int i = 0; i < count; ++i) text += "r" + std::to_string(i) + ' ';
        return '"' + text + '"';
    };
    const auto [roles, code, expected] = GENERATE_COPY(table<std::string, error_code, names>({
        {R"(["a","chat:write","a"])", error_code::none, {"a", "chat:write"}},
        {R"("a  b ")", error_code::none, {"a", "b"}},
        {R"("")", error_code::none, {}},
        {R"([])", error_code::none, {}},
        {R"([1])", error_code::token_invalid, {}},
        {R"(["a b"])", error_code::token_invalid, {}},
        {R"(["*"])", error_code::token_invalid, {}},
        {R"([""])", error_code::token_invalid, {}},
        {R"("a\nb")", error_code::token_invalid, {}},
        {R"({"a":true})", error_code::token_invalid, {}},
        {R"(null)", error_code::token_invalid, {}},
        {'"' + std::string(65, 'r') + '"', error_code::token_invalid, {}},
        {many(65), error_code::token_invalid, {}},
    }));
    CAPTURE(roles);
    const auto identity = secret_verifier()->verify(secret_token(good_claims(",\"roles\":" + roles)), at());
    CHECK(code_of(identity) == code);
    if (identity) CHECK(identity->roles == expected);
    CHECK(secret_verifier()->verify(secret_token(good_claims(",\"roles\":" + many(64))), at())->roles.size() == 64);
}

TEST_CASE("token verifier: claims are handed on as they are, and bounded", "[access]") {
    token_settings settings = settings_for({hs256});
    settings.passed_claims = {"tenant", "a.b", "missing", "https://x.y/z"};
    const auto verifier = secret_verifier(settings);
    const auto identity = verifier->verify(
        secret_token(good_claims(R"(, "tenant" : {"id" : 12345678901234567890123, "n":[1.50, null, true,"\u00e4\n"]},
                                    "a":{"b":"c"}, "https://x.y/z":false, "secret":"s")")),
        at());
    REQUIRE(identity);
    CHECK(
        identity->claims ==
        R"({"tenant":{"id":12345678901234567890123,"n":[1.50,null,true,"ä\u000a"]},"a.b":"c","https://x.y/z":false})");
    CHECK(code_of(verifier->verify(secret_token(good_claims(",\"tenant\":\"" + std::string(4'200, 'x') + '"')),
                                   at())) == error_code::token_invalid);
    CHECK(verifier->verify(secret_token(good_claims()), at())->claims == "{}");
}

TEST_CASE("token verifier: all mistakes of the settings are told at once", "[access]") {
    token_settings settings;
    settings.algorithms.clear();
    settings.clock_skew = std::chrono::seconds{601};
    settings.longest_lifetime = std::chrono::seconds{-1};
    settings.user_claim.clear();
    settings.passed_claims = {"a", "", "a"};
    const auto made = token_verifier::load(settings);
    REQUIRE_FALSE(made);
    CHECK(made.error().size() == 7);
    settings.key_file = settings.jwks_file = "/nowhere/at/all";
    CHECK(token_verifier::load(settings).error().size() == 8);
    CHECK(token_verifier::load(settings).error().back() == "/nowhere/at/all: No such file or directory");
}

TEST_CASE("token verifier: a secret's file is its owner's, a public key's may be everybody's", "[access]") {
    const std::string path = "/tmp/bester-access-" + std::to_string(::getpid());
    const auto write = [&](const std::string& text, ::mode_t mode) {
        std::ofstream{path} << text;
        ::chmod(path.c_str(), mode);
    };
    token_settings settings = settings_for({hs256, rs256});
    settings.key_file = path;
    write(secret_text() + '\n', 0600);
    const auto verifier = token_verifier::load(settings);
    REQUIRE(verifier);
    CHECK((*verifier)->verify(secret_token(good_claims()), at()));
    write(secret_text(), 0604);
    CHECK_FALSE(token_verifier::load(settings));
    write(secret_text(), 0620);
    CHECK_FALSE(token_verifier::load(settings));
    write(rsa_key().pem(), 0644);
    CHECK(token_verifier::load(settings));
    ::unlink(path.c_str());
    settings.key_file = "/tmp";
    CHECK(token_verifier::load(settings).error() == std::vector<std::string>{"/tmp: this is no file"});
}

}  // namespace bester::access
