"""WebSocket listeners, and clients that others wrote: Node's `ws`, Chromium, python3-websockets."""
import json
import random
import string
import threading

import pytest

import eventually as waiting
import tls_files
from broker import python_handler
from browser import SOURCE
from client import code_of, is_delivery, is_good
from websocket_clients import ChromiumClients, NodeClients, PythonClients, port_of

KINDS = ["ws", "chromium", "python"] if waiting.slowness == 1 else ["ws", "python"]
MEBI = 1 << 20
SPECIAL = "Grüße, \"quotes\" \\ \u0000 \u2028 👋🏽"


def listener(name, **more):
    return {"name": name, "transport": "websocket", "address": "127.0.0.1:0", "authentication": ["accounts", "anonymous"],
            "files": str(SOURCE / "page"),
            "paths": {"/ws": {"subprotocols": ["bester.v1", "bester.v2"]},
                      "/small": {"compression": True},
                      "/elsewhere": {"origins": ["https://chat.example.org"]},
                      "/json": {"type": "echo", "frames": "json", "authentication": ["anonymous"]},
                      "/text": {"type": "echo", "frames": "text", "authentication": ["anonymous"]}}, **more}


class Server:
    def __init__(self, broker):
        self.broker = broker
        self.origins = {"ws": f"127.0.0.1:{port_of(broker, 'plain')}", "wss": f"127.0.0.1:{port_of(broker, 'secure')}"}

    def url(self, path="/ws", scheme="ws"):
        return f"{scheme}://{self.origins[scheme]}{path}"


@pytest.fixture(scope="module")
def start(make_broker):
    def make():
        _, certificate, key = tls_files.usual()
        return make_broker(limits={"queue_bytes": "8MiB"}, handlers={"echo": python_handler(message_size="2MiB")},
                           listeners=[listener("plain"), listener("secure", tls={"certificate": certificate, "key": key})])
    return make


@pytest.fixture(scope="module")
def shared(start):
    with start() as broker:
        yield broker


@pytest.fixture
def server(shared, shared_log):
    shared_log(shared)
    return Server(shared)


def make_clients(kind):
    if kind == "chromium":
        return ChromiumClients()
    return {"ws": NodeClients, "python": PythonClients}[kind](tls_files.usual()[0].certificate)


@pytest.fixture(scope="module")
def all_clients():
    """all_clients(kind): started when they are asked for the first time."""
    started = {}

    def those(kind):
        if kind not in started:
            started[kind] = make_clients(kind)
        return started[kind]
    yield those
    for each in started.values():
        each.__exit__()


@pytest.fixture(params=KINDS)
def clients(request, all_clients):
    return all_clients(request.param)


def enter(clients, server, path="/ws", user="tina", **more):
    socket = clients.open(server.url(path, **more))
    socket.opened()
    status = socket.log_in(user)
    assert is_good(status) and status["payload"]["user"] == user
    return socket


def ask(socket, data, id="m1"):
    """The data that comes back, and then the status."""
    socket.send_frame({"payload": {"type": "echo", "data": data, "id": id}})
    delivery, status = socket.frame(), socket.frame()
    assert is_delivery(delivery) and is_good(status) and status["payload"]["id"] == id
    return delivery["payload"]["data"]


def expect_failure(socket, code, close_code):
    """Told in the client protocol's words, and in those of WebSockets."""
    status = socket.frame()
    assert status["payload"]["id"] == "error_special" and code_of(status) == code, status
    assert socket.closed()[0] == close_code


# ---- the client protocol, a message in each text frame ----

@pytest.mark.parametrize("scheme", ["ws", "wss"])
def test_log_in_messages_and_statuses(clients, server, scheme):
    socket = enter(clients, server, scheme=scheme)
    for number, data in enumerate([{"text": SPECIAL}, SPECIAL, None, [1, 2.5, -0.0, 12345678901234567890], ""]):
        assert ask(socket, data, f"m{number}") == data
    socket.send_frame({"payload": {"type": "weather", "data": None, "id": "m9"}})
    status = socket.frame()
    assert code_of(status) == "no_handler" and status["payload"]["id"] == "m9"
    socket.close()
    assert socket.closed() == (1000, "")


def test_a_message_that_is_none_is_answered_and_the_next_one_too(clients, server):
    socket = enter(clients, server)
    for text in ("{", "", "[]", "not JSON"):
        socket.send(text)
        status = socket.frame()
        assert status["payload"]["id"] == "error_special" and code_of(status) == "bad_message"
        assert ask(socket, "still there") == "still there"
    socket.close()
    socket.closed()


def test_who_cannot_log_in_is_told_and_closed(clients, server):
    socket = clients.open(server.url())
    socket.opened()
    assert code_of(socket.log_in("tina", "wrong")) == "authentication_failed"
    code, _ = socket.closed()
    assert code == 1008


def test_the_order_of_many_messages_holds(clients, server):
    socket = enter(clients, server)
    for number in range(200):
        socket.send_frame({"payload": {"type": "echo", "data": number}})
    assert [socket.frame()["payload"]["data"] for _ in range(200)] == list(range(200))
    socket.close()
    socket.closed()


