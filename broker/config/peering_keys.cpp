#include "config/key_bounds.hpp"
#include "config/keys.hpp"

namespace bester::config {
namespace {

constexpr std::uint64_t most_addresses = 16;
constexpr std::uint64_t most_types = 1'000;

std::vector<key<broker_config>> trust_keys() {
    return {
        declared(
            {.name = "peering.listen",
             .kind = value_kind::texts,
             .most = most_addresses,
             .takes_effect = effect::on_restart,
             .description = "Where other servers connect: IP addresses with port, `\"0.0.0.0:7000\"` or "
                            "`\"[::]:7000\"` (port 0: any that is free). Without one, links are only dialled."},
            [](auto& c) -> auto& { return c.peering.listen; }),
        declared(
            {.name = "peering.certificate",
             .kind = value_kind::path,
             .description = "PEM file with this server's certificate, whose name is `server.name`; `bester ca "
                            "issue` makes it. Read again at each reload.",
             .computed = "none"},
            [](auto& c) -> auto& { return c.peering.certificate; }),
        declared(
            {.name = "peering.key",
             .kind = value_kind::path,
             .description = "PEM file with the certificate's private key, which others may not read (0600).",
             .computed = "none"},
            [](auto& c) -> auto& { return c.peering.key; }),
        declared(
            {.name = "peering.authority",
             .kind = value_kind::path,
             .description = "PEM file with the authorities whose certificates prove the name of another server.",
             .computed = "none"},
            [](auto& c) -> auto& { return c.peering.authority; }),
        declared(
            {.name = "peering.allow_plain",
             .kind = value_kind::boolean,
             .description = "Allows links without TLS, between loopback addresses only. Nobody proves a name on "
                            "them: every program of this machine can be any server."},
            [](auto& c) -> auto& { return c.peering.allow_plain; }),
    };
}

std::vector<key<broker_config>> time_keys() {
    return {
        declared(
            {.name = "peering.heartbeat",
             .kind = value_kind::duration,
             .least = 100,
             .most = hour,
             .description = "How often each side of a link says that it is there; after two missed ones the link "
                            "is lost."},
            [](auto& c) -> auto& { return c.peering.heartbeat; }),
        declared(
            {.name = "peering.handshake_timeout",
             .kind = value_kind::duration,
             .least = 100,
             .most = 10 * minute,
             .description = "From the connection to a link that stands."},
            [](auto& c) -> auto& { return c.peering.handshake_timeout; }),
        declared(
            {.name = "peering.initial_delay",
             .kind = value_kind::duration,
             .least = 1,
             .most = hour,
             .description = "Pause before a lost server is dialled again; it doubles, with jitter."},
            [](auto& c) -> auto& { return c.peering.initial_delay; }),
        declared(
            {.name = "peering.longest_delay",
             .kind = value_kind::duration,
             .least = 1,
             .most = 24 * hour,
             .description = "The pause does not grow beyond this."},
            [](auto& c) -> auto& { return c.peering.longest_delay; }),
        declared(
            {.name = "peering.resume",
             .kind = value_kind::duration,
             .most = 24 * hour,
             .description = "How long messages wait for a route to a server that cannot be reached; then they are "
                            "answered `peer_unreachable`."},
            [](auto& c) -> auto& { return c.peering.resume; }),
        declared(
            {.name = "peering.deadline",
             .kind = value_kind::duration,
             .least = 1,
             .most = 24 * hour,
             .description = "How long another server's answer is waited for; then `peer_expired`."},
            [](auto& c) -> auto& { return c.peering.deadline; }),
    };
}

std::vector<key<broker_config>> size_keys() {
    return {
        declared(
            {.name = "peering.queue_messages",
             .kind = value_kind::count,
             .least = 1,
             .most = 10'000'000,
             .description = "Messages that are kept for one server until it has acknowledged them, and those whose "
                            "result it still owes; further ones are answered `busy`, or `peer_unreachable` where "
                            "there is no route."},
            [](auto& c) -> auto& { return c.peering.queue_messages; }),
        declared(
            {.name = "peering.queue_bytes",
             .kind = value_kind::size,
             .least = kibi,
             .most = 64 * gibi,
             .description = "The same, in bytes; at least `message_size`."},
            [](auto& c) -> auto& { return c.peering.queue_bytes; }),
        declared(
            {.name = "peering.message_size",
             .kind = value_kind::size,
             .least = 4 * kibi,
             .most = gibi,
             .description = "Largest frame of a link; a larger message is answered `too_large`."},
            [](auto& c) -> auto& { return c.peering.message_size; }),
        declared(
            {.name = "peering.handshakes",
             .kind = value_kind::count,
             .least = 1,
             .most = 10'000,
             .description = "Connections at a time that have not completed the handshake; a new one replaces the "
                            "oldest from the address that has the most, preferably one that has sent nothing yet."},
            [](auto& c) -> auto& { return c.peering.handshakes; }),
        declared(
            {.name = "peering.dials",
             .kind = value_kind::count,
             .least = 1,
             .most = 10'000,
             .description =
                 "Connections that are being made at a time to servers learned of by `discovery`; the others "
                 "wait for their turn. Servers that the config names are dialled at once."},
            [](auto& c) -> auto& { return c.peering.dials; }),
        declared(
            {.name = "peering.learned",
             .kind = value_kind::count,
             .least = 1,
             .most = 4'096,
             .description = "Servers that one neighbour may be the first to tell of, with `discovery` or `routing`."},
            [](auto& c) -> auto& { return c.peering.learned; }),
        declared(
            {.name = "peering.unanswered",
             .kind = value_kind::count,
             .least = 1,
             .most = 10'000'000,
             .description = "Messages of one server that handlers here have at a time; further ones are answered "
                            "`busy`."},
            [](auto& c) -> auto& { return c.peering.unanswered; }),
        declared(
            {.name = "peering.unanswered_bytes",
             .kind = value_kind::size,
             .least = kibi,
             .most = 64 * gibi,
             .description = "The same, in bytes; a single message may be larger."},
            [](auto& c) -> auto& { return c.peering.unanswered_bytes; }),
        declared(
            {.name = "peering.legacy_connections",
             .kind = value_kind::count,
             .least = 1,
             .most = 10'000,
             .description = "Connections to original daemons at a time; further messages wait for one of them."},
            [](auto& c) -> auto& { return c.peering.legacy_connections; }),
    };
}

std::vector<key<broker_config>> network_keys() {
    return {
        declared(
            {.name = "peering.discovery",
             .kind = value_kind::boolean,
             .description = "Learns from linked servers where others of the same authority are, and links to "
                            "them; what may cross is said by `peers.*`."},
            [](auto& c) -> auto& { return c.peering.discovery; }),
        declared(
            {.name = "peering.routing",
             .kind = value_kind::boolean,
             .description = "Reaches servers without a link of their own through others, by the quickest way, "
                            "and passes on what others send so."},
            [](auto& c) -> auto& { return c.peering.routing; }),
        declared(
            {.name = "peering.hops",
             .kind = value_kind::count,
             .least = 1,
             .most = 16,
             .description = "Links that one message may cross, with `routing`."},
            [](auto& c) -> auto& { return c.peering.hops; }),
        declared(
            {.name = "peering.advertise",
             .kind = value_kind::texts,
             .most = most_addresses,
             .description = "Addresses (`\"host:port\"`) at which others are told to connect, for `discovery`."},
            [](auto& c) -> auto& { return c.peering.advertise; }),
        declared(
            {.name = "peering.legacy",
             .kind = value_kind::texts,
             .most = 1'000,
             .description = "Original daemons (`\"host:port\"`) that `sendServers` may name by that very text. "
                            "They get each message over a connection of its own, in clear."},
            [](auto& c) -> auto& { return c.peering.legacy; }),
    };
}

}  // namespace

std::vector<key<broker_config>> peering_keys() {
    auto keys = trust_keys();
    for (auto& more : {time_keys(), size_keys(), network_keys()}) {
        keys.insert(keys.end(), more.begin(), more.end());
    }
    return keys;
}

const std::vector<key<peering::peer_settings>>& peer_keys() {
    using peering::peer_settings;
    static const std::vector<key<peer_settings>> all{
        declare<peer_settings>(
            {.name = "addresses",
             .kind = value_kind::texts,
             .most = most_addresses,
             .description = "Where it listens (`\"host:port\"`, `\"[::1]:7000\"`), tried in turn. "
                            "`[]`: it dials us."},
            [](auto& p) -> auto& { return p.addresses; }),
        declare<peer_settings>(
            {.name = "transport",
             .kind = value_kind::choice,
             .description = "`plain`: without TLS; needs `peering.allow_plain`."},
            [](auto& p) -> auto& { return p.transport; }),
        declare<peer_settings>(
            {.name = "types",
             .kind = value_kind::texts,
             .most = most_types,
             .description = "Message types that may cross in both directions; `[\"*\"]`: all."},
            [](auto& p) -> auto& { return p.types; }),
        declare<peer_settings>(
            {.name = "send_types",
             .kind = value_kind::texts,
             .most = most_types,
             .description = "Further types that may go there."},
            [](auto& p) -> auto& { return p.send_types; }),
        declare<peer_settings>(
            {.name = "accept_types",
             .kind = value_kind::texts,
             .most = most_types,
             .description = "Further types that may come from there."},
            [](auto& p) -> auto& { return p.accept_types; }),
        declare<peer_settings>(
            {.name = "users",
             .kind = value_kind::texts,
             .most = 10'000,
             .description = "Patterns for users that handlers there may deliver to here: `tina`, `*` (everybody). "
                            "Others are answered `peer_refused`."},
            [](auto& p) -> auto& { return p.users; }),
        declare<peer_settings>(
            {.name = "rate",
             .kind = value_kind::count,
             .most = 100'000'000,
             .description =
                 "Messages a second that are taken from there, with a second's worth at once; what is beyond "
                 "is answered `rate_limited`. 0: any."},
            [](auto& p) -> auto& { return p.rate; }),
    };
    return all;
}

}  // namespace bester::config
