#include <catch2/catch.hpp>

#include "web/http_response.hpp"

namespace bester::web {

TEST_CASE("http response: an error says its status, its length, and that the connection ends", "[web]") {
    const std::string response = error_response(http_status::bad_request, "no Host");
    CHECK(response.starts_with("HTTP/1.1 400 Bad Request\r\n"));
    CHECK(response.find("\r\nConnection: close\r\n") != std::string::npos);
    CHECK(response.find("\r\nContent-Type: text/plain; charset=utf-8\r\n") != std::string::npos);
    CHECK(response.ends_with("\r\nContent-Length: 25\r\n\r\n400 Bad Request: no Host\n"));
    CHECK(error_response(http_status::not_found).ends_with("Content-Length: 14\r\n\r\n404 Not Found\n"));
    CHECK(error_response(http_status::not_found, {}, true).ends_with("Content-Length: 14\r\n\r\n"));
}

TEST_CASE("http response: 405 and 426 say what would do", "[web]") {
    CHECK(error_response(http_status::method_not_allowed).find("\r\nAllow: GET, HEAD\r\n") != std::string::npos);
    const std::string response = error_response(http_status::upgrade_required);
    CHECK(response.find("\r\nSec-WebSocket-Version: 13\r\n") != std::string::npos);
    CHECK(response.find("\r\nConnection: Upgrade, close\r\n") != std::string::npos);
    CHECK(response.find("\r\nUpgrade: websocket\r\n") != std::string::npos);
}

TEST_CASE("http response: every status has its phrase", "[web]") {
    for (const int status : {101, 200, 308, 304, 400, 401, 403, 404, 405, 408, 413, 414, 426, 429, 431, 500, 501, 503, 505}) {
        CAPTURE(status);
        CHECK(reason_phrase(static_cast<http_status>(status)) != "Unknown");
    }
    CHECK(status_line(http_status::ok) == "HTTP/1.1 200 OK\r\n");
}

}  // namespace bester::web
