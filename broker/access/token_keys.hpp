#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "access/verification_key.hpp"

namespace bester::access {

/// The keys that tokens of one issuer are checked with, each bound to one algorithm when it is read.
/// Immutable after it was made; any thread. Mistakes are told in words, all at once.
class token_keys {
public:
    using made = tl::expected<token_keys, std::vector<std::string>>;

    /// One key: what begins like PEM is a public key, everything else a secret for HS256, of which one
    /// line end is left out. A key for an algorithm that is not allowed is a mistake.
    static made from_key_text(std::string_view text, const std::vector<token_algorithm>& allowed);
    /// A JSON Web Key Set. Keys of other kinds, for other uses and for algorithms that are not allowed are
    /// passed over, as such sets have them; a broken key, an id twice, or no key left is a mistake.
    static made from_jwks(std::string_view text, const std::vector<token_algorithm>& allowed);

    enum class outcome { good, unknown_key, wrong_algorithm, bad_signature };

    /// `id` is the token's `kid`, or null. A key without an id serves any token, one with an id those that name
    /// it and, as long as few fit, those that name none.
    outcome verify(token_algorithm algorithm, const std::string* id, std::string_view signed_text,
                   std::string_view signature) const;

    const std::vector<verification_key>& list() const noexcept { return keys_; }

private:
    std::vector<verification_key> keys_;
};

}  // namespace bester::access
