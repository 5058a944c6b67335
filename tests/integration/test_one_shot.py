"""Handlers of the original daemon, in its own protocol, through a `socket` entry."""
import json
import socket
import struct
import threading

import pytest

from broker import now, python_handler
from client import code_of, is_good, is_status
from eventually import eventually


class OriginalHandler:
    """A server as the original's own test handler has it: accepts, reads a length and that many
    bytes, writes an answer, and goes on with the next connection. What it does is up to `behave`."""

    def __init__(self, path, behave):
        self.listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listening.bind(str(path))
        self.listening.listen(64)
        self.behave = behave
        self.seen = []
        self.at_the_gate = 0
        self.gate = threading.Event()
        self.lock = threading.Lock()
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                connection, _ = self.listening.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        with connection:
            (length,) = struct.unpack("<I", self.read(connection, 4))
            data = json.loads(self.read(connection, length))
            self.seen.append(data)
            if data.get("gate"):
                with self.lock:
                    self.at_the_gate += 1
                self.gate.wait(60)
            answer = self.behave(data, connection)
            if answer is not None:
                body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
                connection.sendall(struct.pack("<I", len(body)) + body)
                connection.recv(1)  # until the broker closes

    @staticmethod
    def read(connection, size):
        data = b""
        while len(data) < size:
            part = connection.recv(size - len(data))
            if not part:
                return struct.pack("<I", 0)
            data += part
        return data

    def close(self):
        self.listening.shutdown(socket.SHUT_RDWR)
        self.listening.close()


def answer(command, targets, data=None, status="0"):
    return {"header": {"status": status, "command": {"type": command, "data": targets}}, "data": data}


def behave(data, connection):
    if data.get("wait"):
        data["wait"] = connection.recv(1)   # until the broker gives up
        return None
    if data.get("close"):
        return None
    if "raw" in data:
        return data["raw"].encode()
    return answer(data.get("command", "sendClients"), data["to"], {"text": data.get("text")}, data.get("status", "0"))


@pytest.fixture(scope="module")
def shared(make_broker, tmp_path_factory):
    path = tmp_path_factory.mktemp("s") / "original.sock"
    server = OriginalHandler(path, behave)
    handlers = {"afrikaans": {"socket": str(path), "deadline": "500ms", "window": 50},
                "gated": {"socket": str(path), "deadline": "20s", "window": 6}, "absent": {"socket": str(path) + ".none"},
                "echo": python_handler()}
    with make_broker(handlers=handlers, limits={"busy_timeout": "20s"}) as running:
        running.server = server
        yield running
    server.close()


def test_the_worked_example(broker):
    t, g = broker.client("tina"), broker.client("gustav", "v6")
    t.send("afrikaans", {"to": ["gustav"], "text": "Hallo"}, "m1")
    assert t.good("m1")["payload"]["delivered"] == 1
    assert g.delivery()["payload"] == {"type": "afrikaans", "data": {"text": "Hallo"}}
    assert broker.server.seen[-1] == {"to": ["gustav"], "text": "Hallo"}


def test_several_users_and_nobody(broker):
    t, g, a = broker.client("tina"), broker.client("gustav"), broker.client("ann")
    _, status = t.request("afrikaans", {"to": ["gustav", "ann", "nobody"], "text": 1})
    assert status["payload"]["delivered"] == 2 and g.data() == {"text": 1} and a.data() == {"text": 1}
    _, status = t.request("afrikaans", {"to": []})
    assert is_good(status) and status["payload"]["delivered"] == 0


@pytest.mark.parametrize("target", ["echo", ["echo"]])
def test_send_handler_goes_on_with_a_new_one(broker, target):
    t = broker.client("tina")
    replies, status = t.request("afrikaans", {"command": "sendHandler", "to": target, "text": "on"})
    assert is_good(status) and replies[0]["payload"]["data"] == {"text": "on"} and replies[0]["payload"]["type"] == "afrikaans"


def test_a_new_handler_goes_on_with_an_original_one(broker):
    t, g = broker.client("tina"), broker.client("gustav")
    _, status = t.request("echo", {"do": [{"command": "sendHandler", "handler": "afrikaans", "data": {"to": ["gustav"], "text": "x"}}]})
    assert status["payload"]["delivered"] == 1 and g.data() == {"text": "x"}


def test_send_handler_to_itself_ends(broker):
    t = broker.client("tina")
    _, status = t.request("afrikaans", {"raw": json.dumps(answer("sendHandler", "nobody"))})
    assert code_of(status) == "handler_unknown"


def test_send_servers_is_peer_unknown(broker):
    assert code_of(broker.client("tina").request("afrikaans", {"command": "sendServers", "to": ["elsewhere:2222"]})[1]) == "peer_unknown"


def test_another_status_is_a_refusal(broker):
    t, g = broker.client("tina"), broker.client("gustav")
    _, status = t.request("afrikaans", {"to": ["gustav"], "status": "1"})
    assert code_of(status) == "handler_refused"
    g.expect_nothing_before_ping()


@pytest.mark.parametrize("data", [{"close": True}, {"raw": "nonsense"}, {"raw": "{}"}, {"raw": "[]"}, {"raw": '{"header":{"status":"0"}}'},
                                  {"raw": json.dumps(answer("explode", ["x"]))}, {"raw": json.dumps(answer("sendClients", 7))}])
def test_nonsense_and_closing_early_are_handler_failed(broker, data):
    t = broker.client("tina")
    _, status = t.request("afrikaans", data)
    assert code_of(status) == "handler_failed"


def test_an_absent_handler_is_unavailable_and_hurts_nobody_else(broker):
    t = broker.client("tina")
    _, status = t.request("absent", {"to": ["x"]})
    assert code_of(status) == "handler_unavailable" and status["header"]["error"]["temporary"]
    assert t.ask("echo", 1) == 1


def test_a_slow_one_times_out_and_hurts_its_own_messages_only(broker):
    t, other = broker.client("tina"), broker.client("gustav")
    begin = now()
    for i in range(4):
        t.send("afrikaans", {"wait": True}, f"w{i}")
    for i in range(20):
        assert other.ask("echo", i) == i
    for i in range(4):
        t.bad(f"w{i}", "handler_timeout")
    assert now() - begin >= 0.45


def test_no_more_connections_than_the_window(broker):
    senders = [broker.client("tina") for _ in range(12)]
    for c in senders:
        c.send("gated", {"to": [], "gate": True}, "a")
    eventually(lambda: broker.server.at_the_gate == 6 and broker.handler("gated")["waiting"] == 6)
    for _ in range(5):
        assert broker.handler("gated")["in_flight"] == 6 and broker.server.at_the_gate == 6
    broker.server.gate.set()
    for c in senders:
        c.good("a")
    assert broker.server.at_the_gate == 12


def test_status_shows_it(broker):
    shown = broker.handler("afrikaans")
    assert shown["start"] == "socket" and shown["socket"].endswith("original.sock")
