"""How many sessions of Socket.IO there may be, from one address and of all, before anybody has logged in."""
import json
import re
import select

import pytest

import eventually as waiting
import websocket_stream as ws
from broker import python_handler
from client import password_of
from eventually import eventually
from raw_websocket import Raw
from socketio import PATH, Polling, listener
from websocket_clients import port_of

OPENING = PATH + "?EIO=4&transport=polling"
UPGRADE = PATH + "?EIO=4&transport=websocket"
GREEDY, MODEST = "203.0.113.9", "203.0.113.10"


@pytest.fixture
def edge(make_broker):
    """edge(…): a broker that is told its clients' addresses by a proxy, with these limits."""
    opened = []

    def make(connections=None, path=None, **limits):
        more = {} if connections is None else {"server": {"connections": connections}}
        at = {**listener("edge", namespaces={"/": "echo"}, authentication=["anonymous"], **(path or {})), "proxies": ["127.0.0.1"]}
        opened.append(make_broker(handlers={"echo": python_handler()}, listeners=[at], limits={"authentication_timeout": "120s", **limits}, **more))
        return opened[-1].__enter__()
    yield make
    for each in opened:
        each.__exit__(None, None, None)


def polling(broker, address):
    return Polling(f"http://127.0.0.1:{port_of(broker, 'edge')}", **{"X-Forwarded-For": address})


def opening(address, query=""):
    return f"GET {OPENING}{query} HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: {address}\r\n\r\n".encode()


def pipelined(broker, count, address, query=""):
    """The statuses of so many handshakes that are sent on one connection without waiting; it may be closed before the
    last of them."""
    raw = Raw(broker, "edge")
    answers = b""
    left = memoryview(opening(address, query) * count)
    raw.socket.setblocking(False)
    while answers.count(b"HTTP/1.1 ") < count:
        readable, writable, _ = select.select([raw.socket], [raw.socket] if left else [], [], 30 * waiting.slowness)
        assert readable or writable, f"{answers.count(b'HTTP/1.1 ')} answers came"
        if writable:
            try:
                left = left[raw.socket.send(left[:1 << 16]):]
            except ConnectionError:
                left = None
        if readable:
            try:
                more = raw.socket.recv(1 << 16)
            except ConnectionError:
                break
            if not more:
                break
            answers += more
    raw.close()
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d+)", answers)]


def web_socket(broker, address, connect=b"40"):
    """A session that is in its namespace, with the answer to its CONNECT; None: it is refused as one too many."""
    raw = Raw(broker, "edge")
    raw.send(ws.request(UPGRADE, X_Forwarded_For=address))
    head = raw.read_head()
    if head.startswith("HTTP/1.1 429 "):
        raw.close()
        return None
    assert head.startswith("HTTP/1.1 101 "), head
    assert raw.next()[1][:1] == b"0"
    raw.send(ws.frame(ws.TEXT, connect))
    raw.answer = json.loads(raw.next()[1][2:])
    return raw


def is_let_in(broker, address):
    return polling(broker, address).request("GET", "EIO=4&transport=polling")[0] == 200


def test_an_address_has_so_many_sessions(edge):
    broker = edge(connections_per_address=50)
    assert pipelined(broker, 3000, GREEDY) == [200] * 50 + [429]
    assert pipelined(broker, 10, GREEDY) == [429], "another connection is no other address"
    assert polling(broker, MODEST).enter()["sid"], "others are served"
    assert broker.counters()["connections_refused"] == 2


def test_a_session_gives_its_place_back(edge):
    broker = edge(connections_per_address=5)
    kept = [polling(broker, GREEDY) for _ in range(4)]
    for each in kept:
        each.open()
    for _ in range(200):
        one = polling(broker, GREEDY)
        one.open()
        assert one.post("1") == 200
    one.open()
    assert not is_let_in(broker, GREEDY)


def test_who_never_logs_in_gives_its_place_back(edge):
    broker = edge(connections_per_address=5, authentication_timeout="500ms")
    assert pipelined(broker, 6, GREEDY) == [200] * 5 + [429]
    eventually(lambda: is_let_in(broker, GREEDY))


def test_web_sockets_have_as_many_sessions_as_connections(edge):
    broker = edge(connections_per_address=5)
    kept = [web_socket(broker, GREEDY) for _ in range(5)]
    assert not is_let_in(broker, GREEDY)
    for _ in range(50):
        kept.pop(0).close()
        kept.append(eventually(lambda: web_socket(broker, GREEDY)))


def test_an_upgrade_takes_no_second_place(edge):
    broker = edge(connections_per_address=2)
    for _ in range(20):
        one = polling(broker, GREEDY)
        eventually(lambda: try_open(one))
        raw = Raw(broker, "edge", open=f"{UPGRADE}&sid={one.sid}", X_Forwarded_For=GREEDY)
        raw.send(ws.frame(ws.TEXT, b"2probe"))
        assert raw.next()[1] == b"3probe"
        raw.send(ws.frame(ws.TEXT, b"5"))
        raw.send(ws.frame(ws.TEXT, b"40"))
        assert raw.next()[1][:2] == b"40"
        raw.close()


