#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bester::access {

/// How a token is signed (RFC 7518, RFC 8037). There is no `none`.
enum class token_algorithm : std::uint8_t { hs256, rs256, es256, eddsa };

/// Returns the text of a token's `alg`, e.g. "EdDSA".
std::string_view to_string(token_algorithm algorithm) noexcept;
std::optional<token_algorithm> find_token_algorithm(std::string_view text) noexcept;

/// Which tokens are accepted, and what is read from them. Claims are names or dotted paths ("realm_access.roles"); a
/// name that has dots itself goes before a path.
struct token_settings {
    std::vector<token_algorithm> algorithms{token_algorithm::rs256, token_algorithm::es256, token_algorithm::eddsa};
    std::string key_file;                ///< one key: PEM public key, or, for HS256, the secret itself
    std::string jwks_file;               ///< or several: a JSON Web Key Set (RFC 7517)
    std::string issuer;                  ///< the required `iss`; empty: any
    std::vector<std::string> audiences;  ///< one of them must be in `aud`; empty: the token must not have `aud`
    std::chrono::milliseconds clock_skew{60'000};   ///< the largest difference of clocks
    std::chrono::milliseconds longest_lifetime{0};  ///< from `iat` (or now) to `exp`; 0: any
    std::string user_claim = "sub";
    std::string roles_claim = "roles";       ///< array of texts, or one text with spaces between; empty: no roles
    std::vector<std::string> passed_claims;  ///< passed to handlers unchanged
    bool require_expiry = true;

    bool operator==(const token_settings&) const = default;
};

inline constexpr std::size_t max_token_size = 8 * 1024;
inline constexpr std::size_t max_roles = 64;
inline constexpr std::size_t max_role_size = 64;
inline constexpr std::size_t max_claims_size = 4 * 1024;

/// Returns whether this is a role: 1 to 64 printable ASCII characters, but no space, comma, quote, backslash or `*`.
bool is_role(std::string_view text) noexcept;

}  // namespace bester::access
