#include "access/token_keys.hpp"

#include <algorithm>

#include "json/parse.hpp"

namespace bester::access {

namespace {

constexpr std::size_t most_keys = 64;
/// Each attempt costs up to 0.1 ms, so a token without a `kid` must not cause sixty of them.
constexpr std::size_t most_tries = 4;

bool contains(const std::vector<token_algorithm>& allowed, token_algorithm wanted) {
    return std::find(allowed.begin(), allowed.end(), wanted) != allowed.end();
}

tl::unexpected<std::vector<std::string>> mistake(std::string words) {
    return tl::unexpected(std::vector<std::string>{std::move(words)});
}

std::string_view without_line_end(std::string_view text) {
    if (text.ends_with('\n')) text.remove_suffix(1);
    if (text.ends_with('\r')) text.remove_suffix(1);
    return text;
}

}  // namespace

token_keys::made token_keys::from_key_text(std::string_view text, const std::vector<token_algorithm>& allowed) {
    const bool is_pem = text.find("-----BEGIN ") != text.npos;
    auto key = is_pem ? verification_key::from_pem(text) : verification_key::from_secret(without_line_end(text));
    if (!is_pem && !contains(allowed, token_algorithm::hs256))
        return mistake("this is no PEM public key, and HS256, which takes a secret, is not allowed");
    if (!key) return mistake(std::move(key.error()));
    if (!contains(allowed, key->algorithm()))
        return mistake("this is a key for " + std::string{to_string(key->algorithm())} + ", which is not allowed");
    token_keys keys;
    keys.keys_.push_back(*std::move(key));
    return keys;
}

token_keys::made token_keys::from_jwks(std::string_view text, const std::vector<token_algorithm>& allowed) {
    const auto document = json::parse_object(text);
    if (!document) return mistake("this is no JSON object, or has a member twice");
    const json_value* list = document->value_of("keys");
    if (!list || !list->is(json_kind::array)) return mistake("there is no array `keys`");
    if (list->elements.size() > most_keys) return mistake("there are more than 64 keys");
    token_keys keys;
    std::vector<std::string> mistakes;
    for (std::size_t i = 0; i < list->elements.size(); ++i) {
        const json_value& jwk = list->elements[i];
        const auto complain = [&](const std::string& words) {
            mistakes.push_back("keys[" + std::to_string(i) + "]: " + words);
        };
        if (!jwk.is(json_kind::object)) {
            complain("this is no object");
            continue;
        }
        const auto algorithm = algorithm_of_jwk(jwk);
        if (!algorithm || !contains(allowed, *algorithm)) continue;
        auto key = verification_key::from_jwk(jwk, *algorithm);
        if (!key) {
            complain(key.error());
            continue;
        }
        const bool is_taken = std::any_of(keys.keys_.begin(), keys.keys_.end(),
                                          [&](const auto& k) { return !k.id().empty() && k.id() == key->id(); });
        if (is_taken) complain("another key has the same `kid`");
        else keys.keys_.push_back(*std::move(key));
    }
    if (mistakes.empty() && keys.keys_.empty()) mistakes.push_back("there is no key for an algorithm that is allowed");
    if (!mistakes.empty()) return tl::unexpected(std::move(mistakes));
    return keys;
}

token_keys::outcome token_keys::verify(token_algorithm algorithm, const std::string* id, std::string_view signed_text,
                                       std::string_view signature) const {
    const verification_key* tries[most_tries];
    std::size_t count = 0;
    bool is_known = false;
    for (const verification_key& key : keys_) {
        if (id && !key.id().empty() && key.id() != *id) continue;
        is_known = true;
        if (key.algorithm() != algorithm) continue;
        if (count == most_tries) return outcome::unknown_key;
        tries[count++] = &key;
    }
    if (!is_known) return outcome::unknown_key;
    if (count == 0) return outcome::wrong_algorithm;
    const bool is_good =
        std::any_of(tries, tries + count, [&](const auto* key) { return key->verify(signed_text, signature); });
    return is_good ? outcome::good : outcome::bad_signature;
}

}  // namespace bester::access
