#include <catch2/catch.hpp>

#include "config/network_address.hpp"
#include "support.hpp"

using namespace bester::config;
using bester::clients::authentication_method;
using bester::clients::transport;

TEST_CASE("config listeners: tcp v4, tcp v6 and unix are read", "[config]") {
    const auto config = parse_good(R"({"listeners": [
        {"name": "inside", "address": "127.0.0.1:2224", "authentication": ["anonymous", "accounts"]},
        {"transport": "tcp", "address": "[0:0::1]:2225"},
        {"transport": "unix", "address": "run/../c.sock", "mode": "0600"},
        {"address": "127.0.0.1:0"}, {"address": "127.0.0.1:0"}]})");
    REQUIRE(config.listeners.size() == 5);
    const auto& first = config.listeners[0];
    CHECK(first.name == "inside");
    CHECK(first.kind == transport::tcp);
    CHECK(first.authentication == std::vector{authentication_method::anonymous, authentication_method::accounts});
    CHECK(config.listeners[1].address == "[::1]:2225");
    CHECK(config.listeners[1].name == "[::1]:2225");
    CHECK(config.listeners[1].authentication == std::vector{authentication_method::accounts});
    CHECK(config.listeners[2].kind == transport::unix_socket);
    CHECK(config.listeners[2].address == "/tmp/c.sock");
    CHECK(config.listeners[2].mode == 0600);
}

TEST_CASE("config listeners: an address must be an IP address and a port", "[config]") {
    const std::string bad = GENERATE("localhost:2223", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1",
                                     "::1:2223", "[::1]", "[::1:2223", "1.2.3:4", ":2223", "127.0.0.1:22x");
    CHECK(listener_report("\"address\": \"" + bad + "\"") ==
          "f:2:12: listeners[0].address: \"" + bad +
              "\" is not an IP address and a port; write \"127.0.0.1:2223\" or \"[::1]:2223\"\n");
}

TEST_CASE("config listeners: addresses on which nobody could listen beside another one, or at all", "[config]") {
    const auto report = [](const std::string& first, const std::string& second) {
        auto result = parse_text("{\"handlers\": {\"h\": {\"start\": \"manual\"}}, \"listeners\": [\n{\"address\": \"" +
                                 first + "\"},\n{\"address\": \"" + second + "\"}]}");
        result.warnings.clear();
        return result.report();
    };
    CHECK(report("0.0.0.0:2223", "127.0.0.1:2223") ==
          "test.jsonc:3:13: listeners[1].address: \"127.0.0.1:2223\" and \"0.0.0.0:2223\" of the listener in line 2 "
          "exclude each other: \"0.0.0.0:2223\" is every address of this machine\n");
    CHECK(report("[::1]:2223", "[::]:2223") ==
          "test.jsonc:3:13: listeners[1].address: \"[::]:2223\" and \"[::1]:2223\" of the listener in line 2 "
          "exclude each other: \"[::]:2223\" is every address of this machine\n");
    CHECK(report("0.0.0.0:2223", "127.0.0.1:2224").empty());
    CHECK(report("0.0.0.0:2223", "[::1]:2223").empty());
    CHECK(report("127.0.0.2:2223", "127.0.0.1:2223").empty());
    CHECK(report("127.0.0.2:2223", "[::ffff:127.0.0.1]:2223") ==
          "test.jsonc:3:13: listeners[1].address: \"[::ffff:127.0.0.1]:2223\" is an IPv4 address in IPv6, on which "
          "nobody "
          "can listen; write \"127.0.0.1:2223\"\n");
}

TEST_CASE("config listeners: anonymous sessions from elsewhere must be confirmed", "[config]") {
    CHECK(listener_report(R"("address": "0.0.0.0:2223", "authentication": ["anonymous"])") ==
          "f:2:46: listeners[0].authentication: anonymous sessions on 0.0.0.0:2223, which other machines may reach: "
          "use a loopback address, or confirm with \"allow_remote_anonymous\": true\n");
    CHECK(
        listener_report(R"("address": "0.0.0.0:2223", "authentication": ["anonymous"], "allow_remote_anonymous": true)")
            .empty());
    CHECK(listener_report(R"("address": "[::1]:2223", "authentication": ["anonymous"])").empty());
    CHECK(listener_report(R"("transport": "unix", "address": "s", "authentication": ["anonymous"])").empty());
}

