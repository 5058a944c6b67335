#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "exchange/session_id.hpp"

namespace bester::exchange {

/// What the exchange remembers of a message while a handler has it. `Text` is std::string for an envelope that is kept
/// (its strings keep their memory when it is used again), std::string_view for one that is passed to a call.
template <class Text>
struct basic_envelope {
    session_id origin;  ///< the sender's session, on this shard; none if a handler or another server sent the message
    Text remote{};      ///< the packed remote_origin of a message from another server; otherwise empty
    Text user{};        ///< the sender's user name, or the name of the handler that sent the message
    Text about{};       ///< JSON members with more about the sender (roles, claims), each preceded by a comma
    Text type_token{};  ///< the type as the client wrote it, with quotes
    Text id_token{};    ///< the id as the client wrote it; empty if no status is wanted
    Text key_token{};   ///< the routing key as the client wrote it, with quotes; empty if there is none
    std::uint64_t key_hash = 0;  ///< hash of the key without quotes and escapes; 0 if there is none
    std::uint64_t share = 0;   ///< number of the account whose share of a handler's queue it takes; 0: the sender's own
    std::uint8_t hops = 0;     ///< number of handlers that have passed the message on
    bool addressed = false;    ///< whether a command has addressed anybody, so that `delivered` has a meaning
    bool was_retried = false;  ///< whether the message was given to a second instance
    std::uint64_t delivered = 0;  ///< number of sessions that its commands have reached so far
    std::uint64_t pending = 0;    ///< number of its pending_status, if the status waits for other shards; otherwise 0

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
        share = other.share;
        hops = other.hops;
        addressed = other.addressed;
        was_retried = other.was_retried;
        delivered = other.delivered;
        pending = other.pending;
    }
};

/// An envelope that owns its strings.
using envelope = basic_envelope<std::string>;
/// An envelope that refers to strings of its caller.
using envelope_view = basic_envelope<std::string_view>;

inline envelope_view view_of(const envelope& kept) {
    envelope_view view;
    view.assign(kept);
    return view;
}

}  // namespace bester::exchange
