#pragma once

#include <memory>
#include <string>

#include "access/address_counts.hpp"
#include "clients/client_settings.hpp"
#include "clients/listener/connection_slot.hpp"
#include "exchange/framed_stream.hpp"

namespace bester::clients {

/// Where a connection comes from, if that is counted, or was told by a proxy.
struct connection_origin {
    access::address_place place;
    std::string address;  ///< as a proxy told it; empty: the socket's
};

/// A connection without the object that speaks on it: how it comes from a listener to its shard, goes from one protocol
/// to another, and from one shard to another (then with nothing queued). Owns all of the connection.
struct connection_parts {
    exchange::stream_parts stream;
    connection_slot slot;
    const listener_settings* listener = nullptr;
    std::unique_ptr<connection_origin> origin;  ///< null: not counted, and from where the socket leads
};

}  // namespace bester::clients
