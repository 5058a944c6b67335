#include <catch2/catch.hpp>
#include <vector>

#include "web/origin_rule.hpp"

namespace bester::web {

namespace {

bool allows(const std::string& rule, std::string_view origin, std::string_view host = "") {
    const std::vector<std::string> rules{rule};
    return is_origin_allowed(origin, {host}, rules);
}

}  // namespace

TEST_CASE("origin rule: exact origins, whatever their case", "[web]") {
    CHECK(allows("https://chat.example.org", "https://chat.example.org"));
    CHECK(allows("https://chat.example.org", "https://Chat.Example.org"));
    CHECK_FALSE(allows("https://chat.example.org", "http://chat.example.org"));
    CHECK_FALSE(allows("https://chat.example.org", "https://chat.example.org:8443"));
    CHECK_FALSE(allows("https://chat.example.org", "https://chat.example.org.evil.net"));
    CHECK_FALSE(allows("https://chat.example.org", "https://evilchat.example.org"));
    CHECK_FALSE(allows("https://chat.example.org", ""));
    CHECK_FALSE(allows("https://chat.example.org", "null"));
    CHECK(allows("null", "null"));
    CHECK(allows("*", "null"));
    CHECK_FALSE(is_origin_allowed("https://x", {"x"}, {}));
}

TEST_CASE("origin rule: a star stands for names and ports, and for nothing that ends them", "[web]") {
    CHECK(allows("https://*.example.org", "https://a.example.org"));
    CHECK(allows("https://*.example.org", "https://a.b-c.example.org"));
    CHECK(allows("https://*.example.org", "https://a.example.org.example.org"));
    CHECK_FALSE(allows("https://*.example.org", "https://example.org"));
    CHECK_FALSE(allows("https://*.example.org", "https://.example.org"));
    CHECK_FALSE(allows("https://*.example.org", "https://evil.net/.example.org"));
    CHECK_FALSE(allows("https://*.example.org", "https://evil.net:1.example.org"));
    CHECK_FALSE(allows("https://*.example.org", "https://user@a.example.org"));
    CHECK_FALSE(allows("https://*.example.org", "https://a.example.org.evil.net"));
    CHECK_FALSE(allows("https://*.example.org", "https://aexample.org"));
    CHECK(allows("http://localhost:*", "http://localhost:8398"));
    CHECK_FALSE(allows("http://localhost:*", "http://localhost"));
    CHECK_FALSE(allows("http://localhost:*", "http://localhost:"));
    CHECK(allows("https://*.*.org:*", "https://a.b.org:1"));
    CHECK_FALSE(allows("https://*.*.org:*", "https://b.org:1"));
    CHECK(allows("https://*-chat.example.org", "https://a-chat-chat.example.org"));
}

TEST_CASE("origin rule: self is the host that was asked", "[web]") {
    CHECK(allows("self", "http://localhost:8398", "localhost:8398"));
    CHECK(allows("self", "https://Chat.example.org", "chat.example.org"));
    CHECK_FALSE(allows("self", "http://localhost:8398", "localhost"));
    CHECK_FALSE(allows("self", "http://evil.net", "localhost"));
    CHECK_FALSE(allows("self", "null", "localhost"));
    CHECK_FALSE(allows("self", "http://", ""));
    CHECK_FALSE(allows("self", "ftp://localhost", "localhost"));
}

TEST_CASE("origin rule: on a listener with TLS, self is a page that came over https", "[web]") {
    const std::vector<std::string> self{"self"};
    CHECK(is_origin_allowed("https://chat.example.org", {"chat.example.org", true}, self));
    CHECK_FALSE(is_origin_allowed("http://chat.example.org", {"chat.example.org", true}, self));
    const std::vector<std::string> both{"self", "http://chat.example.org"};
    CHECK(is_origin_allowed("http://chat.example.org", {"chat.example.org", true}, both));
}

TEST_CASE("origin rule: rules that can match nothing are found", "[web]") {
    for (const std::string_view rule :
         {"*", "self", "null", "https://a.example.org", "https://*.example.org:8443", "http://[::1]:*"})
        CHECK(is_origin_rule(rule));
    for (const std::string_view rule :
         {"", "example.org", "https://", "://a", "https://a/", "https://a/b", "ht tp://a", "*://a"}) {
        CAPTURE(rule);
        CHECK_FALSE(is_origin_rule(rule));
    }
}

}  // namespace bester::web
