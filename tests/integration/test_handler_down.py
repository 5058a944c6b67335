"""A handler that is down, slow or full costs its own messages and nothing else: the rest of the connection goes on."""
import json

import pytest

import websocket_stream as ws
from broker import now, python_handler
from client import is_good, is_status, password_of, statuses
from eventually import eventually
from raw_websocket import Raw, text
from socketio import PATH, Polling, listener
from test_one_shot import OriginalHandler, behave
from websocket_clients import port_of

DOWN = {"command": ["/bin/sh", "-c", "exit 3"], "deadline": "4s", "restart": {"initial_delay": "1h", "longest_delay": "1h"}}
PING = ws.frame(0x89, b"are you there")


def order_of_statuses(client, count):
    return [client.find(is_status, 30)["payload"]["id"] for _ in range(count)]


@pytest.fixture(scope="module")
def shared(make_broker):
    handlers = {"down": DOWN, "never": python_handler(start="manual", deadline="4s") | {"command": []}, "echo": python_handler()}
    del handlers["never"]["command"]
    with make_broker(handlers=handlers, limits={"busy_timeout": "2s"}, start=False) as broker:
        broker.start(wait_for_handlers=False)
        broker.wait_for_handlers("echo")
        yield broker


@pytest.mark.parametrize("handler", ["down", "never"])
def test_messages_to_a_handler_that_is_down_fail_together_and_hold_up_nothing(broker, transport, handler):
    c = broker.client("tina", transport)
    begin = now()
    for i in range(20):
        c.send(handler, i, f"d{i}")
    c.send("echo", 1, "e")
    c.send("dummy", None, "ping")
    c.send("builtin", {"command": {"type": "whoami"}}, "who")
    assert set(order_of_statuses(c, 3)) == {"e", "ping", "who"}
    for i in range(20):
        c.bad(f"d{i}", "handler_unavailable")
    assert 3.9 <= now() - begin < 40, "one deadline, not one for each message"


def test_a_close_behind_them_comes_after_one_deadline(broker, transport):
    c = broker.client("tina", transport)
    begin = now()
    for i in range(20):
        c.send("down", i, f"d{i}")
    c.send("builtin", {"command": {"type": "close"}}, "bye")
    came = [f["payload"]["id"] for f in c.expect_closed(90) if is_status(f)]
    assert came == [f"d{i}" for i in range(20)] + ["bye"] and now() - begin < 40


def test_a_websocket_is_answered_its_ping_and_its_close(broker):
    raw = Raw(broker, "web", open="/")
    raw.send(text({"header": {"authentication": {"username": "tina", "password": password_of("tina")}}, "payload": {"type": "dummy"}}))
    raw.next()
    for i in range(50):
        raw.send(text({"payload": {"type": "down", "data": i, "id": f"d{i}"}}))
    raw.send(PING)
    assert raw.next() == (0x8a, b"are you there"), "before any message has failed"
    raw.send(ws.frame(0x88, (1000).to_bytes(2, "big")))
    raw.expect_close(1000)


def test_a_full_session_is_read_up_to_the_message_it_has_no_room_for(make_broker):
    with make_broker(handlers={"echo": python_handler(deadline="20s"), "other": python_handler()}, limits={"unanswered": 8}) as broker:
        raw = Raw(broker, "web", open="/")
        raw.send(text({"header": {"authentication": {"username": "tina", "password": password_of("tina")}}, "payload": {"type": "dummy"}}))
        raw.next()
        for i in range(8):
            raw.send(text({"payload": {"type": "echo", "data": {"act": "hold"}, "id": f"h{i}"}}))
        raw.send(PING)
        assert raw.next() == (0x8a, b"are you there")
        raw.send(text({"payload": {"type": "dummy", "id": "d"}}))
        assert json.loads(raw.next()[1])["payload"]["id"] == "d"
        # From here on it is held, and nothing is lost.
        raw.send(text({"payload": {"type": "other", "data": "beyond", "id": "o"}}))
        raw.send(PING)
        other = broker.client("gustav")
        assert broker.counters()["messages"] >= 8
        assert other.ask("echo", {"act": "release"}) == "released"
        ids, pongs = set(), 0
        while len(ids) < 9 or not pongs:
            kind, payload = raw.next()
            if kind == 0x8a:
                pongs += 1
                continue
            frame = json.loads(payload)
            if is_status(frame):
                ids.add(frame["payload"]["id"])
        assert ids == {f"h{i}" for i in range(8)} | {"o"}


