#include "web/http_response.hpp"

#include "web/tokens.hpp"

namespace bester::web {

std::string_view reason_phrase(http_status status) noexcept {
    switch (status) {
        case http_status::none: break;
        case http_status::switching_protocols: return "Switching Protocols";
        case http_status::ok: return "OK";
        case http_status::no_content: return "No Content";
        case http_status::permanent_redirect: return "Permanent Redirect";
        case http_status::not_modified: return "Not Modified";
        case http_status::bad_request: return "Bad Request";
        case http_status::unauthorized: return "Unauthorized";
        case http_status::forbidden: return "Forbidden";
        case http_status::not_found: return "Not Found";
        case http_status::method_not_allowed: return "Method Not Allowed";
        case http_status::request_timeout: return "Request Timeout";
        case http_status::length_required: return "Length Required";
        case http_status::payload_too_large: return "Content Too Large";
        case http_status::uri_too_long: return "URI Too Long";
        case http_status::expectation_failed: return "Expectation Failed";
        case http_status::upgrade_required: return "Upgrade Required";
        case http_status::too_many_requests: return "Too Many Requests";
        case http_status::header_too_large: return "Request Header Fields Too Large";
        case http_status::internal_error: return "Internal Server Error";
        case http_status::not_implemented: return "Not Implemented";
        case http_status::service_unavailable: return "Service Unavailable";
        case http_status::version_not_supported: return "HTTP Version Not Supported";
    }
    return "Unknown";
}

std::string status_line(http_status status) {
    return "HTTP/1.1 " + std::to_string(static_cast<int>(status)) + ' ' + std::string{reason_phrase(status)} + "\r\n";
}

std::string error_response(http_status status, std::string_view explanation, bool is_head) {
    std::string text = std::to_string(static_cast<int>(status)) + ' ' + std::string{reason_phrase(status)};
    if (!explanation.empty()) (text += ": ") += explanation;
    text += '\n';
    std::string response = status_line(status);
    response +=
        "Content-Type: text/plain; charset=utf-8\r\nX-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\n";
    if (status == http_status::unauthorized) response += "WWW-Authenticate: Bearer\r\n";
    if (status == http_status::method_not_allowed) response += "Allow: GET, HEAD\r\n";
    if (status == http_status::upgrade_required) {
        response += "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nConnection: Upgrade, close\r\n";
    } else {
        response += "Connection: close\r\n";
    }
    response += "Content-Length: " + std::to_string(text.size()) + "\r\n\r\n";
    if (!is_head) response += text;
    return response;
}

std::string make_response(const response_context& to, http_status status, std::string_view content_type,
                          std::string_view body) {
    const bool has_body = status != http_status::no_content;
    std::string response = status_line(status);
    response.reserve(response.size() + 192 + to.headers.size() + body.size());
    if (!content_type.empty() && has_body)
        ((response += "Content-Type: ") += content_type) += "\r\nX-Content-Type-Options: nosniff\r\n";
    response += "Cache-Control: no-store\r\n";
    response += to.headers;
    response += to.keep_alive ? "Connection: keep-alive\r\n" : "Connection: close\r\n";
    if (has_body) response += "Content-Length: " + std::to_string(body.size()) + "\r\n";
    response += "\r\n";
    if (has_body && !to.is_head) response += body;
    return response;
}

std::string cors_headers(const cors_grant& grant) {
    // A cache must not give the answer for one origin to another one.
    std::string lines = "Vary: Origin\r\n";
    if (grant.origin.empty()) return lines;
    ((lines += "Access-Control-Allow-Origin: ") += grant.origin) += "\r\n";
    if (grant.allows_credentials) lines += "Access-Control-Allow-Credentials: true\r\n";
    if (!grant.is_preflight) return lines;
    lines += "Access-Control-Allow-Methods: GET, POST\r\nAccess-Control-Max-Age: 600\r\n";
    std::string names;
    for_each_element(grant.asked_headers, [&](std::string_view name) {
        if (is_token(name)) (names += names.empty() ? "" : ", ") += name;
    });
    if (!names.empty()) lines += "Access-Control-Allow-Headers: " + names + "\r\n";
    return lines;
}

}  // namespace bester::web
