#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "clients/http/file_reader.hpp"
#include "clients/websocket/websocket_upgrade.hpp"
#include "web/http_request.hpp"
#include "web/http_response.hpp"

namespace bester::clients {

/// A file that answers a request, on its way to the client a piece at a time: the next is read when all before it has
/// been taken by the socket.
struct file_transfer {
    file_reader::place place;
    std::string name;                                 ///< below the listener's folder
    std::shared_ptr<const file_reader::source> rest;  ///< null: nothing is left to be read
    std::uint64_t given = 0;                          ///< bytes that went into the stream's queue
    bool is_reading = true;                           ///< a piece is about to come from the reader
    std::uint64_t since_ms = 0;                       ///< shard clock: when it was asked for
};

/// A request that was accepted and is not answered yet, with all that its answer needs. The next one on its connection
/// is not accepted meanwhile.
struct pending_request {
    web::response_context answer;
    std::uint64_t ticket = 0;             ///< by which shard_clients finds the connection
    std::string sid;                      ///< of the Engine.IO session that was given the request; empty: none was
    web::http_request request;            ///< what is asked of a file, or of Engine.IO's WebSocket; else empty
    std::unique_ptr<file_transfer> file;  ///< null: it is not answered by a file
};

}  // namespace bester::clients
