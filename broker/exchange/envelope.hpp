#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "exchange/session_id.hpp"

namespace bester::exchange {

/// What the exchange remembers of a message while a handler has it. `strings` are kept by whoever
/// keeps the envelope, so that a reused one needs no memory.
template <class Text>
struct basic_envelope {
    session_id origin;  ///< the sender's session, on this shard; none: a handler or another server sent it
    Text remote{};      ///< a remote_origin, packed; empty: it came from no other server
    Text user{};        ///< the sender's user, or that handler
    Text about{};       ///< JSON members that say more of the sender, each with a comma before it: roles, claims
    Text type_token{};  ///< the type as it stood, with quotes
    Text id_token{};    ///< the client's id as it stood; empty: nobody wants a status
    Text key_token{};   ///< the routing key as it stood, with quotes; empty: it has none
    std::uint64_t key_hash = 0;   ///< of the key without quotes and escapes; 0: it has none
    std::uint8_t hops = 0;        ///< handlers that passed it on
    bool addressed = false;       ///< did commands address anyone, so that `delivered` means something?
    bool was_retried = false;     ///< given to a second instance
    std::uint64_t delivered = 0;  ///< sessions that commands reached so far
    std::uint64_t pending = 0;    ///< deliveries on other shards that the status waits for: a pending_status

    template <class Other>
    void assign(const basic_envelope<Other>& other) {
        origin = other.origin;
        remote = other.remote;
        user = other.user;
        about = other.about;
        type_token = other.type_token;
        id_token = other.id_token;
        key_token = other.key_token;
        key_hash = other.key_hash;
        hops = other.hops;
        addressed = other.addressed;
        was_retried = other.was_retried;
        delivered = other.delivered;
        pending = other.pending;
    }
};

/// An envelope that owns its texts.
using envelope = basic_envelope<std::string>;
/// One that looks at somebody else's, for the call.
using envelope_view = basic_envelope<std::string_view>;

inline envelope_view view_of(const envelope& kept) {
    envelope_view view;
    view.assign(kept);
    return view;
}

}  // namespace bester::exchange
