#include <catch2/catch.hpp>
#include <vector>

#include "web/http_request_decoder.hpp"

namespace bester::web {

namespace {

/// "ok /path?query …" or the status of the refusal; the pieces lie in heap blocks of exactly their size.
std::string decode(const std::vector<std::string_view>& pieces, http_request& request, const http_limits& limits = {}) {
    http_request_decoder decoder{limits};
    for (std::size_t i = 0; i < pieces.size(); ++i) {
        const std::vector<char> exact{pieces[i].begin(), pieces[i].end()};
        const http_found found = decoder.decode({exact.data(), exact.size()}, request);
        if (found.status == http_decode_status::failed) {
            CHECK_FALSE(found.reason.empty());
            CHECK(decoder.decode("GET", request).error == found.error);
            return std::to_string(static_cast<int>(found.error));
        }
        if (found.status == http_decode_status::complete) {
            std::string rest{pieces[i].substr(found.consumed)};
            for (std::size_t later = i + 1; later < pieces.size(); ++later) rest += pieces[later];
            CHECK_FALSE(decoder.has_begun());
            return "ok, left: " + rest;
        }
        CHECK(found.consumed == exact.size());
    }
    return "need more";
}

std::string decode(std::string_view text) {
    http_request request;
    return decode({text}, request);
}

constexpr std::string_view upgrade =
    "GET /v1/texto?nogreet=1&a=%20 HTTP/1.1\r\nHost: example.org:8398\r\nConnection: keep-alive, Upgrade\r\n"
    "uPGRADE:websocket\r\nX-Forwarded-For: 192.0.2.1\r\nX-Empty:\r\nx-forwarded-for: \t 10.0.0.1 \r\n\r\n";

}  // namespace

TEST_CASE("http request: a head is understood wherever it is cut, and what follows is left", "[web]") {
    const std::string stream = std::string{upgrade} + "\x81\x80rest";
    const std::string_view view{stream};
    for (std::size_t first = 0; first <= view.size(); ++first) {
        for (std::size_t second = first; second <= view.size(); second += 11) {
            CAPTURE(first, second);
            http_request request;
            REQUIRE(decode({view.substr(0, first), view.substr(first, second - first), view.substr(second)}, request) ==
                    "ok, left: \x81\x80rest");
            REQUIRE(request.path == "/v1/texto");
            REQUIRE(request.query == "nogreet=1&a=%20");
            REQUIRE(request.joined("X-FORWARDED-FOR") == "192.0.2.1, 10.0.0.1");
        }
    }
    http_request request;
    REQUIRE(decode({upgrade}, request) == "ok, left: ");
    CHECK(request.header("host") == "example.org:8398");
    CHECK(request.header("Upgrade") == "websocket");
    CHECK(request.header("X-Forwarded-For") == "192.0.2.1");
    CHECK(request.count("x-forwarded-for") == 2);
    CHECK(request.count("X-Empty") == 1);
    CHECK(request.header("X-Empty").empty());
    CHECK(request.header("missing").empty());
    CHECK(request.keep_alive);
    CHECK_FALSE(request.is_head);
    CHECK(decode(upgrade.substr(0, upgrade.size() - 1)) == "need more");
}

TEST_CASE("http request: several on one connection, with and without keep-alive", "[web]") {
    http_request_decoder decoder;
    const std::string stream =
        "GET /a HTTP/1.1\r\nHost: x\r\n\r\nHEAD /b HTTP/1.1\r\nHost: x\r\nConnection: Close\r\n\r\nGET /c "
        "HTTP/1.0\r\n\r\n"
        "GET /d HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";
    std::string_view rest{stream};
    const auto next = [&] {
        http_request request;
        const http_found found = decoder.decode(rest, request);
        REQUIRE(found.status == http_decode_status::complete);
        rest.remove_prefix(found.consumed);
        return request.path + (request.is_head ? " head" : "") + (request.keep_alive ? " keep" : " close") + " 1." +
               std::to_string(request.minor_version);
    };
    CHECK(next() == "/a keep 1.1");
    CHECK(next() == "/b head close 1.1");
    CHECK(next() == "/c close 1.0");
    CHECK(next() == "/d keep 1.0");
    CHECK(rest.empty());
}

TEST_CASE("http request: what two readers could read in two ways is refused", "[web]") {
    const std::vector<std::pair<std::string, std::string>> table{
        // lengths
        {"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", "ok, left: "},
        {"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello", "413"},
        {"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999999\r\n\r\n", "400"},
        {"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n", "400"},
        {"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nContent-Length: 5\r\n\r\n", "400"},
        {"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 0, 0\r\n\r\n", "400"},
        {"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: +0\r\n\r\n", "400"},
        {"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", "400"},
        {"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 0x0\r\n\r\n", "400"},
        {"GET / HTTP/1.1\r\nHost: x\r\nContent-Length:\r\n\r\n", "400"},
        {"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "501"},
        {"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: identity\r\n\r\n", "501"},
        {"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n", "501"},
        {"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n", "400"},
        {"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n", "400"},
        {"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", "400"},
        {"GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", "400"},
        // lines
        {"GET / HTTP/1.1\nHost: x\n\n", "400"},
        {"GET / HTTP/1.1\r\nHost: x\n\r\n", "400"},
        {"GET / HTTP/1.1\r\nHost: x\rX: y\r\n\r\n", "400"},
        {"GET / HTTP/1.1\r\nHost: x\r\nX: a\r\n b\r\n\r\n", "400"},
        {"GET / HTTP/1.1\r\nHost: x\r\nX: a\r\n\tb\r\n\r\n", "400"},
        {"GET / HTTP/1.1\r\n Host: x\r\n\r\n", "400"},
        {"\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n", "400"},
        {"GET / HTTP/1.1\r\nHost: x\r\nX: a\1b\r\n\r\n", "400"},
        {std::string("GET / HTTP/1.1\r\nHost: x\r\nX: a\0b\r\n\r\n", 35), "400"},
        // names
        {"GET / HTTP/1.1\r\nHost : x\r\n\r\n", "400"},
        {"GET / HTTP/1.1\r\nHost: x\r\nContent-Length : 5\r\n\r\n", "400"},
        {"GET / HTTP/1.1\r\nHost: x\r\n: y\r\n\r\n", "400"},
        {"GET / HTTP/1.1\r\nHost: x\r\nA(b): y\r\n\r\n", "400"},
        {"GET / HTTP/1.1\r\nHost: x\r\nno colon\r\n\r\n", "400"},
        {"GET / HTTP/1.1\r\nHost: x\r\n\xc3\xa4: y\r\n\r\n", "400"},
        {"GET / HTTP/1.1\r\nHost: x\r\nX: \xc3\xa4\r\n\r\n", "ok, left: "},
        // Host
        {"GET / HTTP/1.1\r\n\r\n", "400"},
        {"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", "400"},
        {"GET / HTTP/1.1\r\nHost: a\r\nhost: b\r\n\r\n", "400"},
        {"GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", "400"},
        {"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", "400"},
        {"GET / HTTP/1.1\r\nHost: a@b\r\n\r\n", "400"},
        {"GET / HTTP/1.1\r\nHost: [2001:db8::1]:80\r\n\r\n", "ok, left: "},
        {"GET / HTTP/1.0\r\n\r\n", "ok, left: "},
        // the first line
        {"POST / HTTP/1.1\r\nHost: x\r\n\r\n", "405"},
        {"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", "405"},
        {"BREW / HTTP/1.1\r\nHost: x\r\n\r\n", "501"},
        {"get / HTTP/1.1\r\nHost: x\r\n\r\n", "501"},
        {"GET / HTTP/2.0\r\nHost: x\r\n\r\n", "505"},
        {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "505"},
        {"GET / HTTP/1.2\r\nHost: x\r\n\r\n", "505"},
        {"GET / HTTP/0.9\r\nHost: x\r\n\r\n", "505"},
        {"GET / HTTP/11\r\nHost: x\r\n\r\n", "400"},
        {"GET / http/1.1\r\nHost: x\r\n\r\n", "400"},
        {"GET /\r\n\r\n", "400"},
        {"GET  / HTTP/1.1\r\nHost: x\r\n\r\n", "400"},
        {"GET / HTTP/1.1 \r\nHost: x\r\n\r\n", "400"},
        {"GET /a b HTTP/1.1\r\nHost: x\r\n\r\n", "400"},
        {"GET\t/ HTTP/1.1\r\nHost: x\r\n\r\n", "400"},
        {"GET http://x/ HTTP/1.1\r\nHost: x\r\n\r\n", "400"},
        {"GET /../a HTTP/1.1\r\nHost: x\r\n\r\n", "400"},
        {"GET /%2e%2E/a HTTP/1.1\r\nHost: x\r\n\r\n", "400"},
        // something else altogether
        {"\x16\x03\x01\x02", "400"},
        {std::string("\x02\0\0\0{}", 6), "400"},
        {" GET", "400"},
    };
    for (const auto& [text, expected] : table) {
        CAPTURE(text);
        CHECK(decode(text) == expected);
        for (std::size_t cut = 1; cut < text.size(); ++cut) {
            http_request request;
            const std::string_view view{text};
            REQUIRE(decode({view.substr(0, cut), view.substr(cut)}, request) == expected);
        }
    }
}

TEST_CASE("http request: size and number of headers are bounded", "[web]") {
    const std::string begin = "GET / HTTP/1.1\r\nHost: x\r\n";
    const auto with_headers = [&](int count) {
        std::string text = begin;
        for (int i = 1; i < count; ++i) text += "A: b\r\n";
        return text + "\r\n";
    };
    CHECK(decode(with_headers(64)) == "ok, left: ");
    CHECK(decode(with_headers(65)) == "431");

    http_request request;
    const http_limits small{.head_size = 200, .headers = 64};
    const std::string fits = begin + "A: " + std::string(200 - begin.size() - 7, 'x') + "\r\n\r\n";
    REQUIRE(fits.size() == 200);
    CHECK(decode({fits}, request, small) == "ok, left: ");
    const std::string longer = begin + "A: " + std::string(200 - begin.size() - 6, 'x') + "\r\n\r\n";
    CHECK(decode({longer}, request, small) == "431");
    CHECK(decode({"GET /" + std::string(300, 'x')}, request, small) == "414");
    CHECK(decode("GET /" + std::string(9'000, 'x')) == "414");
}

}  // namespace bester::web
