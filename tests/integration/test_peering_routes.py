"""Servers that learn of one another, and that are reached through others."""
import json
import signal

import pytest

import link_peer
from broker import python_handler
from client import code_of, is_good
from eventually import eventually
from frames import encode
from servers import (at, free_port, is_linked, peer, peers_of, records, send_clients, send_servers, servers,  # noqa: F401
                     wait_for_link, wait_for_report, wait_for_state)

ROUTING = {"routing": True, "resume": "20s", "deadline": "20s"}
ANY = {"*": {"types": ["*"]}}
BEAT = 0.4   # of the ring's links, in seconds: ten processes share the processors with other tests


def discovering(servers, name, port=None, **peers):
    port = port or free_port()
    return servers.add(name, port=port, peers={**ANY, **peers},
                       peering={"discovery": True, "advertise": [f"127.0.0.1:{port}"]})


def chain(servers, names, **peering):
    """Each dials the one before it, through a proxy, and knows no other address."""
    made, ways = [], []
    for name in names:
        peers = dict(ANY)
        if made:
            ways.append(servers.proxy(made[-1]))
            peers[made[-1].name] = at(ways[-1])
        made.append(servers.add(name, peers=peers, peering={**ROUTING, **peering}))
    for one, other in zip(made, made[1:]):
        wait_for_link(one, other)
    return made, ways


def via(broker, name):
    return peer(broker, name).get("via")


def wait_for_way(broker, name, *between, limit=20):
    eventually(lambda: peer(broker, name)["state"] == "routed" and via(broker, name) == list(between), limit,
               lambda: f"{broker.name} reaches {name} through {between}: {peer(broker, name)}")


# ---- discovery ----

def test_a_link_that_is_made_while_others_tell_news_begins_with_the_summary(servers):
    """Links that come soon after one another are passed to the shards together, and news come between them."""
    home = servers.add("home", peers={name: {} for name in ("teller", "first", "second")}, peering={"discovery": True})
    files = {name: servers.authority.files(name) for name in ("teller", "first", "second")}

    def dial(name):
        link = link_peer.dial(home.port, name, files[name], "home", hello=False)
        link.hello(features=["discovery"])
        link.receive(link_peer.HELLO)
        return link
    with dial("teller") as teller:
        for version in range(1, 21):
            with dial("first") as first, dial("second") as second:
                teller.send(link_peer.advert("teller", version, links=["home"]))
                for link in (first, second):
                    assert "home" in [name for name, _, _ in link.receive(link_peer.ADVERT)["known"]]


def test_a_third_server_joins_by_knowing_one(servers):
    a = discovering(servers, "a")
    b = discovering(servers, "b", a=at(a))
    wait_for_link(a, b)
    c = discovering(servers, "c", b=at(b))
    wait_for_link(b, c)
    wait_for_link(a, c)
    tina, gustav = a.client("tina"), c.client("gustav")
    assert send_clients(tina, "gustav@c")["payload"]["delivered"] == 1 and gustav.data() == 1
    assert send_clients(gustav, "tina@a", "tina@b")["payload"]["delivered"] == 1
    replies, status = send_servers(gustav, "*", data={"act": "envelope"})
    assert is_good(status) and len(replies) == 2
    assert {r["payload"]["data"]["frame"]["from"]["server"] for r in replies} == {"c"}
    c.stop()
    eventually(lambda: peer(a, "c")["state"] != "linked" and peer(b, "c")["state"] != "linked")
    wait_for_link(a, b)


def test_a_server_that_was_learned_comes_back_after_a_crash(servers):
    a = discovering(servers, "a")
    b = discovering(servers, "b", a=at(a))
    c = discovering(servers, "c", b=at(b))
    wait_for_link(a, c)
    c.kill9()
    eventually(lambda: not is_linked(a, "c"))
    c.start()
    wait_for_link(b, c)
    wait_for_link(a, c)
    gustav = c.client("gustav")
    assert send_clients(a.client("tina"), "gustav@c")["payload"]["delivered"] == 1 and gustav.data() == 1


