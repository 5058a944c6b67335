#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace bester::web {

/// The statuses of HTTP answers; the values are their numbers.
enum class http_status : std::uint16_t {
    none = 0,  ///< no error; never sent
    switching_protocols = 101,
    ok = 200,
    no_content = 204,
    permanent_redirect = 308,
    not_modified = 304,
    bad_request = 400,
    unauthorized = 401,
    forbidden = 403,
    not_found = 404,
    method_not_allowed = 405,
    request_timeout = 408,
    length_required = 411,
    payload_too_large = 413,
    uri_too_long = 414,
    expectation_failed = 417,
    upgrade_required = 426,
    too_many_requests = 429,
    header_too_large = 431,
    internal_error = 500,
    not_implemented = 501,
    service_unavailable = 503,
    version_not_supported = 505,
};

/// "Bad Request"
std::string_view reason_phrase(http_status status) noexcept;

/// "HTTP/1.1 400 Bad Request\r\n"
std::string status_line(http_status status);

/// Returns a whole response for an error, after which the connection must be closed: text/plain with the status and, if
/// there is one, `explanation` (plain ASCII of the broker, never input). The answer to HEAD has no text. 401, 405 and
/// 426 carry the headers that RFC 9110 and RFC 6455 require.
std::string error_response(http_status status, std::string_view explanation = {}, bool is_head = false);

/// The facts about a request that its answer needs: a value that is made when the request is accepted and kept until
/// the answer, since the connection may have read the next request by then.
struct response_context {
    bool is_head = false;      ///< the request was HEAD: the answer has everything but the body
    bool keep_alive = true;    ///< the connection goes on after the answer
    std::string headers = {};  ///< more header lines of the answer, each with its CRLF
};

/// Returns a complete response that must not be stored. `content_type` is of the body and left out if empty; 204 has
/// neither body nor length.
std::string make_response(const response_context& to, http_status status, std::string_view content_type = {},
                          std::string_view body = {});

/// The rights of a page of another origin (the CORS protocol of the Fetch standard).
struct cors_grant {
    std::string_view origin;  ///< the request's origin, which is_origin_allowed has accepted
    bool allows_credentials = false;
    bool is_preflight = false;  ///< the request was OPTIONS: the answer lists the allowed methods and headers, too
    std::string_view asked_headers = {};  ///< its Access-Control-Request-Headers
};

/// Returns the header lines that grant it; only Vary if there is no origin. Invalid names of headers are left out.
std::string cors_headers(const cors_grant& grant);

}  // namespace bester::web
