#include "config/difference.hpp"

#include <catch2/catch.hpp>

#include "config/effective_text.hpp"
#include "support.hpp"

using namespace bester::config;

namespace {

std::vector<change> diff_texts(std::string_view running, std::string_view wanted) {
    return diff(parse_good(running), parse_good(wanted));
}

}  // namespace

TEST_CASE("config difference: equal configs have none, however they are written", "[config]") {
    CHECK(diff_texts("{}", R"({"limits": {"unanswered": 256}, "listeners": [{}]})").empty());
}

TEST_CASE("config difference: what a reload can apply", "[config]") {
    CHECK(diff_texts("{}", R"({"log": {"level": "debug", "file": "/l"}, "accounts": {"remember": "1m",
                              "argon2_operations": 3, "argon2_memory": "8KiB"}, "limits": {"unanswered": 5}})") ==
          std::vector<change>{{"log.level", "\"info\"", "\"debug\"", false},
                              {"log.file", std::nullopt, "\"/l\"", false},
                              {"accounts.argon2_operations", "2", "3", false},
                              {"accounts.argon2_memory", "\"64MiB\"", "\"8KiB\"", false},
                              {"accounts.remember", "\"10m\"", "\"1m\"", false},
                              {"limits.unanswered", "256", "5", false}});
}

TEST_CASE("config difference: what needs a restart says so", "[config]") {
    CHECK(diff_texts("{}", R"({"server": {"name": "other", "threads": 1, "connections": 10, "workers": 1,
                              "stop_grace": "1s", "runtime_directory": "/r"}, "accounts": {"database": "/d"}})") ==
          std::vector<change>{{"server.name", "\"home\"", "\"other\"", true},
                              {"server.threads", "3", "1", true},
                              {"server.connections", "900", "10", true},
                              {"server.runtime_directory", "\"/run/bester\"", "\"/r\"", true},
                              {"server.workers", "2", "1", true},
                              {"server.stop_grace", "\"30s\"", "\"1s\"", true},
                              {"control.socket", "\"/run/bester/control.sock\"", "\"/r/control.sock\"", true},
                              {"accounts.database", "\"/var/lib/bester/accounts.db\"", "\"/d\"", true}});
}

TEST_CASE("config difference: listeners are compared by name and need a restart", "[config]") {
    const auto changes = diff_texts(R"({"listeners": [{"name": "a"}, {"name": "b", "address": "127.0.0.1:3"}]})",
                                    R"({"listeners": [{"name": "a", "address": "127.0.0.1:4"},
                                                      {"address": "127.0.0.1:5"}]})");
    REQUIRE(changes.size() == 3);
    CHECK(changes[0] == change{"listeners.a.address", "\"127.0.0.1:2223\"", "\"127.0.0.1:4\"", true});
    CHECK(changes[1].path == "listeners.b");
    CHECK(!changes[1].after);
    CHECK(changes[1].needs_restart);
    CHECK(changes[2].path == "listeners[\"127.0.0.1:5\"]");
    CHECK(!changes[2].before);
    CHECK(diff_texts(R"({"listeners": [{"address": "127.0.0.1:0"}, {"address": "127.0.0.1:0"}]})",
                     R"({"listeners": [{"address": "127.0.0.1:0"}]})")
              .size() == 1);
}

TEST_CASE("config difference: handlers are compared key by key and never need a restart", "[config]") {
    const auto changes =
        diff_texts(R"({"handlers": {"gone": {"start": "manual"}, "chat": {"start": "manual", "config": {"a": 1}}}})",
                   R"({"handlers": {"new": {"start": "manual"},
            "chat": {"start": "manual", "types": ["chat", "talk"], "config": {"a": 2},
                     "restart": {"degraded_after": 1}}}})");
    REQUIRE(changes.size() == 5);
    CHECK(changes[0] == change{"handlers.chat.config", R"({"a":1})", R"({"a":2})", false});
    CHECK(changes[1] == change{"handlers.chat.types", R"(["chat"])", R"(["chat", "talk"])", false});
    CHECK(changes[2] == change{"handlers.chat.restart.degraded_after", "5", "1", false});
    CHECK(changes[3].path == "handlers.gone");
    CHECK(!changes[3].after);
    CHECK(changes[4].path == "handlers.new");
    CHECK(!changes[4].before);
    CHECK(!changes[4].needs_restart);
}

TEST_CASE("config difference: of peering only what is listened on needs a restart", "[config]") {
    CHECK(
        diff_texts(
            R"({"peering": {"allow_plain": true}})",
            R"({"peering": {"listen": ["127.0.0.1:7000"], "allow_plain": true, "heartbeat": "1s", "routing": true}})") ==
        std::vector<change>{{"peering.listen", "[]", R"(["127.0.0.1:7000"])", true},
                            {"peering.heartbeat", "\"15s\"", "\"1s\"", false},
                            {"peering.routing", "false", "true", false}});
}

TEST_CASE("config difference: peers are compared key by key and never need a restart", "[config]") {
    const auto with = [](const std::string& peers) {
        return parse_good("{\"peering\": {\"allow_plain\": true}, \"peers\": {" + peers + "}}");
    };
    const auto changes = diff(with(R"("gone": {"transport": "plain"}, "b": {"transport": "plain", "types": ["x"]})"),
                              with(R"("b": {"transport": "plain", "types": ["x", "y"], "addresses": ["[::1]:1"]},
                                      "new.one": {"transport": "plain"})"));
    REQUIRE(changes.size() == 4);
    CHECK(changes[0] == change{"peers.b.addresses", "[]", R"(["[::1]:1"])", false});
    CHECK(changes[1] == change{"peers.b.types", R"(["x"])", R"(["x", "y"])", false});
    CHECK(changes[2].path == "peers.gone");
    CHECK(!changes[2].after);
    CHECK(changes[3].path == "peers[\"new.one\"]");
    CHECK(!changes[3].before);
    CHECK(!changes[2].needs_restart);
    CHECK(!changes[3].needs_restart);
}

TEST_CASE("config difference: a change is one readable line", "[config]") {
    CHECK(format(change{"a.b", "1", "2", true}) == "a.b: 1 -> 2 (needs a restart)");
    CHECK(format(change{"log.file", std::nullopt, "\"/l\"", false}) == "log.file: added \"/l\"");
    CHECK(format(change{"handlers.x", "{}", std::nullopt, false}) == "handlers.x: removed");
}
