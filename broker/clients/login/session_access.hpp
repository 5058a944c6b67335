#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "access/token_verifier.hpp"
#include "access/type_permissions.hpp"

namespace bester::clients {

/// What few sessions have: roles, claims, an end, permissions to look up. Made when the first of
/// it is needed; an idle session without any has none.
struct session_access {
    std::vector<std::string> roles;
    std::string about;                 ///< roles and claims as members of a message's `from`
    std::uint64_t valid_until_ms = 0;  ///< since 1970; 0: for ever
    bool has_token = false;            ///< which a fresh one may replace
    bool was_warned = false;           ///< that its end is near
    access::session_permissions permissions;

    /// Takes over what a token, or a handler, says of the session's user.
    void take(access::token_identity identity);
    std::string roles_text() const;  ///< a JSON array
    /// Is the time over until which whoever let the session in did so?
    bool has_expired(std::uint64_t wall_ms) const noexcept { return valid_until_ms != 0 && wall_ms >= valid_until_ms; }
};

}  // namespace bester::clients
