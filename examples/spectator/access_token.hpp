// Who a client is, by its token (a JSON Web Token, RFC 7519).
#pragma once

#include <cstdint>
#include <string>

#include "viewer_rights.hpp"

namespace spectator {

/// Verifies tokens of one algorithm with one key. The signature is libjwt's business; that the
/// algorithm is the one that was configured, and never what a token says of itself, is seen to here.
/// Not thread-safe.
class token_verifier {
public:
    /// `algorithm`: "HS256" (the file's bytes are the secret, a line break at its end left out; at
    /// least 32 bytes) or "RS256" (the file is a public key in PEM). Throws std::runtime_error.
    token_verifier(const std::string& algorithm, const std::string& key_file);

    /// Throws mistake{"token_invalid"} or mistake{"token_expired"} with what is wrong, in words.
    viewer_rights verify(const std::string& token, std::int64_t now) const;

private:
    std::string algorithm_;
    std::string key_;
};

/// A token with these claims (JSON), signed with HS256, or RS256 with a private key in PEM. Throws std::runtime_error.
std::string make_token(const std::string& algorithm, const std::string& key_file, const std::string& claims);

/// The bytes of a file that has a key; throws std::runtime_error if it cannot be read, or is too short for `algorithm`.
std::string read_key(const std::string& algorithm, const std::string& file);

}  // namespace spectator