def test_types_of_a_server_that_was_learned_are_closed_without_an_entry_for_it(servers):
    port = free_port()
    a = discovering(servers, "a", port)
    b = discovering(servers, "b", a=at(a))
    c_port = free_port()
    c = servers.add("c", port=c_port, peers={"b": at(b)}, peering={"discovery": True, "advertise": [f"127.0.0.1:{c_port}"]})
    wait_for_link(a, c)
    status = send_clients(a.client("tina"), "gustav@c")
    assert code_of(status) == "peer_refused" and "server c does not take" in status["header"]["error"]["reason"]
    assert code_of(send_clients(c.client("tina"), "gustav@a")) == "peer_refused"


# ---- routes ----

def test_a_server_without_a_link_is_reached_through_another(servers):
    (a, b, c), _ = chain(servers, "abc")
    wait_for_way(a, "c", "b")
    wait_for_way(c, "a", "b")
    tina, gustav = a.client("tina"), c.client("gustav")
    status = send_clients(tina, "gustav@c", "nobody@c", report="r")
    assert is_good(status) and status["payload"]["delivered"] == 1 and gustav.data() == 1
    report = wait_for_report(tina, "r")
    assert report["delivered"] == 1 and report["failed"] == [{"recipient": "nobody@c", "code": "recipient_offline"}]
    replies, status = send_servers(gustav, "a", data={"act": "envelope"})
    assert is_good(status) and replies[0]["payload"]["data"]["frame"]["from"]["server"] == "c"
    for i in range(300):
        tina.send("echo", {"do": [{"command": "sendClients", "users": ["gustav@c"], "data": i}]}, id=str(i))
    assert [gustav.data() for _ in range(300)] == list(range(300))
    assert all(tina.good(str(i))["payload"]["delivered"] == 1 for i in range(300))
    assert tina.ask("echo", {"act": "query", "query": {"query": "listPeers"}})["peers"] == ["b", "c"]
    assert not is_linked(a, "c") and peer(b, "a")["received"] == 0, "in transit nothing is taken"


def test_what_is_too_large_for_a_link_on_the_way_does_not_hold_up_the_rest(servers):
    b = servers.add("b", peers=ANY, peering={**ROUTING, "message_size": "16KiB"})
    a, c = (servers.add(name, peers={**ANY, "b": at(b)}, peering={**ROUTING, "deadline": "1500ms"}) for name in "ac")
    wait_for_way(a, "c", "b")
    tina, gustav = a.client("tina"), c.client("gustav")
    assert is_good(send_clients(tina, "gustav@c", data="before"))
    tina.send("echo", {"do": [{"command": "sendClients", "users": ["gustav@c"], "data": "x" * 30_000}]}, id="large")
    assert send_clients(tina, "gustav@c", data="after")["payload"]["delivered"] == 1
    assert [gustav.data(), gustav.data()] == ["before", "after"]
    assert code_of(tina.status("large")) in ("too_large", "peer_expired")
    assert is_linked(a, "b") and is_linked(b, "c") and "too_large" not in b.log()


