#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "clients/file_reader.hpp"
#include "clients/web_form.hpp"
#include "clients/web_settings.hpp"
#include "web/http_request.hpp"
#include "web/http_response.hpp"

namespace bester::clients {

class engine_session;

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
    std::uint64_t ticket = 0;   ///< by which shard_clients finds the connection
    std::string sid;            ///< of the Engine.IO session that was given the request; empty: none was
    web::http_request request;  ///< what is asked of a file, or of another shard; empty for an Engine.IO session
    std::unique_ptr<file_transfer> file;  ///< null: it is not answered by a file
};

/// What a session has that came over HTTP.
struct web_state {
    const web_path* path = nullptr;  ///< the listener's; null: requests are still read
    web_form form = web_form::protocol;
    bool is_compressed = false;
    bool is_pinged = false;  ///< and has not answered
    bool has_ended = false;  ///< the close frame is written
    std::string type_token;  ///< of a bound path
    std::string query;
    std::string failure;              ///< code of the last refusal, which the close frame tells on a bound path
    std::uint64_t last_heard_ms = 0;  ///< shard clock

    engine_session* engine = nullptr;          ///< that this WebSocket carries; null: none
    std::unique_ptr<pending_request> pending;  ///< null: every request that was accepted has been answered

    bool is_bound() const noexcept { return form != web_form::protocol; }
};

}  // namespace bester::clients
