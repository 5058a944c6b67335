#include <catch2/catch.hpp>
#include <functional>

#include "web/http_request_decoder.hpp"
#include "web/websocket_handshake.hpp"

namespace bester::web {

namespace {

http_request good() {
    http_request request;
    request.path = "/chat";
    request.headers = {{"Host", "server.example.com"},
                       {"Upgrade", "websocket"},
                       {"Connection", "Upgrade"},
                       {"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="},
                       {"Sec-WebSocket-Version", "13"}};
    return request;
}

void set(http_request& request, const std::string& name, const std::string& value) {
    for (http_header& each : request.headers) {
        if (each.name != name) continue;
        each.value = value;
        return;
    }
    request.headers.push_back({name, value});
}

int status_with(const std::function<void(http_request&)>& change, const websocket_rules& rules = {}) {
    http_request request = good();
    change(request);
    const handshake_answer answer = answer_handshake(request, rules);
    const auto status = static_cast<int>(answer.status);
    CHECK(answer.response.starts_with("HTTP/1.1 " + std::to_string(status)));
    CHECK(answer.reason.empty() == answer.is_accepted());
    return status;
}

std::string subprotocol_with(const std::string& offers, std::vector<std::string> ours) {
    http_request request = good();
    set(request, "Sec-WebSocket-Protocol", offers);
    const handshake_answer answer = answer_handshake(request, {{}, std::move(ours), false});
    const bool is_said =
        answer.response.find("Sec-WebSocket-Protocol: " + answer.subprotocol + "\r\n") != std::string::npos;
    CHECK(is_said == !answer.subprotocol.empty());
    return answer.subprotocol;
}

/// The extension of the answer; "none".
std::string extension_with(const std::string& offers, bool is_allowed = true) {
    http_request request = good();
    set(request, "Sec-WebSocket-Extensions", offers);
    const handshake_answer answer = answer_handshake(request, {{}, {}, is_allowed});
    if (!answer.is_accepted()) return std::to_string(static_cast<int>(answer.status));
    const std::string name = "Sec-WebSocket-Extensions: ";
    const std::size_t begin = answer.response.find(name);
    CHECK(answer.is_compressed == (begin != std::string::npos));
    if (begin == std::string::npos) return "none";
    return answer.response.substr(begin + name.size(), answer.response.find("\r\n", begin) - begin - name.size());
}

}  // namespace

TEST_CASE("websocket handshake: the example of RFC 6455", "[web]") {
    CHECK(accept_for("dGhlIHNhbXBsZSBub25jZQ==") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    http_request request;
    http_request_decoder decoder;
    REQUIRE(
        decoder
            .decode("GET /chat HTTP/1.1\r\nHost: server.example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nOrigin: http://example.com\r\n"
                    "Sec-WebSocket-Protocol: chat, superchat\r\nSec-WebSocket-Version: 13\r\n\r\n",
                    request)
            .status == http_decode_status::complete);
    const handshake_answer answer = answer_handshake(request, {{"http://example.com"}, {"chat"}, true});
    CHECK(answer.is_accepted());
    CHECK(answer.response ==
          "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
          "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: chat\r\n\r\n");
}

TEST_CASE("websocket handshake: what is missing or wrong has its status", "[web]") {
    CHECK(status_with([](http_request&) {}) == 101);
    CHECK(status_with([](http_request& r) { r.method = http_method::head; }) == 405);
    CHECK(status_with([](http_request& r) { r.minor_version = 0; }) == 400);
    CHECK(status_with([](http_request& r) { set(r, "Upgrade", "h2c"); }) == 426);
    CHECK(status_with([](http_request& r) { set(r, "Upgrade", "h2c, WebSocket"); }) == 101);
    CHECK(status_with([](http_request& r) { set(r, "Connection", "keep-alive"); }) == 400);
    CHECK(status_with([](http_request& r) { set(r, "Connection", "keep-alive, upgrade"); }) == 101);
    CHECK(status_with([](http_request& r) {
              set(r, "Connection", "keep-alive");
              r.headers.push_back({"connection", "UPGRADE"});
          }) == 101);
    CHECK(status_with([](http_request& r) { set(r, "Sec-WebSocket-Version", "8"); }) == 426);
    CHECK(status_with([](http_request& r) { set(r, "Sec-WebSocket-Version", "13, 8"); }) == 426);
    CHECK(status_with([](http_request& r) { r.headers.pop_back(); }) == 426);
    CHECK(status_with([](http_request& r) { r.headers.push_back({"sec-websocket-version", "13"}); }) == 400);
    CHECK(status_with([](http_request& r) {
              r.headers.push_back({"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="});
          }) == 400);
    for (const std::string key :
         {"", "dGhlIHNhbXBsZSBub25jZQ", "dGhlIHNhbXBsZSBub25jZQ=", "dGhlIHNhbXBsZSBub25jZR==",
          "dGhlIHNhbXBsZSBub25jZ!==", "dGhlIHNhbXBsZSBub25jZXM=", "dGhlIHNhbXBsZSBub25jZQ==dGhlIHNhbXBsZSBub25jZQ=="}) {
        CAPTURE(key);
        CHECK(status_with([&](http_request& r) { set(r, "Sec-WebSocket-Key", key); }) == 400);
    }
    CHECK(asks_for_websocket(good()));
    CHECK_FALSE(asks_for_websocket({}));
}

TEST_CASE("websocket handshake: origins", "[web]") {
    const auto with_origin = [](const std::string& origin) {
        return [=](http_request& r) { set(r, "Origin", origin); };
    };
    const websocket_rules rules{{"https://*.example.org", "self"}, {}, false};
    CHECK(status_with([](http_request&) {}, rules) == 101);  // a program
    CHECK(status_with(with_origin("https://a.example.org"), rules) == 101);
    CHECK(status_with(with_origin("https://server.example.com"), rules) == 101);
    CHECK(status_with(with_origin("https://evil.net"), rules) == 403);
    CHECK(status_with(with_origin("null"), rules) == 403);
    CHECK(status_with(with_origin(""), rules) == 403);
    CHECK(status_with(with_origin("https://a.example.org"), {}) == 403);
    CHECK(status_with(with_origin("null"), {{"*"}, {}, false}) == 101);
    CHECK(status_with(
              [](http_request& r) {
                  r.headers.push_back({"Origin", "https://a.example.org"});
                  r.headers.push_back({"Origin", "https://a.example.org"});
              },
              rules) == 400);
}

TEST_CASE("websocket handshake: the client's first subprotocol that is ours", "[web]") {
    CHECK(subprotocol_with("a, b", {"b", "a"}) == "a");
    CHECK(subprotocol_with("c, b", {"b", "a"}) == "b");
    CHECK(subprotocol_with("A", {"a"}).empty());
    CHECK(subprotocol_with("c", {"b", "a"}).empty());
    CHECK(subprotocol_with("a", {}).empty());
    CHECK(status_with([](http_request& r) { set(r, "Sec-WebSocket-Protocol", "c"); }, {{}, {"a"}, false}) == 101);
    CHECK(status_with([](http_request& r) { set(r, "Sec-WebSocket-Protocol", "a, a"); }) == 400);
    CHECK(status_with([](http_request& r) { set(r, "Sec-WebSocket-Protocol", "a b"); }) == 400);
    CHECK(status_with([](http_request& r) { set(r, "Sec-WebSocket-Protocol", ""); }) == 400);
    http_request request = good();
    request.headers.push_back({"Sec-WebSocket-Protocol", "x"});
    request.headers.push_back({"Sec-WebSocket-Protocol", "y"});
    CHECK(answer_handshake(request, {{}, {"y"}, false}).subprotocol == "y");
}

TEST_CASE("websocket handshake: permessage-deflate, without context takeover and within what was offered", "[web]") {
    const std::string ours = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
    CHECK(extension_with("permessage-deflate") == ours);
    CHECK(extension_with("permessage-deflate", false) == "none");
    CHECK(extension_with("permessage-deflate; client_max_window_bits") == ours);
    CHECK(extension_with("Permessage-Deflate;client_max_window_bits=9;server_no_context_takeover") == ours);
    CHECK(extension_with("permessage-deflate; server_max_window_bits=12") == ours + "; server_max_window_bits=12");
    CHECK(extension_with("permessage-deflate; server_max_window_bits=\"15\"") == ours + "; server_max_window_bits=12");
    CHECK(extension_with("permessage-deflate; server_max_window_bits=10") == "none");
    CHECK(extension_with("permessage-deflate; server_max_window_bits=10, permessage-deflate") == ours);
    CHECK(extension_with("x-webkit-deflate-frame, permessage-deflate; client_no_context_takeover") == ours);
    for (const std::string parameters :
         {"server_max_window_bits", "server_max_window_bits=16", "server_max_window_bits=7",
          "server_max_window_bits=012", "client_max_window_bits=0",
          "client_max_window_bits=", "server_no_context_takeover=1", "unknown", "unknown=1",
          "client_no_context_takeover; client_no_context_takeover"}) {
        CAPTURE(parameters);
        CHECK(extension_with("permessage-deflate; " + parameters) == "none");
    }
    CHECK(extension_with("x, y;z=1") == "none");
    CHECK(extension_with("(") == "400");
    CHECK(extension_with(";a") == "400");
}

}  // namespace bester::web
