#include "access_token.hpp"

#include <jwt.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <memory>
#include <stdexcept>

#include <nlohmann/json.hpp>

#include "protocol.hpp"

namespace spectator {

namespace {

using token_handle = std::unique_ptr<jwt_t, decltype(&jwt_free)>;
using c_text = std::unique_ptr<char, decltype(&std::free)>;

constexpr std::size_t shortest_secret = 32;

jwt_alg_t algorithm_of(const std::string& name) {
    if (name == "HS256") return JWT_ALG_HS256;
    if (name == "RS256") return JWT_ALG_RS256;
    throw std::runtime_error{"token.algorithm must be \"HS256\" or \"RS256\""};
}

const unsigned char* bytes(const std::string& key) { return reinterpret_cast<const unsigned char*>(key.data()); }

}  // namespace

std::string read_key(const std::string& algorithm, const std::string& file) {
    std::ifstream stream{file, std::ios::binary};
    std::string key{std::istreambuf_iterator<char>{stream}, {}};
    if (!stream || key.empty()) throw std::runtime_error{"the key in " + file + " cannot be read"};
    if (algorithm_of(algorithm) == JWT_ALG_HS256) {
        while (!key.empty() && (key.back() == '\n' || key.back() == '\r')) key.pop_back();
        if (key.size() < shortest_secret)
            throw std::runtime_error{"the secret in " + file + " must have at least 32 bytes"};
    }
    return key;
}

token_verifier::token_verifier(const std::string& algorithm, const std::string& key_file)
    : algorithm_{algorithm}, key_{read_key(algorithm, key_file)} {}

viewer_rights token_verifier::verify(const std::string& token, std::int64_t now) const {
    jwt_t* decoded = nullptr;
    const int failure = jwt_decode(&decoded, token.c_str(), bytes(key_), static_cast<int>(key_.size()));
    const token_handle held{decoded, &jwt_free};
    // Also of one that says it is signed with something else: its own word is no proof.
    if (failure != 0 || jwt_get_alg(decoded) != algorithm_of(algorithm_))
        throw mistake{"token_invalid", "the token is not signed by whom this service trusts"};
    const c_text claims{jwt_get_grants_json(decoded, nullptr), &std::free};
    viewer_rights rights;
    nlohmann::json all;
    try {
        all = nlohmann::json::parse(claims ? claims.get() : "");
        rights = read_rights(all);
    } catch (const std::exception& wrong) {
        throw mistake{"token_invalid", std::string{"the token's claims are not understood: "} + wrong.what()};
    }
    if (const auto begin = all.value("nbf", nlohmann::json{});
        begin.is_number() && begin.get<double>() > static_cast<double>(now))
        throw mistake{"token_invalid", "the token is not valid yet"};
    if (rights.expires_at <= now) throw mistake{"token_expired", "the token has expired: sign in with a new one"};
    return rights;
}

std::string make_token(const std::string& algorithm, const std::string& key_file, const std::string& claims) {
    const std::string key = read_key(algorithm, key_file);
    jwt_t* made = nullptr;
    if (jwt_new(&made) != 0) throw std::runtime_error{"no memory for a token"};
    const token_handle held{made, &jwt_free};
    if (jwt_add_grants_json(made, claims.c_str()) != 0) throw std::runtime_error{"the claims are no JSON object"};
    if (jwt_set_alg(made, algorithm_of(algorithm), bytes(key), static_cast<int>(key.size())) != 0)
        throw std::runtime_error{"the key in " + key_file + " does not fit " + algorithm};
    const c_text text{jwt_encode_str(made), &std::free};
    if (!text) throw std::runtime_error{"the token could not be signed with " + key_file};
    return text.get();
}

}  // namespace spectator
