"""The real socket.io-client in Node, and what it talks to: the chat of examples/socketio, in bester or in the socket.io
server itself (tests/browser/socketio_reference_server.mjs)."""
import base64
import http.client
import json
import shutil
import subprocess

import pytest

import eventually as waiting
from browser import ROOT, SOURCE, NodeProgram, install_packages
from proxy import Proxy
from websocket_clients import port_of

PATH = "/socket.io/"
PAGE = ROOT / "examples" / "socketio" / "page"
POLLING, WEBSOCKET, BOTH = ["polling"], ["websocket"], ["polling", "websocket"]
# Lost connections are made again at once, so that tests need not wait for what the client's users wait for.
QUICK = {"reconnectionDelay": 20, "reconnectionDelayMax": 100, "randomizationFactor": 0, "timeout": 10000}


def milliseconds(seconds):
    return int(seconds * 1000 * waiting.slowness)


def binary(data):
    """Bytes among the arguments of an event."""
    return {"_binary": base64.b64encode(data).decode()}


class SocketClients(NodeProgram):
    """A Node process with any number of clients."""

    def __init__(self):
        super().__init__("socketio_client.mjs")

    def open(self, url, transports=BOTH, **options):
        """Does not wait for the connection. `namespace`, `auth`, and all that socket.io-client takes."""
        return Socket(self, self.call("open", url, {"transports": transports, **QUICK, **options}))


class Socket:
    """A socket of one namespace."""

    def __init__(self, clients, number):
        self.clients = clients
        self.number = number

    def call(self, name, *values):
        return self.clients.call(name, self.number, *values)

    def namespace(self, name, auth=None):
        """One more namespace on the same connection."""
        return Socket(self.clients, self.call("open_namespace", name, auth or {}))

    def next(self, *wanted, limit=10):
        """The next event, or the next of these names."""
        return self.call("next", milliseconds(limit), list(wanted) or None)

    def arguments(self, event, limit=10):
        return self.next(event, limit=limit)["arguments"]

    def argument(self, event, limit=10):
        (only,) = self.arguments(event, limit)
        return only

    def connected(self, limit=15):
        """Waits for the connection; returns {"id", "recovered", "transport"}."""
        event = self.next("connect", "connect_error", limit=limit)
        assert event["event"] == "connect", event
        return event

    def connected_at_last(self, limit=20):
        """As `connected`, whatever went wrong before."""
        return self.next("connect", limit=limit)

    def refused(self):
        event = self.next("connect", "connect_error")
        assert event["event"] == "connect_error", event
        return event

    def disconnected(self, limit=15):
        return self.next("disconnect", limit=limit)["reason"]

    def emit(self, event, *values):
        self.call("emit", event, *values)

    def emit_many(self, event, values):
        self.call("emit_many", event, list(values))

    def ask_all(self, event, *values, limit=10):
        """All arguments of the acknowledgement."""
        return self.call("ask", milliseconds(limit), event, *values)

    def ask(self, event, *values, limit=10):
        (only,) = self.ask_all(event, *values, limit=limit)
        return only

    def error(self, event, *values):
        """The code that an event is refused with."""
        answer = self.ask(event, *values)
        assert set(answer) == {"error"}, answer
        assert set(answer["error"]) >= {"code", "reason"}, answer
        return answer["error"]["code"]

    def drain(self):
        return self.call("drain")

    def state(self):
        return self.call("state")

    @property
    def id(self):
        return self.state()["id"]

    def upgraded(self, limit=10):
        return self.call("upgraded", milliseconds(limit))

    def cut(self):
        self.call("cut")

    def close(self):
        self.call("disconnect")

    def leave(self):
        """With all namespaces, and the connection."""
        self.call("leave")


def listener(name="edge", **path):
    """A listener with one Socket.IO path, as the example's config has it."""
    return {"name": name, "transport": "websocket", "address": "127.0.0.1:0", "authentication": ["accounts", "anonymous"],
            "paths": {PATH: {"frames": "socketio", "namespaces": {"/": "chat", "/admin": "panel"}, **path}}}


PERMISSIONS = [{"types": ["panel"], "users": ["tina"]}, {"types": ["*"], "users": ["*"], "anonymous": True}]


