#pragma once

#include <memory>
#include <string>

#include "access/address_counts.hpp"
#include "clients/client_settings.hpp"
#include "clients/connection_slot.hpp"
#include "exchange/framed_stream.hpp"

namespace bester::clients {

/// A connection without its object: the form in which it comes from a listener to its shard, changes its protocol, and
/// moves to another shard (then with an empty queue). Owns everything of the connection.
struct connection_parts {
    exchange::stream_parts stream;
    connection_slot slot;
    const listener_settings* listener = nullptr;
    access::address_place place;                ///< its count among the connections from its address
    std::unique_ptr<std::string> told_address;  ///< the client's address as a proxy reported it; null: the socket's
};

}  // namespace bester::clients
