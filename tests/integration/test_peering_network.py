"""Bad networks: partitions between namespaces, loss, delay and reordering, and clocks that differ."""
import glob

import pytest

import eventually as waiting
import network
from client import is_good
from eventually import eventually
from servers import at, free_port, peer, servers, wait_for_error, wait_for_link, wait_for_state  # noqa: F401

PATIENT = {"heartbeat": "400ms", "resume": "60s", "deadline": "60s"}


@pytest.fixture
def apart(servers):
    """(a, b, cable): b listens in one namespace, a dials it from another. Their clients come over UNIX sockets."""
    with network.Cable() as cable:
        port = free_port()
        b = servers.add("b", peers={"a": {}}, port=port, start=False,
                        peering={**PATIENT, "listen": [f"{cable.addresses[1]}:{port}"]})
        a = servers.add("a", peers={"b": {"addresses": [f"{cable.addresses[1]}:{port}"], "types": ["*"]}}, start=False,
                        peering={**PATIENT, "listen": []})
        for side, each in enumerate((a, b)):
            cable.move_in(each, side)
            each.start()
        wait_for_link(a, b)
        yield a, b, cable


def exchange(a, b, count, window=50, limit=60, listener="unix"):
    """Numbers in both directions at once: each arrives once and in order, and its sender knows."""
    tina, gustav = a.client("tina", listener), b.client("gustav", listener)
    pairs = ((tina, f"gustav@{b.name}"), (gustav, f"tina@{a.name}"))
    for i in range(count):
        for client, to in pairs:
            client.send("echo", {"do": [{"command": "sendClients", "users": [to], "data": i}]}, id=str(i))
            if i >= window:
                assert client.good(str(i - window), limit)["payload"]["delivered"] == 1
    for client, _ in pairs:
        for i in range(max(0, count - window), count):
            assert client.good(str(i), limit)["payload"]["delivered"] == 1
        assert [client.data("echo", limit) for _ in range(count)] == list(range(count))
        client.expect_nothing_before_ping()
        client.close()


@network.needs_namespaces()
def test_servers_in_two_namespaces(apart):
    a, b, _ = apart
    exchange(a, b, 300)
    code, out, _ = a.cli("peers", "--config", a.config_path)
    assert code == 0 and apart[2].addresses[1] in out, out


@network.needs_namespaces()
def test_a_partition_is_noticed_and_heals(apart):
    a, b, cable = apart
    for round in range(2):
        cable.cut()
        for one, other in ((a, "b"), (b, "a")):
            eventually(lambda: peer(one, other)["state"] != "linked", 5, lambda: peer(one, other))
        tina, gustav = a.client("tina", "unix"), b.client("gustav", "unix")
        for i in range(20):
            tina.send("echo", {"do": [{"command": "sendClients", "users": ["gustav@b"], "data": i}]}, id=str(i))
            gustav.send("echo", {"do": [{"command": "sendClients", "users": ["tina@a"], "data": i}]}, id=str(i))
        assert tina.ask("echo", "here") == "here"
        cable.calm()
        for each in (tina, gustav):
            assert [each.data("echo") for _ in range(20)] == list(range(20))
            assert all(is_good(each.status(str(i))) for i in range(20))
            each.close()
        wait_for_link(a, b)


WEATHERS = {
    "5 % loss": {"loss": 0.05},
    "200 ms there and back": {"delay": 0.1},
    "reordering": {"delay": 0.01, "jitter": 0.03},
    "everything": {"loss": 0.05, "delay": 0.05, "jitter": 0.02, "doubled": 0.02},
}


@network.needs_namespaces()
@pytest.mark.parametrize("weather", WEATHERS)
def test_loss_delay_and_reordering(apart, weather):
    a, b, cable = apart
    cable.disturb(**WEATHERS[weather])
    exchange(a, b, 500)
    cable.calm()
    assert peer(a, "b")["failed"] == 0 and peer(b, "a")["failed"] == 0


def test_a_way_of_200_ms_costs_time_and_nothing_else(servers):
    b = servers.add("b", peers={"a": {}}, peering=PATIENT)
    way = servers.proxy(b)
    way.delay = 0.1
    a = servers.add("a", peers={"b": at(way)}, peering=PATIENT)
    wait_for_link(a, b)
    exchange(a, b, 600, window=100, listener="v4")
    assert peer(a, "b")["round_trip_us"] > 190_000
    assert way.accepted == 1 and peer(a, "b")["resent"] == 0


def test_a_way_that_comes_and_goes(servers):
    """Silent for longer than two heartbeats, again and again, in the middle of whatever is on its way."""
    b = servers.add("b", peers={"a": {}}, peering={**PATIENT, "heartbeat": "100ms"})
    way = servers.proxy(b)
    a = servers.add("a", peers={"b": at(way)}, peering={**PATIENT, "heartbeat": "100ms"})
    wait_for_link(a, b)
    tina, gustav = a.client("tina"), b.client("gustav")
    for round in range(8):
        for i in range(30):
            tina.send("echo", {"do": [{"command": "sendClients", "users": ["gustav@b"], "data": [round, i]}]}, id=f"{round}-{i}")
            if i == 15:
                way.swallow()
        wait_for_state(a, "b", "dialling", "waiting")
        way.release()
        way.cut()
        for i in range(30):
            assert tina.good(f"{round}-{i}", 20)["payload"]["delivered"] == 1
    assert [gustav.data() for _ in range(240)] == [[round, i] for round in range(8) for i in range(30)]
    gustav.expect_nothing_before_ping()


# ---- clocks ----

def faketime():
    found = glob.glob("/usr/lib/*/faketime/libfaketime.so.1")
    return found[0] if found else None


needs_faketime = pytest.mark.skipif(not faketime() or waiting.slowness != 1,
                                    reason="needs Debian's libfaketime, and a build without sanitizers")


def set_clock(broker, offset):
    broker.environment = {"LD_PRELOAD": faketime(), "FAKETIME": offset, "DONT_FAKE_MONOTONIC": "1"}


@needs_faketime
def test_clocks_that_differ_by_days(servers):
    b = servers.add("b", peers={"a": {}}, start=False, peering=PATIENT)
    set_clock(b, "+20d")
    b.start()
    a = servers.add("a", peers={"b": at(b)}, peering=PATIENT)
    wait_for_link(a, b)
    assert peer(b, "a")["certificate"]["days_left"] < peer(a, "b")["certificate"]["days_left"] - 15
    exchange(a, b, 100, listener="v4")


@needs_faketime
def test_a_clock_that_was_set_back_while_the_server_was_down(servers):
    b = servers.add("b", peers={"a": {}}, peering=PATIENT)
    a = servers.add("a", peers={"b": at(b)}, start=False, peering=PATIENT)
    for offset in ("+3d", "+0", "+1d"):
        set_clock(a, offset)
        a.start()
        wait_for_link(a, b)
        exchange(a, b, 20, listener="v4")
        a.kill9()
    a.start()


@needs_faketime
def test_a_certificate_that_is_not_valid_yet_is_named(servers):
    b = servers.add("b", peers={"a": {}})
    a = servers.add("a", peers={"b": at(b)}, start=False)
    set_clock(b, "-3d")
    b.kill9()
    code, _, error = b.cli("check", b.config_path, **b.environment)
    assert code == 0 and "warning" in error and "is the clock of this machine right?" in error, error
    b.start()
    a.start()
    wait_for_error(a, "b", "tls_failed", "connection_lost")
    assert is_good(b.client("tina").request("echo", 1)[1]), "those who need no certificate are served"
    b.kill9()
    b.environment = {}
    b.start()
    wait_for_link(a, b)
