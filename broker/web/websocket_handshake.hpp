#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "web/http_request.hpp"
#include "web/http_response.hpp"

namespace bester::web {

/// The rules of a path for handshakes.
struct websocket_rules {
    /// Pages that may open it: see is_origin_rule. Requests without Origin come from programs, which could send any
    /// origin, and are always accepted.
    std::vector<std::string> origins;
    std::vector<std::string> subprotocols;
    bool allows_compression = false;
    bool is_tls = false;  ///< whether the listener speaks TLS
};

/// The answer to an opening handshake.
struct handshake_answer {
    http_status status = http_status::switching_protocols;  ///< anything else: close after the response
    std::string response;
    std::string subprotocol;       ///< empty: none
    bool is_compressed = false;    ///< permessage-deflate, without context takeover on either side
    std::string_view reason = {};  ///< reason of a refusal, for the log; static text

    bool is_accepted() const noexcept { return status == http_status::switching_protocols; }
};

/// Returns whether the request asks for a WebSocket; else it may be one for a file.
bool asks_for_websocket(const http_request& request) noexcept;

/// Checks everything that RFC 6455, section 4.2, requires of a request, and chooses the first subprotocol of the client
/// that the path has. Pure.
handshake_answer answer_handshake(const http_request& request, const websocket_rules& rules);

/// Returns Sec-WebSocket-Accept for a key.
std::string accept_for(std::string_view key);

}  // namespace bester::web
