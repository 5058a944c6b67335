#include <catch2/catch.hpp>

#include "config/difference.hpp"
#include "config/effective_text.hpp"
#include "support.hpp"

namespace bester::config {

namespace {

std::string report_of(const std::string& text) {
    const auto result = parse_text(text);
    std::string out;
    for (const auto& mistake : result.mistakes) out += format("f", mistake) + '\n';
    return out;
}

}  // namespace

TEST_CASE("config access: tokens, permissions and log-in are read, and their text reads back the same", "[config]") {
    const temporary_folder folder;
    const std::string file = folder.write("secret", std::string(40, 's'), 0600);
    const auto config = parse_good(R"({"login": {"type": "login", "first_wait": "2s", "user_failures": 3},
        "tokens": {"b": {"algorithms": ["HS256"], "key_file": ")" +
                                   file + R"(", "audiences": ["chat"]},
                   "a": {"algorithms": ["HS256"], "key_file": ")" +
                                   file + R"(", "clock_skew": "5s"}},
        "permissions": [{"types": ["admin.*"], "roles": ["admin"]},
                        {"types": ["*"], "users": ["*"], "anonymous": true, "rate": 10, "per": "1m", "burst": 3}],
        "listeners": [{"authentication": ["jwt", "accounts", "handler"]}]})");
    CHECK(config.login.type == "login");
    CHECK(config.login.throttle.first_wait == std::chrono::seconds{2});
    CHECK(config.login.throttle.free_of_user == 3);
    REQUIRE(config.tokens.size() == 2);
    CHECK(config.tokens[0].name == "a");
    CHECK(config.tokens[0].settings.clock_skew == std::chrono::seconds{5});
    CHECK(config.tokens[1].settings.audiences == std::vector<std::string>{"chat"});
    REQUIRE(config.permissions.size() == 2);
    const auto rule = config.permissions[1].rule();
    CHECK(rule.limit == wire::rate{10, 60'000, 3});
    CHECK(rule.anonymous);
    CHECK(without_digest(parse_good(effective_text(config))) == without_digest(config));
}

TEST_CASE("config access: mistakes of tokens, permissions and methods", "[config]") {
    const auto contains = [](const std::string& text) { return Catch::Matchers::Contains(text); };
    CHECK_THAT(report_of(R"({"tokens": {"a": {}}})"), contains("tokens.a: give one of `key_file` and `jwks_file`"));
    CHECK_THAT(report_of(R"({"tokens": {"a": {"key_file": "/nowhere"}}})"),
               contains("tokens.a: /nowhere: No such file"));
    CHECK_THAT(report_of(R"({"tokens": {"a": {"algorithms": ["none"]}}})"), contains("unknown value \"none\""));
    CHECK_THAT(report_of(R"({"permissions": {}})"), contains("permissions: must be an array"));
    CHECK_THAT(report_of(R"({"permissions": [{"users": ["*"]}]})"), contains("permissions[0]: needs \"types\""));
    CHECK_THAT(report_of(R"({"permissions": [{"type": ["a"]}]})"), contains("did you mean \"types\"?"));
    CHECK_THAT(report_of(R"({"listeners": [{"authentication": ["jwt"]}]})"), contains("\"jwt\" needs \"tokens\""));
    CHECK_THAT(report_of(R"({"listeners": [{"authentication": ["handler"]}]})"), contains("needs \"login.type\""));
    CHECK_THAT(report_of(R"({"listeners": [{"authentication": ["certificate"]}]})"),
               contains("needs \"tls.client_certificates\""));
}

TEST_CASE("config access: rules and issuers change by a reload", "[config]") {
    const auto before = parse_good(R"({"permissions": [{"types": ["a"], "users": ["x"]}]})");
    const auto after =
        parse_good(R"({"permissions": [{"types": ["a"], "users": ["y"]}, {"types": ["b"], "users": ["y"]}]})");
    const auto changes = diff(before, after);
    REQUIRE(changes.size() == 2);
    CHECK(changes[0].path == "permissions[0]");
    CHECK(changes[1].path == "permissions[1]");
    CHECK_FALSE(changes[1].before);
    CHECK_FALSE(changes[0].needs_restart);
}

}  // namespace bester::config