class Chat:
    """A broker with the example's handler. It is reached at `url` through a proxy, which can cut the way to it and keeps
    its address when the broker is restarted."""

    kind = "bester"

    def __init__(self, make_broker, bin_directory, more_handlers=None, path=None, listeners=(), start=True, **config):
        self.proxy = Proxy()
        handlers = {"socketio": {"command": [str(bin_directory / "socketio-handler")], "types": ["chat", "panel"]},
                    **(more_handlers or {})}
        config.setdefault("permissions", PERMISSIONS)
        self.broker = make_broker(handlers=handlers, listeners=[listener(**{"recovery": "2m", **(path or {})}), *listeners],
                                  start=start, **config)
        if start:
            self.started()

    def started(self):
        self.proxy.target = port_of(self.broker, "edge")
        self.proxy.refuse(False)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.proxy.port}"

    @property
    def direct_url(self):
        return f"http://127.0.0.1:{self.proxy.target}"

    def __enter__(self):
        return self

    def __exit__(self, *outcome):
        try:
            self.broker.__exit__(*outcome)
        finally:
            self.proxy.close()

    def kill(self):
        self.proxy.refuse()
        self.broker.kill9()

    def come_back(self):
        self.broker.start()
        self.started()


def make_page(folder):
    """The example's page with the client that it loads, as examples/socketio/fetch_client.sh puts them together."""
    shutil.copytree(PAGE, folder, dirs_exist_ok=True)
    shutil.copy(install_packages() / "node_modules" / "socket.io-client" / "dist" / "socket.io.min.js", folder)
    return folder


class Reference:
    """The socket.io server with the same chat."""

    kind = "socket.io"

    def __init__(self, recovery=120, files=None):
        words = [SOURCE / "socketio_reference_server.mjs", install_packages(), int(recovery * 1000), *([files] if files else [])]
        self.process = subprocess.Popen(["node", *map(str, words)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.proxy = Proxy(int(self.process.stdout.readline()))

    url = Chat.url
    direct_url = Chat.direct_url

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.proxy.close()
        self.process.stdin.close()
        self.process.wait(10 * waiting.slowness)
        self.process.stdout.close()


def error_of(body):
    """(code, message) of an Engine.IO error's body."""
    told = json.loads(body)
    return told["code"], told["message"]


class Polling:
    """Engine.IO by hand, over HTTP: one request after the other."""

    def __init__(self, url, path=PATH, **headers):
        self.host, port = url.removeprefix("http://").split(":")
        self.port = int(port)
        self.path = path
        self.headers = headers
        self.sid = None

    def request(self, method, query, body=None, headers=None):
        """(status, headers, body)"""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=20 * waiting.slowness)
        try:
            connection.request(method, f"{self.path}?{query}", body=body, headers={**self.headers, **(headers or {})})
            answer = connection.getresponse()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
        finally:
            connection.close()

    def open(self):
        """The packet that opens it."""
        status, _, body = self.request("GET", "EIO=4&transport=polling")
        assert status == 200 and body[:1] == b"0", (status, body)
        told = json.loads(body[1:])
        self.sid = told["sid"]
        return told

    @property
    def query(self):
        return f"EIO=4&transport=polling&sid={self.sid}"

    def post(self, *packets):
        """The status; packets are text, several are separated as the protocol has it."""
        status, _, body = self.request("POST", self.query, "\x1e".join(packets).encode(), {"Content-Type": "text/plain;charset=UTF-8"})
        return status

    def poll(self):
        """The packets of one answer; a failure is its status."""
        status, _, body = self.request("GET", self.query)
        return body.decode().split("\x1e") if status == 200 else status

    def until(self, begin):
        """Polls until a packet begins so; pings are answered."""
        while True:
            packets = self.poll()
            assert isinstance(packets, list), f"the poll was answered {packets}"
            for packet in packets:
                if packet == "2":
                    self.post("3")
                if packet.startswith(begin):
                    return packet

    def enter(self, namespace="", auth=None):
        """Connects a namespace; returns what the answer says."""
        if self.sid is None:
            self.open()
        place = f"{namespace}," if namespace else ""
        assert self.post(f"40{place}{json.dumps(auth) if auth else ''}") == 200
        return json.loads(self.until(f"40{place}")[2 + len(place):])

    def is_gone(self):
        status, _, body = self.request("POST", self.query, b"2probe")
        return status == 400 and error_of(body)[0] == 1


# Fixtures: whoever needs them imports them.

@pytest.fixture(scope="module")
def clients():
    with SocketClients() as made:
        yield made


@pytest.fixture(scope="module", params=["socket.io", "bester"] if waiting.slowness == 1 else ["bester"])
def server(request):
    """One of both, with everybody gone after each module."""
    if request.param == "socket.io":
        started = Reference()
    else:
        make_broker, bin_directory = (request.getfixturevalue(name) for name in ("make_broker", "bin_directory"))
        started = Chat(make_broker, bin_directory)
    with started as chat:
        yield chat
