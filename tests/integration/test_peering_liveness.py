"""Links that fall silent, are made twice, are replaced or ended by hand, and servers that die and come back."""
import os
import signal

import link_peer
from broker import freeze
from client import is_good
from eventually import eventually
from servers import (at, is_linked, peer, records, send_clients, send_servers, servers,  # noqa: F401
                     wait_for_error, wait_for_link, wait_for_state)

FAST_BEAT = {"heartbeat": "100ms"}


def pair(servers, limits_of_b=None, **peering):
    """b, a proxy before it, and a, which dials b through it."""
    b = servers.add("b", peers={"a": {}}, peering=peering, limits=limits_of_b or {})
    way = servers.proxy(b)
    a = servers.add("a", peers={"b": at(way)}, peering=peering)
    wait_for_link(a, b)
    return a, b, way


def test_a_silent_link_is_found_dead_within_two_heartbeats(servers):
    a, b, way = pair(servers, **FAST_BEAT)
    way.swallow()
    for one, other in ((a, b), (b, a)):
        wait_for_error(one, other.name, "heartbeat_missed")
    a.wait_for_log("nothing was heard for two heartbeats (200 ms)")
    way.release()
    way.cut()
    wait_for_link(a, b)


def test_an_idle_link_stays_for_many_heartbeats(servers):
    a, b, way = pair(servers, **FAST_BEAT)
    heard = [peer(a, "b")["bytes_in"], peer(b, "a")["bytes_in"]]
    eventually(lambda: peer(a, "b")["bytes_in"] > heard[0] + 200 and peer(b, "a")["bytes_in"] > heard[1] + 200)
    assert is_linked(a, "b") and is_linked(b, "a") and way.accepted == 1


def test_handlers_are_told_of_links_that_come_and_go(servers):
    a, b, way = pair(servers)
    tina = a.client("tina")

    def events():
        return [(f["event"], f["peer"]) for f in records(tina, "event")]
    way.refuse()
    eventually(lambda: events()[-1:] == [("peer_down", "b")], what=lambda: events())
    assert tina.ask("echo", {"act": "query", "query": {"query": "listPeers"}})["peers"] == []
    way.refuse(False)
    wait_for_link(a, b)
    eventually(lambda: events()[-1:] == [("peer_up", "b")], what=lambda: events())
    found = records(tina, "event")
    assert [f["sequence"] for f in found] == list(range(1, len(found) + 1))


def test_two_that_dial_at_once_have_one_link(servers):
    ways = [servers.proxy(), servers.proxy()]
    a = servers.add("a", peers={"b": at(ways[0])})
    b = servers.add("b", peers={"a": at(ways[1])})
    ways[0].target, ways[1].target = b.port, a.port
    tina, gustav = a.client("tina"), b.client("gustav")
    for i in range(20):
        wait_for_link(a, b)
        eventually(lambda: sum(way.connections() for way in ways) == 1, what="one connection stays")
        assert send_clients(tina, "gustav@b", data=i)["payload"]["delivered"] == 1 and gustav.data() == i
        for way in ways:
            way.cut()


def test_a_killed_server_comes_back_and_gets_what_waited_for_it(servers):
    a, b, way = pair(servers, resume="60s", deadline="60s")
    tina, gustav = a.client("tina"), b.client("gustav")
    assert is_good(send_clients(tina, "gustav@b", data=-1)) and gustav.data() == -1
    for round in range(3):
        b.kill9()
        wait_for_state(a, "b", "waiting", "dialling")
        for i in range(50):
            tina.send("echo", {"do": [{"command": "sendClients", "users": ["gustav@b"], "data": i}]}, id=f"{round} {i}")
        b.start()
        gustav = b.client("gustav")
        delivered = [tina.good(f"{round} {i}", 20)["payload"]["delivered"] for i in range(50)]
        first = delivered.index(1) if 1 in delivered else 50
        # In order: those before gustav was back reached nobody, all the others him.
        assert delivered == [0] * first + [1] * (50 - first)
        assert [gustav.data() for _ in range(50 - first)] == list(range(first, 50))
        gustav.expect_nothing_before_ping()


def test_what_a_killed_server_may_have_got_is_not_sent_again(servers):
    a, b, way = pair(servers, resume="60s", deadline="60s")
    tina = a.client("tina")
    assert is_good(send_servers(tina, "b", data=0)[1])
    # Sent, and neither arrived nor acknowledged.
    way.swallow()
    tina.send("echo", {"do": [{"command": "sendServers", "servers": ["b"], "data": 2}]}, id="sent")
    eventually(lambda: peer(a, "b")["sent"] >= 2)
    b.kill9()
    way.release()
    way.cut()
    b.start()
    wait_for_link(a, b)
    tina.bad("sent", "peer_unreachable", 20)
    assert is_good(send_servers(tina, "b", data=3)[1])
    assert b.client("gustav").ask("echo", {"act": "seen"}) == [3]
    assert peer(a, "b")["failed"] >= 1


def test_the_origin_restarted_sends_anew_and_nothing_twice(servers):
    a, b, way = pair(servers)
    gustav = b.client("gustav")
    for round in range(3):
        tina = a.client("tina")
        for i in range(20):
            assert send_clients(tina, "gustav@b", data=[round, i])["payload"]["delivered"] == 1
        a.kill9()
        a.start()
        wait_for_link(a, b)
    assert [gustav.data() for _ in range(60)] == [[round, i] for round in range(3) for i in range(20)]
    gustav.expect_nothing_before_ping()


def test_a_stopped_server_says_so(servers):
    a, b, way = pair(servers)
    b.stop()
    a.wait_for_log("peer b: link lost: shutting_down: it said: the server is stopping")
    wait_for_state(a, "b", "waiting", "dialling")


