#pragma once

#include <memory>
#include <string>

#include "clients/connection_slot.hpp"
#include "exchange/owned_socket.hpp"
#include "tls/context.hpp"

namespace bester::clients {

/// A connection that was accepted, on its way to the shard that will own it.
struct arrival {
    exchange::owned_socket socket;  ///< non-blocking
    connection_slot slot;
    std::shared_ptr<const tls::context> tls;  ///< null: in clear
    std::string from;                         ///< the client's address as a proxy reported it; empty: the socket's
};

}  // namespace bester::clients
