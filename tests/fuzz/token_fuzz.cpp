// The first byte says what the rest is: a token as strangers send them, a header and a payload that are signed
// here with a known secret, a set of keys, or one key. Nothing that was not signed is believed, and what a token says
// comes out as a user, roles and claims within their bounds, as nlohmann/json reads them, too.
#include <sodium.h>
#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "access/token_keys.hpp"
#include "access/token_verifier.hpp"
#include "base64url_text.hpp"
#include "fuzz_input.hpp"
#include "json/parse.hpp"
#include "json_reference.hpp"
#include "wire/names.hpp"

namespace {

using namespace bester;
using namespace bester::access;

const std::string secret = "a secret of more than 32 bytes, as it has to be";
constexpr std::chrono::sys_seconds now{std::chrono::seconds{1'700'000'000}};

std::shared_ptr<const token_verifier> make_verifier() {
    token_settings settings;
    settings.algorithms = {token_algorithm::hs256};
    settings.key_file = "secret";
    settings.roles_claim = "realm.roles";
    settings.passed_claims = {"tenant", "a.b"};
    settings.require_expiry = false;
    return token_verifier::make(settings, secret).value();
}

const token_verifier& verifier() {
    static const auto made = make_verifier();
    return *made;
}

std::string sign(std::string_view text) {
    unsigned char mac[crypto_auth_hmacsha256_BYTES];
    crypto_auth_hmacsha256_state state;
    crypto_auth_hmacsha256_init(&state, reinterpret_cast<const unsigned char*>(secret.data()), secret.size());
    crypto_auth_hmacsha256_update(&state, reinterpret_cast<const unsigned char*>(text.data()), text.size());
    crypto_auth_hmacsha256_final(&state, mac);
    return wire::test::base64url_of({reinterpret_cast<const char*>(mac), sizeof(mac)});
}

void check_identity(const token_identity& identity, std::string_view payload) {
    require(wire::is_user_name(identity.user) && identity.roles.size() <= max_roles);
    for (const std::string& role : identity.roles) require(is_role(role));
    require(identity.claims.size() <= max_claims_size &&
            wire::test::reference_accepts(identity.claims, json::deepest_strict));
    require(!identity.valid_until || *identity.valid_until > now);
    require(wire::test::reference_accepts(payload, json::deepest_strict));
    const auto claims = nlohmann::json::parse(payload, nullptr, false);
    require(claims.is_discarded() || claims.at("sub") == identity.user);
}

void check_token(std::string_view token) {
    const auto identity = verifier().verify(token, now);
    if (!identity) {
        require(!identity.error().reason.empty() && identity.error().code != wire::error_code::none);
        return;
    }
    const auto end = token.rfind('.'), begin = token.find('.');
    require(sign(token.substr(0, end)) == token.substr(end + 1));
    check_identity(*identity, *wire::decode_base64url(token.substr(begin + 1, end - begin - 1)));
}

void check_signed(std::string_view text) {
    const auto line = text.find('\n');
    const std::string_view header = text.substr(0, line), payload = line == text.npos ? "" : text.substr(line + 1);
    const std::string token = wire::test::base64url_of(header) + '.' + wire::test::base64url_of(payload);
    check_token(token + '.' + sign(token));
}

void check_json(std::string_view text) {
    const auto value = json::parse_object(text);
    if (!value) return;
    require(wire::test::reference_accepts(text, json::deepest_strict));
    std::string compact, again;
    json::append_compact(compact, *value);
    const auto second = json::parse_object(compact);
    require(second.has_value());
    json::append_compact(again, *second);
    require(again == compact);
}

void check_keys(const token_keys::made& keys) {
    if (!keys) {
        require(!keys.error().empty());
        return;
    }
    require(!keys->list().empty());
    for (const verification_key& key : keys->list()) require(!key.verify("text", std::string(64, '\1')));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    if (size == 0) return 0;
    static const std::vector<token_algorithm> all{token_algorithm::hs256, token_algorithm::rs256,
                                                  token_algorithm::es256, token_algorithm::eddsa};
    const std::string_view rest = as_text(data + 1, size - 1);
    switch (data[0]) {
        case 't': check_token(rest); break;
        case 's': check_signed(rest); break;
        case 'j': check_json(rest); break;
        case 'k': check_keys(token_keys::from_jwks(rest, all)); break;
        case 'p': check_keys(token_keys::from_key_text(rest, all)); break;
        default: break;
    }
    return 0;
}