def test_clients_of_all_kinds_are_reached_at_once(all_clients, server):
    sockets = [enter(all_clients(kind), server, path, "ann") for kind in KINDS for path in ("/ws", "/small")]
    sender = enter(all_clients("python"), server, user="gustav")
    for text in ("short", "long " * 1000):
        command = {"command": "sendClients", "users": ["ann"], "data": text}
        sender.send_frame({"payload": {"type": "echo", "data": {"do": [command]}, "id": "m1"}})
        status = sender.frame()
        assert is_good(status) and status["payload"]["delivered"] == len(sockets), status
        assert [socket.frame()["payload"]["data"] for socket in sockets] == [text] * len(sockets)
    for socket in [*sockets, sender]:
        socket.close()
        socket.closed()


# ---- sizes ----

@pytest.mark.parametrize("path", ["/ws", "/small"])
def test_a_message_of_a_mebibyte(clients, server, path):
    socket = enter(clients, server, path)
    frame = {"payload": {"type": "echo", "data": "", "id": "m1"}}
    text = "".join(random.Random(1).choices(string.ascii_letters, k=MEBI - len(json.dumps(frame))))
    assert ask(socket, text) == text
    frame["payload"]["data"] = text + "x"
    assert len(json.dumps(frame)) == MEBI + 1
    socket.send_frame(frame)
    expect_failure(socket, "too_large", 1009)


# ---- what a WebSocket is beside ----

def test_binary_is_refused(clients, server):
    socket = enter(clients, server)
    socket.send_bytes(10)
    expect_failure(socket, "bad_frame", 1003)


@pytest.mark.parametrize("code,reason", [(1000, ""), (1000, "farewell"), (3000, "Grüße"), (4999, "x" * 123)])
def test_who_closes_gets_the_code_back(clients, server, code, reason):
    socket = enter(clients, server)
    socket.close(code, reason)
    assert socket.closed()[0] == code


@pytest.mark.parametrize("offered,chosen", [([], ""), (["bester.v2"], "bester.v2"), (["other", "bester.v2", "bester.v1"], "bester.v2")])
def test_a_subprotocol_is_chosen_in_the_clients_order(clients, server, offered, chosen):
    socket = clients.open(server.url(), offered)
    assert socket.opened()["open"] == chosen
    socket.close()
    socket.closed()


def test_compression_is_agreed_upon_where_it_is_on(clients, server):
    for path, is_on in (("/ws", False), ("/small", True)):
        socket = clients.open(server.url(path))
        assert ("permessage-deflate" in socket.opened()["extensions"]) == is_on
        socket.log_in("tina")
        for text in ("short", "long " * 20000):
            assert ask(socket, text) == text
        socket.close()
        socket.closed()


def test_a_path_that_is_none_and_a_page_from_elsewhere(clients, server, all_clients):
    assert clients.open(server.url("/nowhere")).closed() == (1006, "")
    socket = clients.open(server.url("/elsewhere"))
    if "chromium" in KINDS and clients is all_clients("chromium"):
        assert socket.closed() == (1006, "")
    else:  # who is no browser has no origin
        socket.opened()
        socket.close()
        socket.closed()


def test_pings_and_fragments_of_ws(all_clients, server):
    socket = enter(all_clients("ws"), server)
    assert socket.call("ping", SPECIAL[:20]) == SPECIAL[:20]
    text = json.dumps({"payload": {"type": "echo", "data": SPECIAL, "id": "m1"}}, ensure_ascii=False)
    socket.call("send_pieces", list(text))
    assert socket.frame()["payload"]["data"] == SPECIAL
    assert is_good(socket.frame())
    socket.close()
    socket.closed()


# ---- bound paths ----

def test_a_bound_path_of_json(clients, server):
    socket = clients.open(server.url("/json"))
    socket.opened()
    for data in ({"text": SPECIAL}, [1, None, {}], "text", 1.5):
        socket.send(json.dumps(data))
        assert json.loads(socket.text()) == data
    socket.send("{not JSON")
    assert socket.closed() == (1007, "bad_message")


def test_a_bound_path_of_text(clients, server):
    socket = clients.open(server.url("/text"))
    socket.opened()
    for text in (SPECIAL, "{not JSON", "", "\"quoted\"", "long " * 20000):
        socket.send(text)
        assert socket.text() == text
    socket.close()
    assert socket.closed()[0] == 1000


# ---- the end of the broker ----

@pytest.mark.parametrize("kind", KINDS)
def test_a_broker_that_stops_says_so(start, kind):
    with start() as broker:
        server = Server(broker)
        with make_clients(kind) as clients:
            spoken, bound = enter(clients, server), clients.open(server.url("/text"))
            bound.opened()
            assert ask(spoken, "before") == "before"
            stopping = threading.Thread(target=broker.stop)
            stopping.start()
            frames = []
            event = spoken.next()
            while "text" in event:
                frames.append(json.loads(event["text"]))
                event = spoken.next()
            assert event["close"] == 1001, event
            assert code_of(frames[-1]) == "shutting_down" and frames[-1]["payload"]["id"] == "close_special"
            assert bound.closed() == (1001, "shutting_down")
            stopping.join()
