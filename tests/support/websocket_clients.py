"""WebSocket clients that others wrote, all asked in the same way: Node's `ws`, a page in Chromium, python3-websockets.

A socket's events, one after the other: {"open": subprotocol, "extensions": …}, {"text": …}, {"bytes": number},
{"close": code, "reason": …, "was_clean": …}."""
import asyncio
import json
import ssl

import websockets

import eventually as waiting
from browser import Browser, NodeProgram
from client import login_frame

LIMIT = 10.0


def port_of(broker, listener):
    return next(int(each["address"].rsplit(":", 1)[1]) for each in broker.status()["listeners"] if each["name"] == listener)


class NodeClients(NodeProgram):
    """Of `ws`. `authority`: a file with the certificate that wss is checked against."""

    def __init__(self, authority):
        super().__init__("ws_client.mjs", NODE_EXTRA_CA_CERTS=str(authority))

    def open(self, url, protocols=()):
        return Socket(self, self.call("open_socket", url, list(protocols)))

    def socket_call(self, number, name, *values):
        return self.call(name, number, *values)


class ChromiumClients(Browser):
    """Of pages that the listeners serve (tests/browser/page)."""

    def __init__(self):
        super().__init__()
        self.pages = {}

    def open(self, url, protocols=()):
        origin = "http" + url.removeprefix("ws").rsplit("/", 1)[0]
        if origin not in self.pages:
            self.pages[origin] = super().open(ignoreHTTPSErrors=True)
            self.pages[origin].go(origin + "/")
        number = self.pages[origin].evaluate(f"open_socket({json.dumps(url)}, {json.dumps(list(protocols))})")
        return Socket(self, (origin, number))

    def socket_call(self, number, name, *values):
        origin, number = number
        return self.pages[origin].evaluate(f"sockets[{number}].{name}(...{json.dumps(values)})")


class PythonClients:
    def __init__(self, authority):
        self.context = ssl.create_default_context(cafile=authority)
        self.loop = asyncio.new_event_loop()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.loop.close()

    def open(self, url, protocols=()):
        return PythonSocket(self, url, protocols)


class Talk:
    """What tests send and expect, for every client."""

    def opened(self):
        event = self.next()
        assert "open" in event, event
        return event

    def text(self):
        event = self.next()
        assert "text" in event, event
        return event["text"]

    def frame(self):
        return json.loads(self.text())

    def closed(self):
        """(code, reason) that the client was told."""
        event = self.next()
        assert "close" in event, event
        assert event["was_clean"] == (event["close"] != 1006), event
        return event["close"], event["reason"]

    def send_frame(self, frame):
        self.send(json.dumps(frame))

    def log_in(self, user, password=None):
        """The answer to it."""
        self.send_frame(login_frame(user, password))
        status = self.frame()
        assert status["payload"]["id"] == "auth_special", status
        return status


class Socket(Talk):
    def __init__(self, clients, number):
        self.clients = clients
        self.number = number

    def call(self, name, *values):
        return self.clients.socket_call(self.number, name, *values)

    def next(self):
        return self.call("next", int(LIMIT * 1000 * waiting.slowness))

    def send(self, text):
        self.call("send", text)

    def send_bytes(self, count):
        self.call("send_bytes", count)

    def close(self, code=1000, reason=""):
        self.call("close", code, reason)


class PythonSocket(Talk):
    def __init__(self, clients, url, protocols):
        self.clients = clients
        self.first = None
        context = clients.context if url.startswith("wss") else None

        async def connect():
            return await websockets.connect(url, subprotocols=list(protocols) or None, ssl=context, max_size=1 << 24)
        try:
            self.socket = self.run(connect())
            self.first = {"open": self.socket.subprotocol or "", "extensions": ", ".join(each.name for each in self.socket.extensions)}
        except websockets.InvalidHandshake:
            self.first = {"close": 1006, "reason": "", "was_clean": False}  # as others say it

    def run(self, what):
        return self.clients.loop.run_until_complete(asyncio.wait_for(what, LIMIT * waiting.slowness))

    def next(self):
        first, self.first = self.first, None
        if first is not None:
            return first
        try:
            came = self.run(self.socket.recv())
            return {"text": came} if isinstance(came, str) else {"bytes": len(came)}
        except websockets.ConnectionClosed:
            code = self.socket.close_code
            return {"close": code, "reason": self.socket.close_reason, "was_clean": code != 1006}

    def send(self, text):
        self.run(self.socket.send(text))

    def send_bytes(self, count):
        self.run(self.socket.send(bytes(count)))

    def close(self, code=1000, reason=""):
        self.run(self.socket.close(code, reason))