def try_open(one):
    status, _, body = one.request("GET", "EIO=4&transport=polling")
    if status == 200:
        one.sid = json.loads(body[1:])["sid"]
    return status == 200


def test_lost_sessions_are_bounded_and_keep_nobody_out(edge):
    broker = edge(connections_per_address=2, path={"recovery": "100s"})

    def lose():
        raw = eventually(lambda: web_socket(broker, GREEDY))
        closed = broker.counters()["connections_closed"]
        raw.close()
        eventually(lambda: broker.counters()["connections_closed"] > closed)
        return raw.answer

    def come_back(answer):
        raw = eventually(lambda: web_socket(broker, GREEDY, b'40{"pid":"%s"}' % answer["pid"].encode()))
        return raw, raw.answer["sid"] == answer["sid"]
    first, _, third = lose(), lose(), lose()
    raw, is_same = come_back(third)
    assert not is_same, "there are two already"
    raw.close()
    kept, is_same = come_back(first)
    assert is_same, "two that are lost keep nobody out"
    fourth = lose()
    raw, is_same = come_back(fourth)
    assert is_same, "the place of one that is back is free"
    raw.close()
    kept.close()


def test_when_all_are_taken_who_has_not_logged_in_makes_room(edge):
    broker = edge(connections=64, connections_per_address=0)
    inside = polling(broker, MODEST)
    inside.enter()
    assert pipelined(broker, 1000, GREEDY) == [200] * 1000
    for _ in range(10):
        assert polling(broker, MODEST).enter()["sid"]
    assert inside.post('42["x"]') == 200, "who is logged in stays"
    assert broker.counters()["input_evictions"] > 500
    assert f"ended one of {GREEDY}, not logged in" in broker.log()


def test_what_sessions_are_opened_with_is_bounded(edge):
    broker = edge(connections_per_address=0, held_input="1MiB", message_size="64KiB")
    inside = polling(broker, MODEST)
    inside.enter()
    assert pipelined(broker, 500, GREEDY, "&room=" + 6000 * "x") == [200] * 500
    eventually(lambda: broker.counters()["input_evictions"] > 250)
    assert inside.post('42["x"]') == 200


@pytest.mark.parametrize("said, code", [("Bearer", "token_invalid"), ("Basic ?", "authentication_failed"),
                                        ("Digest username=tina", "authentication_unsupported")])
@pytest.mark.parametrize("carrier", ["polling", "websocket"])
def test_who_says_what_nobody_understands_is_not_taken_for_nobody(make_broker, carrier, said, code):
    with make_broker(listeners=[listener(namespaces={"/": "echo"}, authentication=["anonymous"])]) as broker:
        raw = Raw(broker, "edge")
        target = f"/socket.io/?EIO=4&transport={carrier}"
        raw.send(ws.request(target, Authorization=said) if carrier == "websocket"
                 else f"GET {target} HTTP/1.1\r\nHost: x\r\nAuthorization: {said}\r\n\r\n".encode())
        assert raw.read_head().startswith("HTTP/1.1 401 ")
        assert code.encode() in raw.read_to_end()


def test_a_name_and_a_password_may_come_with_the_request(make_broker):
    import base64
    with make_broker(listeners=[listener(namespaces={"/": "echo"}, authentication=["accounts"])]) as broker:
        for password, is_in in ((password_of("tina"), True), ("wrong", False)):
            said = "Basic " + base64.b64encode(f"tina:{password}".encode()).decode()
            raw = Raw(broker, "edge")
            raw.send(ws.request("/socket.io/?EIO=4&transport=websocket", Authorization=said))
            assert raw.read_head().startswith("HTTP/1.1 101 ")
            raw.next()
            raw.send(ws.frame(ws.TEXT, b"40"))
            said = raw.next()[1]
            assert said.startswith(b"40{") if is_in else b"authentication_failed" in said, said


def test_what_is_kept_for_the_return_of_clients_is_bounded(make_broker):
    """It is dropped to make room, and no session ends for it."""
    at = listener("edge", namespaces={"/": "echo"}, authentication=["anonymous"], recovery="10m", recovery_bytes="256KiB")
    with make_broker(handlers={"echo": python_handler()}, listeners=[at], limits={"queued_memory": "1MiB"}) as broker:
        def polled():
            made = Polling(f"http://127.0.0.1:{port_of(broker, 'edge')}")
            made.enter()
            return made

        def takes(client, text):
            assert client.post("42" + json.dumps(["e", text])) == 200
            assert text in client.until("42")

        clients = [polled() for _ in range(12)]
        for round in range(2):
            for number, client in enumerate(clients):
                takes(client, f"{round} {number} " + "x" * 100_000)
        counted = broker.counters()
        assert counted["recoveries_dropped"] > 0 and counted["slow_consumers"] == 0
        for client in clients:
            takes(client, "still here")
