#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "access/token_keys.hpp"
#include "access/token_settings.hpp"
#include "wire/error_code.hpp"

namespace bester::access {

/// The bearer of a token, as the token says.
struct token_identity {
    std::string user;
    std::vector<std::string> roles;  ///< each once, in the token's order
    std::string claims;              ///< a compact JSON object of the claims that are passed on; empty: none
    std::optional<std::chrono::sys_seconds> valid_until;  ///< with the clock skew; none: for ever

    bool operator==(const token_identity&) const = default;
};

/// Why a token was refused: the code for the client, the reason for the log. It contains nothing of the token.
struct token_error {
    wire::error_code code{};
    std::string_view reason;

    bool operator==(const token_error&) const = default;
};

/// Checks JSON Web Tokens (RFC 7519 in the compact form of RFC 7515) and reads the user. The keys decide the algorithm,
/// never the token. Immutable: any thread may verify, and a reload makes a new one. A verification costs up to 0.2 ms
/// (EdDSA, ES256), HS256 some microseconds.
class token_verifier {
public:
    template <class Value>
    using loaded = tl::expected<Value, std::vector<std::string>>;

    /// Reads the key file and checks the settings. Blocks; for start-up and reload. Errors: all mistakes, in words.
    static loaded<std::shared_ptr<const token_verifier>> load(const token_settings& settings);
    /// The same with the content of the file.
    static loaded<std::shared_ptr<const token_verifier>> make(const token_settings& settings,
                                                              std::string_view key_text);

    tl::expected<token_identity, token_error> verify(std::string_view token, std::chrono::sys_seconds now) const;

private:
    token_verifier(token_settings settings, token_keys keys) : settings_(std::move(settings)), keys_(std::move(keys)) {}

    using checked = tl::expected<void, token_error>;
    checked check_signature(std::string_view header, std::string_view signed_text, std::string_view signature) const;
    checked check_times(const json_value& claims, std::chrono::sys_seconds now, token_identity& identity) const;
    checked check_issue(const json_value& claims) const;
    checked read_user(const json_value& claims, token_identity& identity) const;
    checked read_roles(const json_value& claims, token_identity& identity) const;
    checked read_passed(const json_value& claims, token_identity& identity) const;

    token_settings settings_;
    token_keys keys_;
};

/// Returns the mistakes in the settings without those of the file, as text.
std::vector<std::string> mistakes_in(const token_settings& settings);

}  // namespace bester::access