def test_links_on_the_way_are_cut_and_nothing_is_lost(servers):
    (a, b, c), ways = chain(servers, "abc", heartbeat="200ms")
    wait_for_way(a, "c", "b")
    tina, gustav = a.client("tina"), c.client("gustav")
    for i in range(1500):
        tina.send("echo", {"do": [{"command": "sendClients", "users": ["gustav@c"], "data": i}]}, id=str(i))
        if i % 50 == 0:
            ways[i // 50 % 2].cut()
        if i >= 100:
            assert is_good(tina.status(str(i - 100), 20))
    for i in range(1400, 1500):
        assert is_good(tina.status(str(i), 20))
    assert [gustav.data() for _ in range(1500)] == list(range(1500))
    gustav.expect_nothing_before_ping()


def test_the_hop_limit_bounds_ways(servers):
    made, _ = chain(servers, "abcd", hops=2, resume="500ms")
    a = made[0]
    wait_for_way(a, "c", "b")
    wait_for_way(made[2], "a", "b")  # or it has no way for its answer yet
    tina = a.client("tina")
    assert is_good(send_clients(tina, "gustav@c"))
    wait_for_state(a, "d", "unreachable")
    assert code_of(send_clients(tina, "gustav@d")) == "peer_unreachable"


def test_a_server_that_does_not_route_passes_nothing_on(servers):
    b = servers.add("b", peers=ANY)
    a, c = (servers.add(name, peers={**ANY, "b": at(b)}, peering={**ROUTING, "resume": "300ms"}) for name in "ac")
    for each in (a, c):
        wait_for_link(each, b)
    assert code_of(send_clients(a.client("tina"), "gustav@c")) in ("peer_unknown", "peer_unreachable")
    assert code_of(send_clients(c.client("tina"), "gustav@a", "gustav@b")) in ("peer_unknown", "peer_unreachable")


def test_a_server_that_stops_says_what_has_arrived_and_does_not_wait_for_what_has_no_way_left(servers):
    b = servers.add("b", peers=ANY, peering=ROUTING)
    way = servers.proxy(b)
    c = servers.add("c", peers={**ANY, "b": at(way)}, peering=ROUTING)
    a = servers.add("a", peers={**ANY, "b": at(b)}, peering={**ROUTING, "resume": "1h"}, server={"stop_grace": "1h"})
    wait_for_way(a, "c", "b")
    wait_for_way(c, "a", "b")
    tina = a.client("tina")
    to_nobody = {"do": [{"command": "sendClients", "users": ["nobody@c"], "data": 1}]}
    assert is_good(send_clients(tina, "nobody@c"))
    way.swallow()
    tina.send("echo", to_nobody)
    eventually(lambda: peer(a, "c")["queued_messages"] == 1)
    a.process.send_signal(signal.SIGTERM)
    a.wait_for_log("stopping: draining")
    way.refuse()
    a.wait_for_end()
    # The other one acknowledges what came before it goes.
    way.refuse(False)
    way.release()
    wait_for_link(b, c)
    gustav, ann = c.client("gustav"), b.client("ann")
    for i in range(5):
        ann.send("echo", {"do": [{"command": "sendClients", "users": ["gustav@c"], "data": i}]})
    assert [gustav.data() for _ in range(5)] == list(range(5))
    c.stop()
    wait_for_state(b, "c", "idle", "unreachable")
    assert peer(b, "c")["queued_messages"] == 0


def test_who_knows_thousands_of_servers_may_say_so_at_once(servers):
    a = servers.add("a", peers={"wide": {}}, peering={**ROUTING, "discovery": True, "heartbeat": "1m", "learned": 2000})
    with link_peer.dial(a.port, "wide", servers.authority.files("wide"), "a", features=["discovery", "routing"], heartbeat_ms=60_000) as link:
        wait_for_state(a, "wide", "linked")
        known = [{"server": f"s{i}", "incarnation": f"{i:016x}", "version": 1, "links": [{"peer": "wide", "cost_us": 100}],
                  "addresses": [], "transit": True, "age_ms": 0} for i in range(1500)]
        known.append({**known[0], "server": "wide",
                      "links": [{"peer": name, "cost_us": 100} for name in ["a", *(each["server"] for each in known[:1000])]]})
        link.send_bytes(b"".join(encode(bytes([link_peer.ADVERT]) + json.dumps(each).encode()) for each in known))
        tina = a.client("tina")
        assert tina.ask("echo", 1) == 1
        eventually(lambda: len(peers_of(a)) == 1501, 60)
        wait_for_way(a, "s999", "wide")
        assert is_linked(a, "wide")


# ---- a ring ----

@pytest.fixture
def ring(servers):
    """s0 to s4, each dials the next one through its own proxy: (brokers, proxies). The way between s2 and s3 is longer,
    so that it is not left to the machine's moods which of two ways is the cheaper one, and by enough to move."""
    ways = [servers.proxy() for _ in range(5)]
    ways[2].delay = 0.003
    made = [servers.add(f"s{i}", peers={**ANY, f"s{(i + 1) % 5}": at(ways[i])},
                        peering={**ROUTING, "heartbeat": f"{BEAT * 1000:.0f}ms"}) for i in range(5)]
    for i, way in enumerate(ways):
        way.target = made[(i + 1) % 5].port
    for i in range(5):
        wait_for_link(made[i], made[(i + 1) % 5])
    for i in range(5):
        for far in (2, 3):
            wait_for_state(made[i], f"s{(i + far) % 5}", "routed")
    return made, ways


def test_traffic_goes_the_other_way_round_when_a_link_dies_and_comes_back_once(ring):
    made, ways = ring
    tina, gustav = made[0].client("tina"), made[1].client("gustav")
    assert is_good(send_clients(tina, "gustav@s1", data=-1)) and gustav.data() == -1
    ways[0].swallow()
    assert send_clients(tina, "gustav@s1", data=0)["payload"]["delivered"] == 1
    assert gustav.data() == 0
    wait_for_way(made[0], "s1", "s4", "s3", "s2")
    for i in range(1, 200):
        assert send_clients(tina, "gustav@s1", data=i)["payload"]["delivered"] == 1
    ways[0].release()
    ways[0].cut()
    seen = [tuple(via(made[0], "s2"))]
    wait_for_link(made[0], made[1])

    def has_moved_back():
        way = tuple(via(made[0], "s2"))
        if way != seen[-1]:
            seen.append(way)
        return way == ("s1",)
    # It must be measured as cheaper for 5 s.
    eventually(has_moved_back, 40, lambda: seen)
    assert seen == [("s4", "s3"), ("s1",)], "it moves once"
    for i in range(200, 300):
        assert send_clients(tina, "gustav@s1", data=i)["payload"]["delivered"] == 1
    assert [gustav.data() for _ in range(299)] == list(range(1, 300))


def test_a_flapping_link_moves_nothing(ring):
    made, ways = ring
    ways[0].cut()
    wait_for_way(made[0], "s2", "s4", "s3")
    tina, gustav = made[0].client("tina"), made[2].client("gustav")
    for i in range(10):
        wait_for_link(made[0], made[1])
        assert via(made[0], "s2") == ["s4", "s3"]
        assert send_clients(tina, "gustav@s2", data=i)["payload"]["delivered"] == 1
        ways[0].cut()
    assert [gustav.data() for _ in range(10)] == list(range(10))


def test_a_killed_server_on_the_way_is_gone_around_and_a_cut_ring_waits(ring):
    made, ways = ring
    tina, gustav = made[0].client("tina"), made[2].client("gustav")
    wait_for_way(made[0], "s2", "s1")
    made[1].kill9()
    assert send_clients(tina, "gustav@s2", data=1)["payload"]["delivered"] == 1
    wait_for_way(made[0], "s2", "s4", "s3")
    ways[3].refuse()   # s3 to s4: s0 and s4 are apart from s2 and s3
    wait_for_state(made[0], "s2", "unreachable", "idle")
    tina.send("echo", {"do": [{"command": "sendClients", "users": ["gustav@s2"], "data": 2}]}, id="waits")
    assert is_good(send_clients(tina, "nobody@s4"))
    ways[3].refuse(False)
    assert tina.good("waits", 20)["payload"]["delivered"] == 1
    assert [gustav.data(), gustav.data()] == [1, 2]
    made[1].start()


def test_handlers_hear_of_servers_that_ways_reach(servers):
    handlers = {"echo": python_handler("--events", "peers")}
    b = servers.add("b", peers=ANY, peering=ROUTING)
    a = servers.add("a", peers={**ANY, "b": at(b)}, peering=ROUTING, handlers=handlers)
    tina = a.client("tina")
    c = servers.add("c", peers={**ANY, "b": at(b)}, peering=ROUTING)
    wait_for_way(a, "c", "b")
    eventually(lambda: [(f["event"], f["peer"]) for f in records(tina, "event")][-1:] == [("peer_up", "c")])
    c.stop()
    eventually(lambda: ("peer_down", "c") in [(f["event"], f["peer"]) for f in records(tina, "event")])
    assert "b" in peers_of(a)