def test_a_full_window_costs_its_own_messages_once(make_broker):
    handlers = {"echo": python_handler(window=1, deadline="100s"), "other": python_handler()}
    with make_broker(handlers=handlers, limits={"busy_timeout": "1s"}) as broker:
        c = broker.client("tina")
        c.send("echo", {"act": "silent"}, "first")
        begin = now()
        for i in range(60):
            c.send("echo", i, f"p{i}")
        c.send("other", 1, "o")
        assert order_of_statuses(c, 61) == ["o"] + [f"p{i}" for i in range(60)]
        assert now() - begin < 30, "one busy_timeout, not one for each message"


def test_an_idle_one_shot_handler_costs_its_own_messages_once(make_broker, tmp_path):
    original = OriginalHandler(tmp_path / "one", behave)
    try:
        handlers = {"old": {"socket": str(tmp_path / "one"), "window": 1, "deadline": "3s"}, "echo": python_handler()}
        with make_broker(handlers=handlers, limits={"busy_timeout": "20s"}) as broker:
            c = broker.client("tina")
            begin = now()
            for i in range(20):
                c.send("old", {"gate": True, "to": ["tina"]}, f"g{i}")
            c.send("echo", 1, "e")
            c.send("dummy", None, "ping")
            assert set(order_of_statuses(c, 2)) == {"e", "ping"}
            for i in range(20):
                c.bad(f"g{i}", "handler_timeout", 90)
            assert now() - begin < 30, "one deadline, not one for each message"
            original.gate.set()
    finally:
        original.close()


@pytest.mark.parametrize("over", ["polling", "websocket"])
def test_a_namespace_whose_handler_is_down_stops_no_other(make_broker, over):
    paths = {PATH: {"frames": "socketio", "namespaces": {"/": "echo", "/down": "down"}}}
    edge = {**listener(), "paths": paths, "authentication": ["anonymous"]}
    with make_broker(handlers={"down": DOWN, "echo": python_handler()}, listeners=[edge], start=False) as broker:
        broker.start(wait_for_handlers=False)
        broker.wait_for_handlers("echo")
        if over == "polling":
            client = Polling(f"http://127.0.0.1:{port_of(broker, 'edge')}")
            client.enter()
            client.enter("/down")
            assert client.post(*[f'42/down,{i}["m",{i}]' for i in range(12)], '421["m",1]') == 200
            came = []
            while not any(packet.startswith("431") for packet in came):
                came += client.poll()
            assert not any(packet.startswith("43/down") for packet in came)
        else:
            raw = Raw(broker, "edge", open=PATH + "?EIO=4&transport=websocket")
            raw.next()
            for place in ("", "/down,"):
                raw.send(ws.frame(ws.TEXT, f"40{place}".encode()))
                assert raw.next()[1].startswith(b"40")
            for i in range(12):
                raw.send(ws.frame(ws.TEXT, f'42/down,{i}["m",{i}]'.encode()))
            raw.send(ws.frame(ws.TEXT, b'421["m",1]'))
            raw.send(PING)
            came = [raw.next(), raw.next()]
            assert (0x8a, b"are you there") in came and any(payload.startswith(b"431") for _, payload in came)


