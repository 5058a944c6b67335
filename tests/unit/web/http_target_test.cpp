#include <catch2/catch.hpp>
#include <vector>

#include "web/http_target.hpp"

namespace bester::web {

namespace {

std::string split(std::string_view target) {
    std::string path;
    std::string query;
    return split_target(target, path, query) ? path + " ? " + query : "refused";
}

}  // namespace

TEST_CASE("http target: path and query, the path decoded", "[web]") {
    CHECK(split("/") == "/ ? ");
    CHECK(split("/a/b.html") == "/a/b.html ? ");
    CHECK(split("/a?") == "/a ? ");
    CHECK(split("/a?b=%20&c=?/..") == "/a ? b=%20&c=?/..");
    CHECK(split("/%61%2F%C3%A4%3f") == "/a/\xc3\xa4? ? ");
    CHECK(split("/a+b") == "/a+b ? ");
    CHECK(split("/.../..a/a..") == "/.../..a/a.. ? ");
    CHECK(split("//") == "// ? ");
}

TEST_CASE("http target: what is no path, or leads upward, is refused", "[web]") {
    for (const std::string_view target :
         {"",      "a",       "*",       "?a",      "http://x/",   "x:80", "/a#b",      "/a\\b", "/%5c", "/%00",
          "/%0a",  "/%7F",    "/%",      "/%a",     "/%4",         "/%zz", "/%1g",      "/a%",   "/..",  "/../",
          "/a/..", "/a/../b", "/%2e%2e", "/.%2e/a", "/a%2f..%2fb", "/a b", "/\xc3\xa4", "/%ff",  "/%c3", "/%C3%28"}) {
        CAPTURE(target);
        CHECK(split(target) == "refused");
    }
    CHECK(split(std::string_view{"/a\0b", 4}) == "refused");
}

TEST_CASE("http target: values of a query", "[web]") {
    CHECK(query_value("a=1&token=x%2By&b", "token") == "x+y");
    CHECK(query_value("token=", "token") == "");
    CHECK(query_value("token=1&token=2", "token") == "1");
    CHECK_FALSE(query_value("atoken=1&token&tokens=2", "token"));
    CHECK_FALSE(query_value("token=%zz", "token"));
    CHECK_FALSE(query_value("", "token"));
}

TEST_CASE("http target: an encoded path is split to what it was", "[web]") {
    for (const std::string_view path : {"/", "/a b/c", "/\xc3\xa4?#%", "/a\"<>"}) {
        CAPTURE(path);
        CHECK(split(percent_encode_path(path)) == std::string{path} + " ? ");
    }
    CHECK(percent_encode_path("/a b\r\n\xc3\xa4") == "/a%20b%0D%0A%C3%A4");
}

}  // namespace bester::web
