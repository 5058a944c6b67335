#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "access/token_verifier.hpp"
#include "access/type_permissions.hpp"

namespace bester::clients {

/// State that few sessions have: roles, claims, an end, permissions. Made when it is first needed.
struct session_access {
    std::vector<std::string> roles;
    std::string about;                 ///< roles and claims as members of a message's `from`
    std::uint64_t valid_until_ms = 0;  ///< since 1970; 0: for ever
    bool has_token = false;            ///< its end comes from a token, which a fresh one may replace
    bool was_warned = false;           ///< the client was warned that its end is near
    access::session_permissions permissions;

    /// Takes over the facts about the user from a token or a log-in handler.
    void take(access::token_identity identity);
    std::string roles_text() const;  ///< a JSON array
    /// Returns whether the time until which the session is valid is over.
    bool has_expired(std::uint64_t wall_ms) const noexcept { return valid_until_ms != 0 && wall_ms >= valid_until_ms; }
};

}  // namespace bester::clients