def test_a_namespace_that_is_full_holds_its_own_events_and_loses_none(make_broker):
    paths = {PATH: {"frames": "socketio", "namespaces": {"/": "echo", "/other": "other"}}}
    edge = {**listener(), "paths": paths, "authentication": ["anonymous"]}
    plain = {"name": "v4", "address": "127.0.0.1:0"}
    handlers = {"echo": python_handler(deadline="20s"), "other": python_handler()}
    with make_broker(handlers=handlers, listeners=[edge, plain], limits={"unanswered": 4}) as broker:
        raw = Raw(broker, "edge", open=PATH + "?EIO=4&transport=websocket")
        raw.next()
        for place in ("", "/other,"):
            raw.send(ws.frame(ws.TEXT, f"40{place}".encode()))
            assert raw.next()[1].startswith(b"40")
        for i in range(4):
            raw.send(ws.frame(ws.TEXT, f'42{i}["script",{{"act":"hold"}}]'.encode()))
        raw.send(ws.frame(ws.TEXT, b'42/other,7["m",1]'))
        assert raw.next()[1].startswith(b"43/other,7")
        for i in range(4, 8):
            raw.send(ws.frame(ws.TEXT, f'42{i}["m",{i}]'.encode()))
        broker.client("gustav").ask("echo", {"act": "release"})
        acks = {raw.next()[1].split(b"[")[0] for _ in range(8)}
        assert acks == {f"43{i}".encode() for i in range(8)}


# ---- shares of the queue ----

def test_a_session_that_fills_a_handlers_queue_gives_way_to_others(make_broker):
    handlers = {"echo": python_handler(window=1, waiting=10, deadline="20s")}
    with make_broker(handlers=handlers, limits={"busy_timeout": "20s"}, threads=1) as broker:
        greedy, modest = broker.client("tina"), broker.client("gustav")
        greedy.send("echo", {"act": "later", "ms": 1500}, "x")
        for i in range(12):
            greedy.send("echo", i, f"g{i}")
        for i in (10, 11):
            greedy.bad(f"g{i}", "busy")
        for i in range(3):
            modest.send("echo", i, f"m{i}")
        for i in (9, 8, 7):
            greedy.bad(f"g{i}", "busy")
        for i in range(3):
            modest.good(f"m{i}", 20)
        assert all(is_good(s) for s in statuses(greedy, {"x", *(f"g{i}" for i in range(7))}).values())
        assert broker.counters()["busy"] == 5


def test_what_waits_is_bounded_in_bytes_and_shown(make_broker):
    handlers = {"echo": python_handler(window=1, waiting_bytes="256KiB", deadline="20s")}
    with make_broker(handlers=handlers, limits={"busy_timeout": "20s"}, threads=1) as broker:
        greedy, modest = broker.client("tina"), broker.client("gustav")
        greedy.send("echo", {"act": "later", "ms": 1500}, "x")
        big = "x" * 100_000
        for i in range(4):
            greedy.send("echo", big, f"g{i}")
        for i in (2, 3):
            greedy.bad(f"g{i}", "busy")
        shown = broker.handler("echo")
        assert shown["waiting"] == 2 and 200_000 <= shown["waiting_bytes"] <= 256 << 10
        modest.send("echo", big, "m")
        greedy.bad("g1", "busy")
        modest.good("m", 20)
        assert all(is_good(s) for s in statuses(greedy, {"x", "g0"}).values())
        eventually(lambda: broker.handler("echo")["waiting_bytes"] == 0)


def test_a_handler_that_fills_anothers_queue_leaves_room_for_clients_and_stops_none(make_broker):
    handlers = {"echo": python_handler(window=1, waiting=50, waiting_bytes="4MiB", deadline="20s"), "wild": python_handler()}
    limits = {"busy_timeout": "20s", "queued_memory": "16MiB"}
    with make_broker(handlers=handlers, limits=limits, threads=1) as broker:
        c, wild = broker.client("tina"), broker.client("gustav")
        c.send("echo", {"act": "later", "ms": 2000}, "x")
        eventually(lambda: broker.handler("echo")["instances"][0]["in_flight"] == 1)
        command = {"command": "sendHandler", "handler": "echo", "type": "t", "data": "y" * 500_000}
        wild.ask("wild", {"act": "push", "times": 60, "commands": [command]})
        assert broker.handler("echo")["waiting_bytes"] <= 4 << 20
        assert broker.counters()["slow_consumers"] == 0
        c.send("echo", "mine", "mine")
        c.good("mine", 20)
        c.good("x", 20)
