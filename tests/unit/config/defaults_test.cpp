#include <catch2/catch.hpp>

#include "config/effective_text.hpp"
#include "pages.hpp"
#include "support.hpp"

using namespace bester;
using namespace bester::config;

namespace {

const std::string conf = BESTER_SOURCE_DIR "/conf/";

}  // namespace

TEST_CASE("config defaults: an empty file gives the structs' own defaults", "[config]") {
    const auto config = parse_good("{}");
    server_settings server;
    server.name = "home";
    server.threads = 3;
    server.runtime_directory = "/run/bester";
    CHECK(config.server == server);
    CHECK(config.log == log_settings{});
    accounts_settings accounts;
    accounts.database = "/var/lib/bester/accounts.db";
    CHECK(config.accounts == accounts);
    clients::client_limits limits;
    limits.connections = 900;
    CHECK(config.limits == limits);
    CHECK(config.control_socket == "/run/bester/control.sock");
    clients::listener_settings listener;
    listener.name = listener.address = "127.0.0.1:2223";
    CHECK(config.listeners == std::vector{listener});
    CHECK(config.handlers.empty());
    CHECK(config.peering == peering::peering_settings{});
    CHECK(config.peers.empty());
}

TEST_CASE("config defaults: auto is the machine's number", "[config]") {
    const auto config = parse_good(R"({"server": {"threads": "auto", "connections": "auto"}})");
    CHECK(config.server.threads == 3);
    CHECK(config.limits.connections == 900);
    const auto given = parse_good(R"({"server": {"threads": 5, "connections": 77, "runtime_directory": "run"}})");
    CHECK(given.server.threads == 5);
    CHECK(given.limits.connections == 77);
    CHECK(given.server.runtime_directory == "/tmp/run");
    CHECK(given.control_socket == "/tmp/run/control.sock");
}

TEST_CASE("config samples: the commented one has every key at its default", "[config]") {
    const auto result = load(conf + "bester.jsonc", test_machine());
    INFO(result.report());
    REQUIRE(result.config);
    CHECK(result.warnings.empty());
    auto config = *result.config;
    REQUIRE(config.handlers.size() == 1);
    handlers::handler_settings handler;
    handler.name = "example";
    handler.types = {"example"};
    handler.start = handlers::start_mode::manual;
    handler.directory = config.handlers[0].directory;
    CHECK(config.handlers[0] == handler);
    config.handlers.clear();
    CHECK(without_digest(config) == without_digest(parse_good("{}")));
}

TEST_CASE("config samples: no key is missing in the commented one", "[config]") {
    const std::string text = read_file(conf + "bester.jsonc");
    const auto check = [&](const auto& keys) {
        for (const auto& known : keys) {
            CAPTURE(known.facts.name);
            const std::string name{known.facts.name.substr(known.facts.name.rfind('.') + 1)};
            CHECK(text.find('"' + name + "\":") != std::string::npos);
        }
    };
    check(broker_keys());
    check(listener_keys());
    check(path_keys());
    check(handler_keys());
    check(peer_keys());
    check(token_keys());
    check(permission_keys());
}

TEST_CASE("config samples: the minimal one is good", "[config]") {
    const auto result = load(conf + "minimal.jsonc", test_machine());
    CHECK(result.report().empty());
    CHECK(result.config);
}

TEST_CASE("config effective text: it reads back as the same config", "[config]") {
    const std::string text = GENERATE(
        R"({})",
        R"({"log": {"level": "trace", "file": "x.log"}, "accounts": {"remember": "0s", "argon2_memory": "10MB"}})",
        R"({"listeners": [{"address": "0.0.0.0:5", "authentication": ["anonymous"], "allow_remote_anonymous": true},
            {"transport": "unix", "address": "s", "mode": "0600", "name": "u"}]})",
        R"({"handlers": {"a.b": {"socket": "s", "types": []}, "m": {"start": "manual", "config": {"k": "\n\u0001é"}},
            "c": {"command": ["sh", "a \"b\" \\"], "user": "root", "environment": {"A": "é"},
                  "deadlines": {"c": "1500ms"}, "restart": {"degraded_after": 9}}}})",
        R"({"peering": {"allow_plain": true, "listen": ["[0::1]:7000"], "heartbeat": "1m", "legacy": ["a:1"]},
            "peers": {"*": {"transport": "plain", "send_types": ["*"]}, "b.c": {"transport": "plain", "types": ["é"]}},
            "listeners": [{"accept_servers": true}]})");
    const auto config = parse_good(text);
    CHECK(without_digest(parse_good(effective_text(config))) == without_digest(config));
}

TEST_CASE("config digest: it depends on what the config means, not on how it is written", "[config]") {
    const std::string plain = parse_good("{}").digest;
    CHECK(plain.size() == 16);
    CHECK(parse_good("// a comment\n{\"limits\": {\"message_size\": \"1024KiB\"},}").digest == plain);
    CHECK(parse_good(R"({"limits": {"message_size": "1025KiB"}})").digest != plain);
    const auto handler = [](const std::string& keys) {
        return parse_good("{\"handlers\": {\"h\": {\"start\": \"manual\", \"config\": " + keys + "}}}").digest;
    };
    CHECK(handler("{\"a\":1}") == handler("{ \"a\" : 1, /* x */ }"));
    CHECK(handler("{\"a\":1}") != handler("{\"a\":2}"));
}

TEST_CASE("config digest: it depends on the file alone, not on the machine or the folder", "[config]") {
    const temporary_folder folder;
    const temporary_folder other_folder;
    const auto digest_on = [](const std::string& text, const surroundings& machine, const std::string& base) {
        const auto result = parse(text, "b.jsonc", base, machine);
        INFO(result.report());
        REQUIRE(result.config);
        return result.config->digest;
    };
    const surroundings other{"away", 64, 1'000'000, "/tmp/bester-7", "/bin", 1'000, "/tmp/state"};
    const std::string text =
        GENERATE("{}", R"({"log": {"file": "x.log"}, "handlers": {"h": {"command": ["sh", "-c", "x"]}}})",
                 R"({"listeners": [{"transport": "unix", "address": "s"}]})");
    CAPTURE(text);
    const auto here = digest_on(text, test_machine(), folder.path());
    CHECK(digest_on(text, other, other_folder.path()) == here);
    CHECK(digest_on(R"({"server": {"name": "home", "threads": 3}})", test_machine(), folder.path()) != here);
}
