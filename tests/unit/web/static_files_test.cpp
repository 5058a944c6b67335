#include <catch2/catch.hpp>

#include "web/content_type.hpp"
#include "web/static_files.hpp"

namespace bester::web {

namespace {
constexpr file_version version{1'234, 1'700'000'000'123'456'789};
}

TEST_CASE("static files: a path names a file below the root, or none", "[web]") {
    CHECK(file_for("/") == "index.html");
    CHECK(file_for("/a/") == "a/index.html");
    CHECK(file_for("/a") == "a");
    CHECK(file_for("/a/b.css") == "a/b.css");
    CHECK(file_for("/a b/\xc3\xa4") == "a b/\xc3\xa4");
    for (const std::string_view path : {"", "a", "//", "//etc/passwd", "/a//b", "/..", "/../a", "/a/../b", "/.", "/./a",
                                        "/.git/config", "/a/.htaccess", "/a\\b", "/a/.", "/a/.."}) {
        CAPTURE(path);
        CHECK_FALSE(file_for(path));
    }
    CHECK_FALSE(file_for(std::string_view{"/a\0b", 4}));
}

TEST_CASE("static files: content types by ending", "[web]") {
    CHECK(content_type("index.html") == "text/html; charset=utf-8");
    CHECK(content_type("a/b.JS") == "text/javascript; charset=utf-8");
    CHECK(content_type("logo.min.svg") == "image/svg+xml");
    CHECK(content_type("font.woff2") == "font/woff2");
    CHECK(content_type("noending") == "application/octet-stream");
    CHECK(content_type("a.html/b") == "application/octet-stream");
    CHECK(content_type("a.unknown") == "application/octet-stream");
    CHECK(content_type("dot.") == "application/octet-stream");
    CHECK(content_type("") == "application/octet-stream");
}

TEST_CASE("static files: the tag changes with size and time", "[web]") {
    const std::string tag = etag_for(version);
    CHECK(tag == "\"4d2-17979cfe3d85cd15\"");
    CHECK(etag_for({1'235, version.modified_ns}) != tag);
    CHECK(etag_for({1'234, version.modified_ns + 1}) != tag);
    CHECK(has_tag(tag, tag));
    CHECK(has_tag("\"x\", W/" + tag, tag));
    CHECK(has_tag(" * ", tag));
    CHECK_FALSE(has_tag("", tag));
    CHECK_FALSE(has_tag("\"x\"", tag));
    CHECK_FALSE(has_tag("4d2-17979cfe3d85cd15", tag));
}

TEST_CASE("static files: a file is answered with all that a browser needs", "[web]") {
    http_request request;
    file_answer answer = answer_file(request, "a/page.html", version, "no-cache");
    CHECK(answer.status == http_status::ok);
    CHECK(answer.sends_body);
    CHECK(answer.head ==
          "HTTP/1.1 200 OK\r\nETag: \"4d2-17979cfe3d85cd15\"\r\nCache-Control: no-cache\r\nConnection: keep-alive\r\n"
          "Content-Type: text/html; charset=utf-8\r\nX-Content-Type-Options: nosniff\r\nContent-Length: 1234\r\n\r\n");

    request.headers.push_back({"If-None-Match", etag_for(version)});
    request.keep_alive = false;
    answer = answer_file(request, "a/page.html", version, "max-age=60");
    CHECK(answer.status == http_status::not_modified);
    CHECK_FALSE(answer.sends_body);
    CHECK(answer.head ==
          "HTTP/1.1 304 Not Modified\r\nETag: \"4d2-17979cfe3d85cd15\"\r\nCache-Control: max-age=60\r\nConnection: "
          "close\r\n\r\n");

    request = {};
    request.is_head = true;
    answer = answer_file(request, "x.png", version, "no-cache");
    CHECK_FALSE(answer.sends_body);
    CHECK(answer.head.find("Content-Length: 1234\r\n") != std::string::npos);
    CHECK_FALSE(answer_file({}, "x.png", {}, "no-cache").sends_body);
}

TEST_CASE("static files: a folder without its slash is redirected to it", "[web]") {
    http_request request;
    request.path = "/a b\r\n";
    request.query = "x=1";
    CHECK(redirect_to_folder(request) ==
          "HTTP/1.1 308 Permanent Redirect\r\nLocation: /a%20b%0D%0A/?x=1\r\nConnection: keep-alive\r\nContent-Length: "
          "0\r\n\r\n");
}

}  // namespace bester::web
