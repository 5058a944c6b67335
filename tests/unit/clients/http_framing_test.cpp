#include "clients/http/http_framing.hpp"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "wire/json_reader.hpp"

using namespace bester;
using namespace bester::clients;
using exchange::framing_status;

namespace {

web::http_limits with_bodies() {
    web::http_limits limits;
    limits.body_size = 1'000;
    limits.takes_body = [](std::string_view path) { return path == "/poll"; };
    return limits;
}

/// Gives the pieces, each in a block of exactly its size; "METHOD PATH BODY|" for each frame, "refused NNN" at the end.
std::string frames_of(const std::vector<std::string_view>& pieces) {
    std::string frames;
    http_framing framing{with_bodies()};
    for (const std::string_view piece : pieces) {
        const std::vector<char> exact{piece.begin(), piece.end()};
        std::string_view rest{exact.data(), exact.size()};
        while (!rest.empty()) {
            const exchange::framed found = framing.decode(rest);
            REQUIRE(found.consumed <= rest.size());
            rest.remove_prefix(found.consumed);
            if (found.status == framing_status::need_more) {
                CHECK(rest.empty());
                CHECK(framing.has_begun());
                break;
            }
            REQUIRE(found.status == framing_status::complete);
            CHECK_FALSE(framing.has_begun());
            if (!found.body.empty()) {
                // What reads JSON in place reads so far; AddressSanitizer sees where that is too far.
                const std::string with_padding{found.body.data(), found.body.size() + wire::json_padding};
                CHECK(with_padding.starts_with(found.body));
            }
            const std::string body{found.body};
            framing.give_again();
            const exchange::framed again = framing.decode(rest);
            CHECK(again.status == framing_status::complete);
            CHECK(again.consumed == 0);
            CHECK(again.body == body);
            const http_arrival arrived = framing.take();
            if (arrived.error != web::http_status::none)
                return frames + "refused " + std::to_string(static_cast<int>(arrived.error));
            CHECK(body.size() == arrived.request.body_size);
            CHECK(framing.take().request.path.empty());
            frames += std::string{arrived.request.method == web::http_method::post ? "POST " : "other "} +
                      arrived.request.path + ' ' + body + '|';
            if (arrived.request.path == "/poll") framing.release_body();
        }
    }
    return frames;
}

}  // namespace

TEST_CASE("http framing: the head of a request counts as held until the request is taken", "[clients]") {
    http_framing framing{with_bodies()};
    const std::string large(6'000, 'h');
    const std::string head = "POST /poll HTTP/1.1\r\nHost: x\r\nX: " + large + "\r\nContent-Length: 2\r\n\r\n";
    CHECK(framing.held_bytes() == 0);
    framing.decode(head.substr(0, 3'000));
    CHECK(framing.held_bytes() >= 3'000);
    framing.decode(head.substr(3'000));
    CHECK(framing.is_in_body());
    CHECK(framing.held_bytes() >= large.size());
    CHECK(framing.decode("42").status == framing_status::complete);
    framing.give_again();
    CHECK(framing.held_bytes() >= large.size());
    framing.decode({});
    framing.take();
    framing.release_body();
    CHECK(framing.held_bytes() < large.size());
}

TEST_CASE("http framing: bodies are collected, wherever the stream is cut", "[clients]") {
    const std::string stream =
        "GET /a HTTP/1.1\r\nHost: x\r\n\r\n"
        "POST /poll HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\n\r\nhello world"
        "POST /poll HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"
        "POST /poll HTTP/1.1\r\nHost: x\r\nContent-Length: 28\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\n\r\n"
        "HEAD /c HTTP/1.1\r\nHost: x\r\n\r\n";
    const std::string expected =
        "other /a |POST /poll hello world|POST /poll |POST /poll GET /b HTTP/1.1\r\nHost: x\r\n\r\n|other /c |";
    const std::string_view view{stream};
    for (std::size_t first = 0; first <= view.size(); ++first) {
        for (std::size_t second = first; second <= view.size(); second += 7) {
            CAPTURE(first, second);
            REQUIRE(frames_of({view.substr(0, first), view.substr(first, second - first), view.substr(second)}) ==
                    expected);
        }
    }
    std::vector<std::string_view> bytes;
    for (std::size_t i = 0; i < view.size(); ++i) bytes.push_back(view.substr(i, 1));
    CHECK(frames_of(bytes) == expected);
}

TEST_CASE("http framing: a body that is too large is refused before it comes", "[clients]") {
    const std::string full(1'000, 'x');
    CHECK(frames_of({"POST /poll HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n", full}) ==
          "POST /poll " + full + "|");
    CHECK(frames_of({"POST /poll HTTP/1.1\r\nHost: x\r\nContent-Length: 1001\r\n\r\n", "x"}) == "refused 413");
    CHECK(frames_of({"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n", "x"}) == "refused 413");
    CHECK(frames_of({"POST /a HTTP/1.1\r\nHost: x\r\n\r\n"}) == "refused 405");
}

TEST_CASE("http framing: what is no request comes in its turn, as a frame", "[clients]") {
    http_framing framing{with_bodies()};
    const std::string_view stream = "GET /a HTTP/1.1\r\nHost: x\r\n\r\nnonsense\nGET /b HTTP/1.1\r\nHost: x\r\n\r\n";
    const exchange::framed first = framing.decode(stream);
    REQUIRE(first.status == framing_status::complete);
    CHECK(framing.take().request.path == "/a");
    // It is not accepted, as the request before it has no answer: it is given again, and nothing follows it.
    REQUIRE(framing.decode(stream.substr(first.consumed)).status == framing_status::complete);
    framing.give_again();
    REQUIRE(framing.decode({}).status == framing_status::complete);
    CHECK(framing.take().error == web::http_status::bad_request);
    REQUIRE(framing.decode("GET /c HTTP/1.1\r\nHost: x\r\n\r\n").status == framing_status::complete);
    CHECK(framing.take().error == web::http_status::bad_request);
}
