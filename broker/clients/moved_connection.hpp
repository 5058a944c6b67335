#pragma once

#include <memory>
#include <string>

#include "clients/client_settings.hpp"
#include "clients/session_access.hpp"
#include "web/http_request.hpp"
#include "wire/stream_cipher.hpp"

namespace bester::clients {

/// A connection on its way from one shard to another: a WebSocket of Engine.IO, or the request for one. Whoever has it
/// closes it.
struct moved_connection {
    int fd = -1;
    std::unique_ptr<wire::stream_cipher> cipher;  ///< null: in clear
    std::string received;                         ///< in clear, and not decoded
    const listener_settings* listener = nullptr;
    std::unique_ptr<session_access> access;  ///< null: none
    web::http_request request;               ///< to be answered there, if `path` is null
    const web_path* path = nullptr;          ///< of an open WebSocket
    bool is_compressed = false;
};

}  // namespace bester::clients
