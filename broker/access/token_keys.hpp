#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "access/verification_key.hpp"

namespace bester::access {

/// The keys that tokens of one issuer are checked with, each bound to one algorithm when it is read. Immutable after it
/// was made; any thread. All mistakes are reported together, as text.
class token_keys {
public:
    using made = tl::expected<token_keys, std::vector<std::string>>;

    /// Reads one key: a text that begins like PEM is a public key, anything else a secret for HS256, without one line
    /// end at its end. A key for an algorithm that is not allowed is a mistake.
    static made from_key_text(std::string_view text, const std::vector<token_algorithm>& allowed);
    /// Reads a JSON Web Key Set. Keys of other kinds, for other uses and for algorithms that are not allowed are
    /// ignored, since such sets contain them; a broken key, a duplicate id, or no usable key is a mistake.
    static made from_jwks(std::string_view text, const std::vector<token_algorithm>& allowed);

    enum class outcome { good, unknown_key, wrong_algorithm, bad_signature };

    /// `id` is the token's `kid`, or null. A key without an id is tried for every token, a key with an id for tokens
    /// that name it and, as long as there are few such keys, for tokens without a `kid`.
    outcome verify(token_algorithm algorithm, const std::string* id, std::string_view signed_text,
                   std::string_view signature) const;

    const std::vector<verification_key>& list() const noexcept { return keys_; }

private:
    std::vector<verification_key> keys_;
};

}  // namespace bester::access
