#include <catch2/catch.hpp>

#include <nlohmann/json.hpp>

#include "cli/document_text.hpp"
#include "cli/peers_text.hpp"
#include "cli/status_text.hpp"

using namespace bester::cli;
using namespace std::chrono_literals;
using Catch::Contains;
using nlohmann::json;

namespace {

constexpr std::chrono::system_clock::time_point now{1'790'000'000'000ms};

json peer(const std::string& changes) {
    auto linked = json::parse(R"({"name":"b","configured":true,"state":"linked","address":"b.example.org:7000",
        "transport":"tls","dialled":true,"since":1789999995000,"round_trip_us":423,"queued_messages":0,"queued_bytes":0,
        "sent":12,"resent":0,"received":11,"duplicates":0,"refused":0,"failed":0,"bytes_in":0,"bytes_out":0,
        "next_attempt_ms":null,"attempts":0,"last_error":null,
        "certificate":{"not_after":"2027-01-01T00:00:00Z","days_left":364},"via":[]})");
    linked.update(json::parse(changes));
    return linked;
}

/// The table alone, of these servers.
std::string table_of(std::vector<json> peers) {
    const auto text = format_peers({{"peers", std::move(peers)}}, now);
    return text.substr(text.find("\n\n") + 2);
}

}  // namespace

TEST_CASE("peers text: a linked server is one row", "[cli]") {
    CHECK(table_of({peer("{}")}) ==
          "PEER  STATE   FOR  ADDRESS             LINK     RTT      QUEUE  SENT  RECEIVED\n"
          "b     linked  5 s  b.example.org:7000  tls out  0.42 ms  0      12    11\n");
}

TEST_CASE("peers text: what went wrong stands below its row, and rows stay aligned", "[cli]") {
    const auto lost = peer(R"({"name":"cellar","state":"waiting","since":1789999700000,"round_trip_us":null,
        "queued_messages":7,"queued_bytes":3482,"next_attempt_ms":1240,"attempts":3,"certificate":null,"failed":2,
        "last_error":{"code":"connection_failed","reason":"cellar:7000: Connection\nrefused","time":1789999997000}})");
    const auto learned = peer(R"({"name":"d","configured":false,"state":"routed","address":null,"transport":"tls",
        "via":["b","c"],"round_trip_us":15300})");
    CHECK(table_of({lost, learned}) ==
          "PEER    STATE    FOR        ADDRESS             LINK  RTT      QUEUE       SENT  RECEIVED\n"
          "cellar  waiting  5 min 0 s  b.example.org:7000  tls   -        7, 3.4 KiB  12    11\n"
          "  last error 3 s ago: connection_failed: cellar:7000: Connection refused\n"
          "  dialled 3 times in vain; again in 1.2 s, or now with `bester peers retry`\n"
          "  messages that did not arrive: 0 refused, 2 failed\n"
          "d       routed*  5 s        via b, c            tls   15.3 ms  0           12    11\n"
          "* without an entry of its own in the config\n");
}

