#include <catch2/catch.hpp>

#include "config/keys.hpp"
#include "config/network_address.hpp"
#include "support.hpp"

using namespace bester;
using namespace bester::config;
using namespace std::chrono_literals;

namespace {

/// What the check says about these members, in a config that is good without them. They are on line 2.
std::string report(const std::string& members) {
    auto result = parse_text("{\"handlers\": {\"h\": {\"start\": \"manual\"}},\n" + members + "}");
    result.file_name = "f";
    return result.report();
}

/// About one entry of `peers`, on line 3, where plain links are allowed.
std::string peer_report(const std::string& name, const std::string& keys) {
    return report("\"peering\": {\"allow_plain\": true},\n\"peers\": {\"" + name + "\": {" + keys + "}}");
}

const std::string remedy = " \"certificate\", \"key\" and \"authority\" in \"peering\"; `bester ca issue` makes them\n";

}  // namespace

TEST_CASE("config peering: without the sections there are no links, and the structs' defaults hold", "[config]") {
    const auto config = parse_good("{}");
    CHECK(config.peering == peering::peering_settings{});
    CHECK(config.peers.empty());
    CHECK_FALSE(config.listeners.front().accept_servers);
}

TEST_CASE("config peering: every key is read", "[config]") {
    const auto config =
        parse_good(R"({"peering": {"listen": ["127.0.0.1:7000", "[0:0::1]:7001", "127.0.0.1:0", "127.0.0.1:0"],
        "allow_plain": true, "heartbeat": "100ms", "handshake_timeout": "2s", "initial_delay": "10ms", "longest_delay": "1m",
        "resume": "0s", "deadline": "7s", "queue_messages": 5, "queue_bytes": "2MiB", "message_size": "2MiB",
        "discovery": true, "routing": true, "hops": 16, "advertise": ["home.example.org:7000"], "legacy": ["10.0.0.1:2222"]},
        "peers": {"b": {"addresses": ["localhost:7000", "127.0.0.1:7001"], "transport": "plain", "types": ["chat"],
                        "send_types": ["*"], "accept_types": ["x", "y"]},
                  "*": {"transport": "plain", "types": ["*"]}}})");
    peering::peering_settings wanted;
    wanted.listen = {"127.0.0.1:7000", "[::1]:7001", "127.0.0.1:0", "127.0.0.1:0"};
    wanted.allow_plain = true;
    wanted.heartbeat = 100ms;
    wanted.handshake_timeout = 2s;
    wanted.initial_delay = 10ms;
    wanted.longest_delay = 1min;
    wanted.resume = 0s;
    wanted.deadline = 7s;
    wanted.queue_messages = 5;
    wanted.queue_bytes = wanted.message_size = std::size_t{2} << 20;
    wanted.discovery = wanted.routing = true;
    wanted.hops = 16;
    wanted.advertise = {"home.example.org:7000"};
    wanted.legacy = {"10.0.0.1:2222"};
    CHECK(config.peering == wanted);
    using peering::link_transport;
    CHECK(config.peers ==
          std::vector<peering::peer_settings>{
              {"*", {}, link_transport::plain, {"*"}, {}, {}},
              {"b", {"localhost:7000", "127.0.0.1:7001"}, link_transport::plain, {"chat"}, {"*"}, {"x", "y"}}});
}

TEST_CASE("config peering: links with TLS need certificates, said once where the first is wanted", "[config]") {
    CHECK(report(R"("peering": {"listen": ["0.0.0.0:7000"]})") ==
          "f:2:23: peering.listen: to take links from other servers needs" + remedy);
    CHECK(report(R"("peering": {"listen": ["127.0.0.1:1", "0.0.0.0:7000"], "allow_plain": true})") ==
          "f:2:23: peering.listen: to take links from other machines needs" + remedy);
    CHECK(report(R"("peering": {"listen": ["127.0.0.1:7000", "[::1]:7000"], "allow_plain": true})").empty());
    CHECK(report(R"("peers": {"p": {"transport": "plain", "types": ["x"], "addresses": ["localhost:1"]},
"b": {"addresses": ["b:1"], "types": ["x"]}, "c": {"addresses": ["c:1"], "types": ["x"]}}, "peering": {"allow_plain": true})") ==
          "f:3:1: peers.b: a link with \"transport\": \"tls\" (the default) needs" + remedy);
    CHECK(peer_report("b", R"("transport": "tsl", "types": ["x"], "addresses": ["b:1"])") ==
          "f:3:30: peers.b.transport: unknown value \"tsl\"; did you mean \"tls\"?\n");
}

TEST_CASE("config peering: certificate, key and authority are given together", "[config]") {
    CHECK(report(R"("peering": {"certificate": "/c", "authority": "/a"})") ==
          "f:2:28: peering.certificate: \"certificate\", \"authority\" without \"key\": certificate, key and authority "
          "are "
          "given together; `bester ca issue` makes them\n");
    CHECK(
        report(R"("peering": {"key": "/k"})") ==
        "f:2:20: peering.key: \"key\" without \"certificate\", \"authority\": certificate, key and authority are given "
        "together; `bester ca issue` makes them\n");
}

