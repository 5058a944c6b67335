"""A WebSocket, or the HTTP before it, byte by byte: for tests that look at what goes over the wire."""
import json

import pytest

import eventually as waiting
import websocket_stream as ws
from client import Closed, connect


def short(value):
    """Names of tests are no place for frames."""
    return f"{len(value)} bytes" if isinstance(value, bytes) else None


class Raw:
    """A connection below WebSocket."""

    def __init__(self, broker, listener="web", open=None, **headers):
        self.socket = connect(broker.addresses[listener].below)
        broker.opened.append(self)
        self.frames = ws.Frames()
        self.found = []
        if open:
            self.send(ws.request(open, **headers))
            head = self.read_head()
            assert head.startswith("HTTP/1.1 101 "), head

    def close(self):
        self.socket.close()

    def send(self, data):
        self.socket.settimeout(10 * waiting.slowness)
        self.socket.sendall(data)

    def read_head(self):
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            byte = self.socket.recv(1)
            assert byte, f"the connection ended after {head!r}"
            head += byte
        return head.decode()

    def read_exactly(self, size):
        data = b""
        while len(data) < size:
            more = self.socket.recv(size - len(data))
            assert more, "the connection ended"
            data += more
        return data

    def read_to_end(self):
        data = b""
        while more := self.socket.recv(1 << 16):
            data += more
        return data

    def get(self, target, method="GET", **headers):
        """(status, headers, body) of a request; the connection may go on."""
        lines = {"Host": "localhost", **{name.replace("_", "-"): value for name, value in headers.items()}}
        self.send((f"{method} {target} HTTP/1.1\r\n" + "".join(f"{n}: {v}\r\n" for n, v in lines.items()) + "\r\n").encode())
        status, *fields = self.read_head().split("\r\n")[:-2]
        found = {name.lower(): value for name, value in (line.split(": ", 1) for line in fields)}
        size = 0 if method == "HEAD" or " 304 " in status else int(found.get("content-length", 0))
        return int(status.split()[1]), found, self.read_exactly(size)

    def next(self):
        """The next frame as (kind, payload)."""
        while not self.found:
            data = self.socket.recv(1 << 16)
            if not data:
                raise Closed("the connection ended")
            self.found = self.frames.feed(data)
        return self.found.pop(0)

    def expect_close(self, code, reason=None):
        kind, payload = self.next()
        assert kind == 0x88, (kind, payload)
        assert int.from_bytes(payload[:2], "big") == code, payload
        if reason is not None:
            assert payload[2:].decode() == reason
        with pytest.raises(Closed):
            self.next()


def text(payload, **form):
    return ws.frame(ws.TEXT, payload if isinstance(payload, bytes) else json.dumps(payload).encode(), **form)


def status_of(broker, data):
    raw = Raw(broker)
    raw.send(data)
    answer = raw.read_to_end().decode()
    return int(answer.split()[1]), answer