TEST_CASE("config listeners: passwords in clear on the network are a warning", "[config]") {
    CHECK(listener_report(R"("address": "192.168.1.1:2223")") ==
          "f:2:12: listeners[0].address: warning: passwords cross the network in clear on 192.168.1.1:2223; give the "
          "listener a \"tls\" section, or use a loopback address behind a TLS proxy\n");
}

TEST_CASE("config listeners: a certificate comes with its key, and both are read", "[config]") {
    CHECK(
        listener_report(R"("tls": {"certificate": "/nowhere/a.crt"})") ==
        "f:2:24: listeners[0].tls.certificate: \"certificate\" and \"key\" belong together: both are needed for TLS\n");
    CHECK(listener_report(R"("tls": {"certificate": "/nowhere/a.crt", "key": "/nowhere/a.key"})") ==
          "f:2:24: listeners[0].tls.certificate: /nowhere/a.crt: No such file or directory\n");
    CHECK(listener_report(
              R"("tls": {"certificate": "/nowhere/a.crt", "key": "/a.key", "client_certificates": "required"})") ==
          "f:2:82: listeners[0].tls.client_certificates: needs \"authorities\": the PEM files of those that sign "
          "clients' "
          "certificates\n");
}

TEST_CASE("config listeners: names and addresses are unique", "[config]") {
    const auto result = parse_text(R"({"listeners": [
  {"name": "a", "address": "127.0.0.1:1"},
  {"name": "a", "address": "127.0.0.1:2"},
  {"name": "b", "address": "127.0.0.1:1"}], "handlers": {"h": {"start": "manual"}}})");
    CHECK(result.report() ==
          "test.jsonc:3:12: listeners[1].name: \"a\" is also that of the listener in line 2; it must be unique\n"
          "test.jsonc:4:28: listeners[2].address: \"127.0.0.1:1\" is also that of the listener in line 2; it must be "
          "unique\n");
}

TEST_CASE("config listeners: other mistakes in one", "[config]") {
    CHECK(listener_report(R"("transport": "unix")") ==
          "f:1:16: listeners[0]: a unix listener needs an \"address\": the path of its socket\n");
    CHECK(listener_report(R"("transport": "udp", "address": "x")") ==
          "f:2:14: listeners[0].transport: unknown value \"udp\"; valid here: \"tcp\", \"unix\", \"websocket\"\n");
    CHECK(listener_report(R"("name": "a b")") ==
          "f:2:9: listeners[0].name: \"a b\" is not a name: 1 to 64 letters, digits, '-', '_' and '.'\n");
    CHECK(listener_report(R"("authentication": [])") == "f:2:19: listeners[0].authentication: must not be empty\n");
    CHECK(listener_report(R"("authentication": ["acounts"])") ==
          "f:2:20: listeners[0].authentication[0]: unknown value \"acounts\"; did you mean \"accounts\"?\n");
    CHECK(listener_report(R"("mode": "0660")") ==
          "f:2:1: listeners[0].mode: warning: has no effect on tcp; it is for unix sockets\n");
    const std::string mode = GENERATE("\"888\"", "\"7777\"", "\"6\"", "432", "\"-66\"", "\"rw-\"");
    CHECK(listener_report(R"("transport": "unix", "address": "s", "mode": )" + mode) ==
          "f:2:46: listeners[0].mode: must be octal permissions in quotes, such as \"0660\"\n");
    CHECK(parse_text(R"({"listeners": []})").mistakes.size() == 1);
    CHECK(parse_text(R"({"listeners": [3]})").mistakes.front().path == "listeners[0]");
}

TEST_CASE("config listeners: loopback is 127.0.0.0/8 and ::1", "[config]") {
    CHECK(is_loopback("127.0.0.1:1"));
    CHECK(is_loopback("127.255.0.1:1"));
    CHECK(is_loopback("[::1]:1"));
    CHECK(!is_loopback("128.0.0.1:1"));
    CHECK(!is_loopback("0.0.0.0:1"));
    CHECK(!is_loopback("[::]:1"));
    CHECK(!is_loopback("[fe80::1]:1"));
    CHECK(!is_loopback("nonsense"));
}
