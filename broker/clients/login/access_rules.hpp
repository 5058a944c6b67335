#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "access/address_counts.hpp"
#include "access/login_throttle.hpp"
#include "access/token_verifier.hpp"
#include "access/type_permissions.hpp"
#include "clients/login/known_engines.hpp"

namespace bester::clients {

/// What is asked of those who log in and send. Immutable and shared by all shards; a reload makes another.
struct access_rules {
    std::vector<std::shared_ptr<const access::token_verifier>> tokens;  ///< tried in turn
    std::shared_ptr<const access::type_permissions> permissions;        ///< null: everybody may send everything
    std::string login_type;  ///< of the message that asks a handler who somebody is; empty: none is asked
    std::chrono::milliseconds token_notice{60'000};  ///< before a session's token expires

    /// Who does the token speak of? If none takes it, the most telling error: of one whose key has signed it.
    tl::expected<access::token_identity, access::token_error> verify(std::string_view token,
                                                                     std::uint64_t wall_ms) const;
};

/// What all shards share to keep guessers and crowds out. Outlives them; any thread.
struct doorkeeper {
    access::login_throttle throttle;
    access::address_counts addresses;         ///< of connections
    access::address_counts engine_addresses;  ///< of Engine.IO sessions
    access::address_counts lost_addresses;    ///< of sessions whose clients may come back
    known_engines engines;

    /// Makes the throttle's secret.
    explicit doorkeeper(const access::throttle_settings& settings);
};

/// Whose log-ins, connections and Engine.IO sessions are counted together. Nobody's, for addresses of this machine: who
/// is here may be anybody, e.g. a proxy.
access::address_key counted_address(std::string_view address);

}  // namespace bester::clients
