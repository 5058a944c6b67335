#pragma once

#include <string>

#include "clients/login/request_credentials.hpp"
#include "clients/web_settings.hpp"

namespace bester::clients {

/// What an HTTP request that asks for a WebSocket, and may have it, says to the object that goes on with its
/// connection.
struct websocket_upgrade {
    const web_path* path = nullptr;  ///< the listener's
    bool is_compressed = false;
    std::string answer;               ///< of the handshake, to be written; empty: it has been
    std::string query;                ///< as handlers see it
    request_credentials credentials;  ///< of bound paths
};

}  // namespace bester::clients
