#pragma once

#include <memory>
#include <string>

#include "access/address_counts.hpp"
#include "clients/client_settings.hpp"
#include "clients/listener/connection_slot.hpp"
#include "exchange/framed_stream.hpp"

namespace bester::clients {

/// A connection without the object that speaks on it: how it comes from a listener to its shard, goes from one protocol
/// to another, and from one shard to another (then with nothing queued). Owns all of the connection.
struct connection_parts {
    exchange::stream_parts stream;
    connection_slot slot;
    const listener_settings* listener = nullptr;
    access::address_place place;                ///< among the connections from its address
    std::unique_ptr<std::string> told_address;  ///< the client's address as a proxy told it; null: the socket's
};

}  // namespace bester::clients
