#include <catch2/catch.hpp>
#include <string>
#include <utility>
#include <vector>

#include "web/http_request_decoder.hpp"

namespace bester::web {

namespace {

http_limits with_bodies(std::size_t body_size = 1'000) {
    http_limits limits;
    limits.body_size = body_size;
    limits.takes_body = [](std::string_view path) { return path == "/poll/"; };
    return limits;
}

/// "post 5, left: hello" or the status of the refusal; the bytes come in two pieces, cut at `cut`.
std::string decode(std::string_view text, std::size_t cut, const http_limits& limits = with_bodies()) {
    constexpr std::string_view names[] = {"get", "head", "post", "options"};
    http_request_decoder decoder{limits};
    http_request request;
    std::size_t consumed = 0;
    for (const std::string_view piece : {text.substr(0, cut), text.substr(cut)}) {
        const std::vector<char> exact{piece.begin(), piece.end()};
        const http_found found = decoder.decode({exact.data(), exact.size()}, request);
        consumed += found.consumed;
        if (found.status == http_decode_status::failed) return std::to_string(static_cast<int>(found.error));
        if (found.status != http_decode_status::complete) continue;
        CHECK(request.is_head == (request.method == http_method::head));
        std::string result{names[static_cast<std::size_t>(request.method)]};
        if (request.method == http_method::post) result += ' ' + std::to_string(request.body_size);
        else CHECK(request.body_size == 0);
        return result + ", left: " + std::string{text.substr(consumed)};
    }
    return "need more";
}

std::string head(std::string_view first_line, std::string_view headers = {}) {
    return std::string{first_line} + " HTTP/1.1\r\nHost: x\r\n" + std::string{headers} + "\r\n";
}

std::string post(std::string_view headers, std::string_view path = "/poll/") {
    return head("POST " + std::string{path}, headers);
}

}  // namespace

TEST_CASE("http body: a path that takes one gets it, and no doubt is left where it ends", "[web]") {
    const std::vector<std::pair<std::string, std::string>> table{
        {post("Content-Length: 5\r\n") + "helloGET", "post 5, left: helloGET"},
        {post("Content-Length: 5\r\n", "/poll/?sid=a&t=b") + "hello", "post 5, left: hello"},
        {post("Content-Length: 5\r\n", "/%70oll/") + "hello", "post 5, left: hello"},
        {post("content-length:\t5 \r\n") + "hello", "post 5, left: hello"},
        {post("Content-Length: 0\r\n"), "post 0, left: "},
        {post("Content-Length: 0005\r\n"), "post 5, left: "},
        {post("Content-Length: 1000\r\n"), "post 1000, left: "},
        {"POST /poll/ HTTP/1.0\r\nContent-Length: 5\r\n\r\nhello", "post 5, left: hello"},
        {head("OPTIONS /poll/"), "options, left: "},
        {head("OPTIONS /poll/", "Content-Length: 0\r\n"), "options, left: "},
        {head("GET /poll/"), "get, left: "},
        {head("HEAD /poll/"), "head, left: "},
        // too large, or of no length
        {post("Content-Length: 1001\r\n"), "413"},
        {post("Content-Length: 18446744073709551615\r\n"), "413"},
        {post("Content-Length: 99999999999999999999999\r\n"), "400"},
        {post(""), "411"},
        // two readers, two requests
        {post("Content-Length: 5\r\nContent-Length: 5\r\n"), "400"},
        {post("Content-Length: 5\r\nContent-Length: 6\r\n"), "400"},
        {post("Content-Length: 5, 5\r\n"), "400"},
        {post("Content-Length: +5\r\n"), "400"},
        {post("Content-Length: -5\r\n"), "400"},
        {post("Content-Length: 5 5\r\n"), "400"},
        {post("Content-Length: 0x5\r\n"), "400"},
        {post("Content-Length: 5;a=b\r\n"), "400"},
        {post("Content-Length: 5.0\r\n"), "400"},
        {post("Content-Length:\r\n"), "400"},
        {post("Content-Length : 5\r\n"), "400"},
        {post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"), "400"},
        {post("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"), "400"},
        {post("Transfer-Encoding: chunked\r\n"), "501"},
        {post("Transfer-Encoding: identity\r\n"), "501"},
        {post("Transfer-Encoding:\r\n"), "501"},
        {"POST /poll/ HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", "400"},
        // methods and paths that take none
        {head("GET /poll/", "Content-Length: 5\r\n"), "413"},
        {head("HEAD /poll/", "Content-Length: 5\r\n"), "413"},
        {head("OPTIONS /poll/", "Content-Length: 5\r\n"), "413"},
        {head("PUT /poll/", "Content-Length: 5\r\n"), "413"},
        {head("PUT /poll/"), "405"},
        {head("BREW /poll/"), "501"},
        {post("Content-Length: 5\r\n", "/poll"), "413"},
        {post("Content-Length: 0\r\n", "/"), "405"},
        {post("Content-Length: 0\r\n", "/poll/../poll/"), "405"},
        {head("OPTIONS /"), "405"},
        {head("OPTIONS *"), "405"},
        {head("GET /poll/../poll/"), "400"},
        // nobody here says "100 Continue"
        {post("Content-Length: 5\r\nExpect: 100-continue\r\n"), "417"},
        {post("Content-Length: 5\r\nexpect: something\r\n"), "417"},
        {post("Content-Length: 0\r\nExpect: 100-continue\r\n"), "post 0, left: "},
        {"POST /poll/ HTTP/1.0\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n", "post 5, left: "},
        {head("GET /poll/", "Expect: 100-continue\r\n"), "get, left: "},
    };
    for (const auto& [text, expected] : table) {
        CAPTURE(text);
        for (std::size_t cut = 0; cut <= text.size(); ++cut) REQUIRE(decode(text, cut) == expected);
    }
}

TEST_CASE("http body: nobody takes one unless asked to", "[web]") {
    for (const std::string_view first_line : {"POST /poll/", "OPTIONS /poll/"}) {
        CHECK(decode(head(first_line), 0, {}) == "405");
        CHECK(decode(head(first_line, "Content-Length: 0\r\n"), 0, {}) == "405");
        CHECK(decode(head(first_line, "Content-Length: 5\r\n"), 0, {}) == "413");
    }
    CHECK(decode(post("Content-Length: 1\r\n"), 0, with_bodies(0)) == "413");
    CHECK(decode(post("Content-Length: 0\r\n"), 0, with_bodies(0)) == "post 0, left: ");
}

}  // namespace bester::web
