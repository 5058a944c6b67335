#pragma once

#include <memory>
#include <string>

#include "tls/context.hpp"

namespace bester::clients {

/// A connection that was accepted, on its way to the shard that will own it.
struct arrival {
    int fd = -1;                              ///< non-blocking; whoever takes the arrival closes it
    std::shared_ptr<const tls::context> tls;  ///< null: in clear
    std::string from;                         ///< the client's address as a proxy told it; empty: the socket's
};

}  // namespace bester::clients