TEST_CASE("config peering: what is listened on is an IP address and a port, and each once", "[config]") {
    const auto listening = [](const std::string& addresses) {
        return report("\"peering\": {\"allow_plain\": true, \"listen\": [" + addresses + "]}");
    };
    CHECK(listening("\"localhost:7000\"") ==
          "f:2:45: peering.listen[0]: \"localhost:7000\" is not an IP address and a port; write \"0.0.0.0:7000\" or "
          "\"[::]:7000\"\n");
    CHECK(listening("\"[::1]:7000\", \"127.0.0.1:7000\", \"[0::1]:7000\"") ==
          "f:2:77: peering.listen[2]: \"[::1]:7000\" is also that of peering.listen[0]; an address is listened on "
          "once\n");
    CHECK(listening("\"127.0.0.1:2223\"") ==
          "f:2:45: peering.listen[0]: \"127.0.0.1:2223\" is also that of a listener for clients; an address is "
          "listened on "
          "once\n");
}

TEST_CASE("config peering: other mistakes are told at the key to change", "[config]") {
    const auto one = [](const std::string& keys) { return report("\"peering\": {" + keys + "}"); };
    CHECK(one(R"("initial_delay": "1m")") ==
          "f:2:30: peering.initial_delay: longest_delay (30s) must be at least initial_delay (1m)\n");
    CHECK(one(R"("initial_delay": "5s", "longest_delay": "4999ms")") ==
          "f:2:53: peering.longest_delay: longest_delay (4999ms) must be at least initial_delay (5s)\n");
    CHECK(one(R"("message_size": "65MiB")") ==
          "f:2:29: peering.message_size: queue_bytes (64MiB) must be at least message_size (65MiB), or the largest "
          "message "
          "never fits\n");
    CHECK(one(R"("heartbeat": "99ms")") == "f:2:26: peering.heartbeat: must be at least 100ms\n");
    CHECK(one(R"("heartbeat": "61m")") == "f:2:26: peering.heartbeat: must be at most 1h\n");
    CHECK(one(R"("hops": 0)") == "f:2:21: peering.hops: must be at least 1\n");
    CHECK(one(R"("hops": 17)") == "f:2:21: peering.hops: must be at most 16\n");
    CHECK(one(R"("advertise": ["home"], "legacy": ["x:0", "y:1"])") ==
          "f:2:27: peering.advertise[0]: \"home\" is not a host and a port; write \"b.example.org:7000\" or "
          "\"[::1]:7000\"\n"
          "f:2:47: peering.legacy[0]: \"x:0\" is not a host and a port; write \"b.example.org:7000\" or "
          "\"[::1]:7000\"\n");
    CHECK(one(R"("lisen": [])") == "f:2:13: peering.lisen: unknown key \"lisen\"; did you mean \"listen\"?\n");
    CHECK(report(R"("peering": [])") == "f:2:12: peering: must be an object: { … }\n");
    CHECK(report(R"("peer": {})") == "f:2:1: peer: unknown key \"peer\"; did you mean \"peers\"?\n");
    CHECK(report(R"("peers": [])") == "f:2:10: peers: must be an object: { … }\n");
    CHECK(report(R"("peers": {"b": 3})") == "f:2:16: peers.b: must be an object: { … }\n");
}

