#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "clients/http/file_reader.hpp"
#include "clients/websocket/websocket_upgrade.hpp"
#include "web/http_request.hpp"
#include "web/http_response.hpp"

namespace bester::clients {

/// A file that answers a request and is sent piece by piece: the next piece is read when the socket has taken all
/// earlier ones.
struct file_transfer {
    file_reader::place place;
    std::string name;                                 ///< below the listener's folder
    std::shared_ptr<const file_reader::source> rest;  ///< null: everything is read
    std::uint64_t given = 0;                          ///< bytes that went into the stream's queue
    bool is_reading = true;                           ///< the reader is reading a piece
    std::uint64_t since_ms = 0;                       ///< when the file was requested, on the shard's clock
};

/// A request that was accepted and is not answered yet, with everything that its answer needs. The next request of its
/// connection is not accepted meanwhile.
struct pending_request {
    web::response_context answer;
    std::uint64_t ticket = 0;             ///< by which shard_clients finds the connection
    std::string sid;                      ///< id of the Engine.IO session that has the request; empty: none
    web::http_request request;            ///< the request for a file or for Engine.IO's WebSocket; else empty
    std::unique_ptr<file_transfer> file;  ///< null: the answer is not a file
    bool is_read_slowly = false;          ///< its session was told that the client takes the answer slowly
};

}  // namespace bester::clients