TEST_CASE("peers text: an ordinary table fits into 120 columns", "[cli]") {
    const auto text = table_of({peer(
        R"({"name":"warehouse-2","configured":false,"state":"unreachable","address":"warehouse-2.example.org:7000",
        "since":1789000000000,"queued_messages":10000,"queued_bytes":67108864,"sent":123456,"received":123456,"round_trip_us":1234567})")});
    CAPTURE(text);
    for (std::size_t at = 0; at < text.size(); at = text.find('\n', at) + 1) CHECK(text.find('\n', at) - at <= 120);
}

TEST_CASE("peers text: who dialled shows for a link that stands, and only then", "[cli]") {
    CHECK_THAT(table_of({peer(R"({"dialled":false})")}), Contains("tls in "));
    CHECK_THAT(table_of({peer(R"({"transport":"plain"})")}), Contains("plain out"));
    CHECK_THAT(table_of({peer(R"({"state":"idle"})")}), !Contains("tls out"));
}

TEST_CASE("peers text: a link that is passed by says so", "[cli]") {
    CHECK_THAT(table_of({peer(R"({"via":["c"]})")}),
               Contains("b.example.org:7000") && Contains("\n  messages go the quicker way via c\n"));
}

TEST_CASE("peers text: a certificate that ends within a month is named", "[cli]") {
    const auto ending = [](int days) {
        return table_of(
            {peer(R"({"certificate":{"not_after":"2027-01-01T00:00:00Z","days_left":)" + std::to_string(days) + "}}")});
    };
    CHECK_THAT(ending(30), !Contains("certificate"));
    CHECK_THAT(ending(29), Contains("\n  its certificate is good until 2027-01-01T00:00:00Z (29 days left)\n"));
    CHECK_THAT(ending(1), Contains("(1 day left)"));
    CHECK_THAT(ending(-1), Contains("EXPIRED, was good until 2027-01-01T00:00:00Z\n"));
}

TEST_CASE("peers text: the head says who can dial, and how long our certificate is good", "[cli]") {
    const auto peering =
        json::parse(R"({"listen":["0.0.0.0:7000","[::1]:7001"],"peers":[{"state":"linked"},{"state":"idle"}],
        "certificate":{"names":["a","b"],"not_after":"2027-01-01T00:00:00Z","days_left":12,"sha256":"AB"}})");
    CHECK(describe_peering(peering) ==
          std::vector<std::vector<std::string>>{
              {"peers", "1 of 2 linked, listening on 0.0.0.0:7000, [::1]:7001"},
              {"certificate", "a, b, until 2027-01-01T00:00:00Z (12 days left); `bester ca renew`"}});
    CHECK_THAT(format_peers(peering, now), Contains("12 days left") && Contains("PEER"));
    CHECK_THAT(format_status({{"peering", peering}}), Contains("1 of 2 linked") && Contains("12 days left"));
}

TEST_CASE("peers text: without peering there is nothing to say", "[cli]") {
    CHECK(format_peers(json::parse(R"({"listen":[],"certificate":null,"peers":[]})"), now) ==
          "no other servers are configured or known\n");
    CHECK(describe_peering(json::object()).empty());
    CHECK_THAT(format_status(json::object()), !Contains("peers"));
}

TEST_CASE("peers text: what is missing or of another kind never hurts", "[cli]") {
    const auto text =
        GENERATE("[]", "7", R"({"peers":{},"listen":7})", R"({"peers":[1,{},{"name":7,"since":-1,"via":"x",
        "last_error":[],"certificate":3,"dialled":"x","sent":18446744073709551615,"round_trip_us":18446744073709551615}]})",
                 R"({"peers":[{"last_error":{"time":"x"},"next_attempt_ms":5}]})");
    CAPTURE(text);
    CHECK_FALSE(format_peers(json::parse(text), now).empty());
    CHECK_FALSE(format_status({{"peering", json::parse(text)}}).empty());
}

TEST_CASE("peers text: control characters of another server do not reach the terminal", "[cli]") {
    const auto text = table_of({peer(R"({"last_error":{"code":"x","reason":"\u001b[2J","time":0}})")});
    CHECK_THAT(text, !Contains("\x1b") && Contains("?[2J"));
}

TEST_CASE("document text: spans and sizes are short", "[cli]") {
    CHECK(span_text(-5s) == "0 s");
    CHECK(span_text(59'999ms) == "59 s");
    CHECK(span_text(185s) == "3 min 5 s");
    CHECK(span_text(2h + 10min + 59s) == "2 h 10 min");
    CHECK(span_text(123h) == "5 d 3 h");
    CHECK(bytes_text(0) == "0 B");
    CHECK(bytes_text(1'023) == "1023 B");
    CHECK(bytes_text(1'024) == "1.0 KiB");
    CHECK(bytes_text((1 << 20) - 1) == "1.0 MiB");
    CHECK(bytes_text(std::uint64_t{64} << 20) == "64.0 MiB");
    CHECK(bytes_text(~std::uint64_t{0}) == "16777216.0 TiB");
}
