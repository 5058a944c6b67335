#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "access/address_counts.hpp"
#include "access/login_throttle.hpp"
#include "access/token_verifier.hpp"
#include "access/type_permissions.hpp"
#include "clients/connection_slot.hpp"
#include "clients/login/known_engines.hpp"

namespace bester::clients {

/// The rules for log-ins and messages. Immutable and shared by all shards; a reload makes a new object.
struct access_rules {
    std::vector<std::shared_ptr<const access::token_verifier>> tokens;  ///< tried in turn
    std::shared_ptr<const access::type_permissions> permissions;        ///< null: everybody may send everything
    bool ends_changed = true;  ///< the sessions of an account whose password changes
    std::string login_type;    ///< type of the messages to the log-in handler; empty: there is none
    std::chrono::milliseconds token_notice{60'000};  ///< before a session's token expires

    /// Returns the user of the token. If no issuer accepts it, returns the most useful error: that of an issuer whose
    /// key has signed it.
    tl::expected<access::token_identity, access::token_error> verify(std::string_view token,
                                                                     std::uint64_t wall_ms) const;
};

/// State that all shards share to throttle log-ins and to count connections by address. Outlives them; any thread.
struct doorkeeper {
    connection_count connections{0};  ///< at once, over all shards
    access::login_throttle throttle;
    access::address_counts addresses;         ///< of connections
    access::address_counts engine_addresses;  ///< of Engine.IO sessions
    access::address_counts lost_addresses;    ///< of sessions whose clients may come back
    known_engines engines;
    /// Whether some shard ends connections for what they hold, by exchange::held_kind (memory_bounds).
    std::array<std::atomic<bool>, 2> is_shedding{};

    /// Makes the throttle's secret.
    explicit doorkeeper(const access::throttle_settings& settings);
};

/// Returns the key under which log-ins, connections and Engine.IO sessions of an address are counted together; none for
/// addresses of this machine, since the client may be a proxy.
access::address_key counted_address(std::string_view address);

}  // namespace bester::clients
