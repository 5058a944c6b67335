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
    for (const int status : {101, 200, 204, 308, 304, 400, 401, 403, 404, 405, 408,
                             411, 413, 414, 417, 426, 429, 431, 500, 501, 503, 505}) {
        CAPTURE(status);
        CHECK(reason_phrase(static_cast<http_status>(status)) != "Unknown");
    }
    CHECK(status_line(http_status::ok) == "HTTP/1.1 200 OK\r\n");
}

TEST_CASE("http response: a whole one has its type, its length and its body", "[web]") {
    CHECK(make_response({}, http_status::ok, "text/plain; charset=UTF-8", "ok") ==
          "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=UTF-8\r\nX-Content-Type-Options: nosniff\r\n"
          "Cache-Control: no-store\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok");
    CHECK(make_response({true, false, "X: y\r\n"}, http_status::bad_request, {}, "hello") ==
          "HTTP/1.1 400 Bad Request\r\nCache-Control: no-store\r\nX: y\r\nConnection: close\r\nContent-Length: "
          "5\r\n\r\n");
    CHECK(make_response({}, http_status::forbidden) ==
          "HTTP/1.1 403 Forbidden\r\nCache-Control: no-store\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n");
}

TEST_CASE("http response: 204 has neither body nor length", "[web]") {
    CHECK(make_response({}, http_status::no_content, "text/plain", "not sent") ==
          "HTTP/1.1 204 No Content\r\nCache-Control: no-store\r\nConnection: keep-alive\r\n\r\n");
}

TEST_CASE("http response: a page of another origin is told what it may", "[web]") {
    const std::string granted = "Vary: Origin\r\nAccess-Control-Allow-Origin: https://a.example\r\n";
    CHECK(cors_headers({}) == "Vary: Origin\r\n");
    CHECK(cors_headers({"", true, true, "a"}) == "Vary: Origin\r\n");
    CHECK(cors_headers({"https://a.example", false, false, "a"}) == granted);
    CHECK(cors_headers({"null", true, false, {}}) ==
          "Vary: Origin\r\nAccess-Control-Allow-Origin: null\r\nAccess-Control-Allow-Credentials: true\r\n");
    CHECK(cors_headers({"https://a.example", false, true, " authorization,, x y ,x-z"}) ==
          granted +
              "Access-Control-Allow-Methods: GET, POST\r\nAccess-Control-Max-Age: 600\r\n"
              "Access-Control-Allow-Headers: authorization, x-z\r\n");
    CHECK(cors_headers({"https://a.example", false, true, {}}) ==
          granted + "Access-Control-Allow-Methods: GET, POST\r\nAccess-Control-Max-Age: 600\r\n");
}

}  // namespace bester::web