TEST_CASE("config peering: sixteen addresses to listen on are the most", "[config]") {
    std::string addresses;
    for (int i = 0; i < 17; ++i) addresses += "\"127.0.0.1:" + std::to_string(7'000 + i) + "\",";
    CHECK(report("\"peering\": {\"allow_plain\": true, \"listen\": [" + addresses + "]}") ==
          "f:2:44: peering.listen: must have at most 16 elements\n");
}

TEST_CASE("config peers: an entry is named after another server, or stands for all", "[config]") {
    const std::string good = R"("transport": "plain", "types": ["x"], "addresses": ["[::1]:1"])";
    CHECK(peer_report("b", good).empty());
    CHECK(peer_report("b c", good) ==
          "f:3:11: peers[\"b c\"]: \"b c\" is neither \"*\" nor a name: 1 to 64 letters, digits, '-', '_' and '.'\n");
    CHECK(peer_report("home", good) ==
          "f:3:11: peers.home: is this server's own name (server.name); an entry is named after the other server\n");
    CHECK(peer_report("*", R"("transport": "plain", "types": ["*"])").empty());
    CHECK(peer_report("*", good) ==
          "f:3:68: peers[\"*\"].addresses: \"*\" stands for many servers; addresses belong to the entry of one\n");
}

TEST_CASE("config peers: links without TLS are allowed by name, and stay within the machine", "[config]") {
    CHECK(report(R"("peers": {"b": {"transport": "plain", "types": ["x"], "addresses": ["127.1.2.3:1"]}})") ==
          "f:2:30: peers.b.transport: links without TLS need \"allow_plain\": true in \"peering\"\n");
    CHECK(
        peer_report(
            "b",
            R"("transport": "plain", "types": ["x"], "addresses": ["localhost:1", "10.0.0.1:1", "b.example.org:1"])") ==
        "f:3:84: peers.b.addresses[1]: \"10.0.0.1:1\" is not a loopback address; links without TLS stay within the "
        "machine: use \"transport\": \"tls\"\n"
        "f:3:98: peers.b.addresses[2]: \"b.example.org:1\" is not a loopback address; links without TLS stay within "
        "the "
        "machine: use \"transport\": \"tls\"\n");
    CHECK(peer_report("b", R"("transport": "plain", "types": ["x"], "addresses": ["b"])") ==
          "f:3:69: peers.b.addresses[0]: \"b\" is not a host and a port; write \"b.example.org:7000\" or "
          "\"[::1]:7000\"\n");
}

TEST_CASE("config peers: types are message types or *", "[config]") {
    const auto types = [](const std::string& keys) {
        return peer_report("b", R"("transport": "plain", "addresses": ["[::1]:1"], )" + keys);
    };
    CHECK(
        types(R"("types": ["a b", "*"], "send_types": [""], "accept_types": ["dummy", "builtin"])") ==
        "f:3:103: peers.b.send_types[0]: \"\" is not a message type: 1 to 64 bytes without control characters; \"*\": "
        "all\n"
        "f:3:125: peers.b.accept_types[0]: type \"dummy\" is reserved for the broker itself\n"
        "f:3:134: peers.b.accept_types[1]: type \"builtin\" is reserved for the broker itself\n");
    CHECK(types(R"("types": "x")") == "f:3:74: peers.b.types: must be an array of texts: [\"…\", …]\n");
    CHECK(types(R"("types": [])").empty());
}

TEST_CASE("config peers: what is allowed but leads nowhere is a warning", "[config]") {
    CHECK(
        peer_report("b", R"("transport": "plain", "types": ["x"])") ==
        "f:3:11: peers.b: warning: it will never be linked: give it \"addresses\" to be dialled at, or let it dial us "
        "(peering.listen)\n");
    CHECK(peer_report("b", R"("transport": "plain", "addresses": ["[::1]:1"])") ==
          "f:3:11: peers.b: warning: no message may cross: give it \"types\", e.g. [\"chat\"], or [\"*\"] for all\n");
    const std::string entry = R"("peers": {"b": {"transport": "plain", )";
    CHECK(report(R"("peering": {"allow_plain": true, "listen": ["127.0.0.1:1"]}, )" + entry + R"("types": ["x"]}})")
              .empty());
    CHECK(report(R"("peering": {"allow_plain": true, "discovery": true}, )" + entry + R"("types": ["x"]}})").empty());
    CHECK(report(R"("peering": {"allow_plain": true, "routing": true}, )" + entry + R"("addresses": ["[::1]:1"]}})")
              .empty());
}

TEST_CASE("config peers: a thousand are the most", "[config]") {
    std::string peers;
    for (int i = 0; i <= 1'000; ++i) peers += "\"p" + std::to_string(i) + "\": 3,";
    CHECK(report("\"peers\": {" + peers + "}") == "f:2:10: peers: must have at most 1000 entries\n");
}

TEST_CASE("config listeners: taking the original daemon's servers is a warning", "[config]") {
    CHECK(listener_report(R"("accept_servers": true)") ==
          "f:2:1: listeners[0].accept_servers: warning: whoever can reach 127.0.0.1:2223 may send as a server, without "
          "any "
          "proof; \"peering\" has links that prove it\n");
    CHECK(listener_report(R"("accept_servers": false)").empty());
    CHECK(parse_good(R"({"listeners": [{"accept_servers": true}]})").listeners.front().accept_servers);
}

TEST_CASE("config addresses: what can be dialled has a host and a port", "[config]") {
    for (const char* good :
         {"b:1", "b.example.org:7000", "a_b-c:65535", "10.0.0.1:1", "[::1]:1", "[fe80::1]:80", "1a:1"}) {
        CAPTURE(good);
        CHECK(is_host_and_port(good));
    }
    for (const char* bad :
         {"",      ":",     "b",      "b:",    ":1",       "b:0",          "b:65536", "b:-1", "b:1x",  "b c:1",
          "::1:1", "[::1]", "[::1:1", "[x]:1", "10.0.0:1", "10.0.0.256:1", ".b:1",    "-b:1", "b/c:1", "a:b:1"}) {
        CAPTURE(bad);
        CHECK_FALSE(is_host_and_port(bad));
    }
    CHECK(is_host_and_port(std::string(253, 'a') + ":1"));
    CHECK_FALSE(is_host_and_port(std::string(254, 'a') + ":1"));
}
