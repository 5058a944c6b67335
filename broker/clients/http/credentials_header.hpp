#pragma once

#include <tl/expected.hpp>

#include "clients/login/request_credentials.hpp"
#include "web/http_request.hpp"

namespace bester::clients {

/// Reads what a request says of who sends it: `Authorization: Bearer`; or else `access_token` of its query, as pages
/// cannot set a header of a WebSocket, while their browser may add a Basic of its own; or else `Authorization: Basic`.
/// What is there and is not understood is an error, never the same as nothing.
tl::expected<request_credentials, wire::status_error> credentials_of(const web::http_request& request);

}  // namespace bester::clients
