"""Federating with servers that run the original daemon, whose links are one connection for each message."""
import json
import socket
import threading

import pytest

import frames
from broker import python_handler
from client import Client, code_of, is_good
from eventually import eventually


class OriginalDaemon:
    """Listens as the original daemon does: reads one message a connection, answers nothing, closes."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.listener.getsockname()[1]
        self.messages = []
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with connection:
                decoder = frames.Decoder()
                while part := connection.recv(65536):
                    self.messages += [json.loads(body) for body in decoder.feed(part)]

    def close(self):
        self.listener.close()


@pytest.fixture
def original():
    made = OriginalDaemon()
    yield made
    made.close()


def do(c, *commands):
    return c.request("echo", {"do": list(commands)})[1]


def test_a_message_goes_to_an_original_daemon_in_a_connection_of_its_own(make_broker, original):
    with make_broker(peering={"legacy": [original.address]}) as broker:
        c = broker.client("tina")
        for i in range(3):
            assert is_good(do(c, {"command": "sendServers", "servers": [original.address], "type": "chat", "data": {"n": i}}))
        eventually(lambda: len(original.messages) == 3)
        assert original.messages == [{"header": {"scope": "server"}, "payload": {"id": "", "type": "chat", "data": {"n": i}}} for i in range(3)]
        status = do(c, {"command": "sendClients", "users": [f"gustav@{original.address}"], "type": "chat", "data": 1})
        assert code_of(status) == "peer_refused"
        status = do(c, {"command": "sendServers", "servers": ["127.0.0.1:1"], "type": "chat", "data": 1})
        assert code_of(status) == "peer_unknown", "no address that a handler made up"


class SlowDaemon:
    """Takes connections and reads nothing until it is told to."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=100)
        self.address = "127.0.0.1:%d" % self.listener.getsockname()[1]

    def accept(self, limit):
        self.listener.settimeout(limit)
        try:
            return self.listener.accept()[0]
        except TimeoutError:
            return None


def test_connections_to_original_daemons_are_few_at_a_time(make_broker):
    """peering.legacy_connections; a connection ends when the daemon closes it."""
    slow = SlowDaemon()
    with make_broker(peering={"legacy": [slow.address], "legacy_connections": 2}) as broker:
        c = broker.client("tina")
        for i in range(3):
            c.send("echo", {"do": [{"command": "sendServers", "servers": [slow.address], "type": "chat", "data": i}]}, id=str(i))
        first = [slow.accept(10) for _ in range(2)]
        assert None not in first and slow.accept(0.3) is None
        for each in first:
            each.close()
        third = slow.accept(10)
        assert third is not None
        third.close()
        for i in range(3):
            c.status(str(i))
    slow.listener.close()


def test_an_original_daemon_that_is_not_there_is_unreachable(make_broker):
    with make_broker(peering={"legacy": ["127.0.0.1:1"]}) as broker:
        c = broker.client("tina")
        status = do(c, {"command": "sendServers", "servers": ["127.0.0.1:1"], "type": "chat", "data": 1, "report": "r"})
        assert code_of(status) == "peer_unreachable"
        failed = [f for _, f in c.ask("echo", {"act": "records", "kinds": ["report"]})]
        assert failed[0]["failed"] == [{"recipient": "127.0.0.1:1", "code": "peer_unreachable"}]


def test_a_server_of_the_original_kind_hands_over_messages_where_that_is_configured(make_broker, tmp_path):
    path = str(tmp_path / "servers.sock")
    users = str(tmp_path / "users.sock")
    with make_broker(listeners=[{"name": "unix", "transport": "unix", "address": users},
                                {"name": "servers", "transport": "unix", "address": path, "accept_servers": True}]) as broker:
        gustav = broker.client("gustav", "unix")
        with Client(path) as server:
            server.send_frame({"header": {"scope": "server"}, "payload": {"type": "echo", "data": {"do": [
                {"command": "sendClients", "users": ["gustav"], "type": "chat", "data": "from afar"}]}}})
            assert gustav.data("chat") == "from afar"
        with Client(path) as server:
            server.send_frame({"header": {"scope": "server"}, "payload": {"id": "", "type": "echo", "data": {"do": [{"command": "reply", "data": 1}]}}})
            server.send_frame({"header": {"scope": "server"}, "payload": {"type": "nobody's", "data": 1}})
            server.send_frame({"header": {"scope": "server"}, "payload": {"type": "builtin", "data": {"command": {"type": "close"}}}})
            eventually(lambda: [f for _, f in gustav.ask("echo", {"act": "records", "kinds": ["refused"]}) if f["code"] == "no_sender"])
        # An account is still asked for everything else.
        with Client(path) as client:
            client.send_frame({"header": {"scope": "client"}, "payload": {"type": "echo", "data": 1}})
            assert code_of(client.receive()) == "authentication_required"
        broker.wait_for_log("accept_servers")


def test_two_brokers_speak_as_original_daemons(make_broker, tmp_path):
    handlers = {"echo": python_handler()}
    path = str(tmp_path / "users.sock")
    with make_broker(server={"name": "there"}, handlers=handlers,
                     listeners=[{"name": "v4", "transport": "tcp", "address": "127.0.0.1:0", "accept_servers": True},
                                {"name": "unix", "transport": "unix", "address": path}]) as there:
        port = there.addresses["v4"][1]
        with make_broker(handlers=handlers, peering={"legacy": [f"127.0.0.1:{port}"]}) as here:
            gustav = there.client("gustav", "unix")
            data = {"do": [{"command": "sendClients", "users": ["gustav"], "type": "chat", "data": "hello"}]}
            status = do(here.client("tina"), {"command": "sendServers", "servers": [f"127.0.0.1:{port}"], "data": data})
            assert is_good(status)
            assert gustav.data("chat") == "hello"