def test_a_server_that_stops_has_sent_what_it_had(servers):
    # gustav reads when a has stopped: there is room until then for what comes from another server.
    a, b, way = pair(servers, {"queue_bytes": "16MiB", "queue_messages": 10_000})
    way.delay = 0.05
    tina, gustav = a.client("tina"), b.client("gustav")
    many = [{"command": "sendClients", "users": ["gustav@b"], "type": "n", "data": "x" * 1000}] * 800
    for _ in range(2):
        tina.ask("echo", {"act": "push", "commands": many})
    a.stop()
    for _ in range(1600):
        gustav.data("n")
    gustav.expect_nothing_before_ping()


def test_a_server_that_stops_does_not_wait_for_one_that_is_away_or_stuck(servers):
    # Whoever waited would do so longer than stop() does.
    away = servers.add("a", peers={"b": at(1)}, server={"stop_grace": "10m"})
    tina = away.client("tina")
    tina.ask("echo", {"act": "push", "commands": [{"command": "sendClients", "users": ["x@b"], "type": "n", "data": 1}]})
    away.stop()
    c = servers.add("c", peers={"d": {}})
    way = servers.proxy(c)
    d = servers.add("d", peers={"c": at(way)}, peering={"heartbeat": "60s"}, server={"stop_grace": "1s"})
    wait_for_link(c, d)
    way.hold()
    d.client("tina").ask("echo", {"act": "push", "commands": [{"command": "sendClients", "users": ["x@c"], "type": "n", "data": 1}]})
    d.stop()


def test_a_new_link_of_the_same_server_replaces_the_old_one(servers):
    a = servers.add("a", peers={"b": {}})
    files = servers.authority.files("b")
    with link_peer.dial(a.port, "b", files, "a") as old:
        wait_for_state(a, "b", "linked")
        with link_peer.dial(a.port, "b", files, "a") as new:
            assert old.goodbye() == "replaced"
            assert new.begin_flow()["number"] == 1
            assert is_linked(a, "b")


def test_drain_ends_a_link_when_all_is_acknowledged_and_retry_makes_it_again(servers):
    a, b, way = pair(servers)
    tina, gustav = a.client("tina"), b.client("gustav")
    for i in range(200):
        tina.send("echo", {"do": [{"command": "sendClients", "users": ["gustav@b"], "data": i}]}, id=str(i))
    assert a.control({"request": "peer_drain", "peer": "b"})["ok"]
    wait_for_state(a, "b", "drained")
    wait_for_error(b, "a", "drained")
    before = way.accepted
    tina.send("echo", {"do": [{"command": "sendClients", "users": ["gustav@b"], "data": "later"}]}, id="later")
    assert not a.control({"request": "peer_drain", "peer": "mars"})["ok"]
    assert way.accepted == before and peer(a, "b")["state"] == "drained"
    assert a.control({"request": "peer_retry", "peer": "b"})["ok"]
    wait_for_link(a, b)
    assert [gustav.data() for _ in range(201)] == [*range(200), "later"]
    assert tina.good("later")["payload"]["delivered"] == 1


def test_retry_does_not_wait_for_the_next_attempt(servers):
    a, b, way = pair(servers, initial_delay="60s", longest_delay="60s")
    way.refuse()
    wait_for_state(a, "b", "waiting")
    assert peer(a, "b")["next_attempt_ms"] > 20_000
    way.refuse(False)
    assert a.control({"request": "peer_retry", "peer": "b"})["ok"]
    wait_for_link(a, b)


def test_contact_wakes_a_server_that_waits_to_dial(servers):
    slow = {"initial_delay": "60s", "longest_delay": "60s"}
    way = servers.proxy()
    a = servers.add("a", peers={"b": at(way)}, peering=slow)
    wait_for_state(a, "b", "waiting")
    b = servers.add("b", peers={"a": at(a)}, peering=slow)
    way.target = b.port
    wait_for_link(a, b, limit=5)


def test_a_stopped_process_is_found_dead_and_goes_on_when_it_is_back(servers):
    a, b, way = pair(servers, **FAST_BEAT, resume="60s", deadline="60s")
    tina, gustav = a.client("tina"), b.client("gustav")
    freeze(b.process.pid)
    try:
        for i in range(50):
            tina.send("echo", {"do": [{"command": "sendClients", "users": ["gustav@b"], "data": i}]}, id=str(i))
        wait_for_error(a, "b", "heartbeat_missed")
        assert tina.ask("echo", "local") == "local"
    finally:
        os.kill(b.process.pid, signal.SIGCONT)
    assert [gustav.data() for _ in range(50)] == list(range(50))
    for i in range(50):
        assert tina.good(str(i))["payload"]["delivered"] == 1
    gustav.expect_nothing_before_ping()


def test_a_deep_queue_arrives_in_order_after_a_long_cut(servers):
    a, b, way = pair(servers, resume="60s", deadline="60s")
    tina, gustav = a.client("tina"), b.client("gustav")
    way.refuse()
    wait_for_state(a, "b", "waiting", "dialling")
    push = {"act": "push", "times": 1, "commands": [{"command": "sendClients", "users": ["gustav@b"], "type": "n"}]}
    for i in range(2000):
        push["commands"][0]["data"] = i
        tina.send("echo", push)
    eventually(lambda: peer(a, "b")["queued_messages"] == 2000)
    way.refuse(False)
    assert [gustav.data("n") for _ in range(2000)] == list(range(2000))
    gustav.expect_nothing_before_ping()
    eventually(lambda: peer(a, "b")["queued_messages"] == 0 and peer(a, "b")["queued_bytes"] == 0)
