#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "web/http_request.hpp"
#include "web/http_response.hpp"

namespace bester::web {

/// What a path accepts.
struct websocket_rules {
    /// Who may open it from a browser: see is_origin_rule. Requests without Origin come from programs,
    /// which could say any, and are always taken.
    std::vector<std::string> origins;
    std::vector<std::string> subprotocols;
    bool allows_compression = false;
};

/// The answer to an opening handshake.
struct handshake_answer {
    http_status status = http_status::switching_protocols;  ///< anything else: close after the response
    std::string response;
    std::string subprotocol;       ///< empty: none
    bool is_compressed = false;    ///< permessage-deflate, without context takeover on either side
    std::string_view reason = {};  ///< of a refusal, for the log; lives for ever

    bool is_accepted() const noexcept { return status == http_status::switching_protocols; }
};

/// Does the request ask for a WebSocket? Else it may be one for a file.
bool asks_for_websocket(const http_request& request) noexcept;

/// Checks all that RFC 6455, section 4.2, asks of a request, and of the subprotocols that the client
/// offers chooses the first that is ours. Pure.
handshake_answer answer_handshake(const http_request& request, const websocket_rules& rules);

/// Sec-WebSocket-Accept for a key.
std::string accept_for(std::string_view key);

}  // namespace bester::web
