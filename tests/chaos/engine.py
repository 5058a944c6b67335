"""A client of Socket.IO over WebSocket that looks like a connection of the client protocol: what is sent and read are frames
of that one, as far as connection.py needs them."""
import itertools
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import frames  # noqa: E402
import websocket_stream as ws  # noqa: E402

PATHS = {"socketio": "/io/",               # where each session ends with its connection
         "recovering": "/socket.io/"}      # where it outlives it for a while
TYPE = "plain"                             # of what is sent in the one namespace


def status(id, error=None):
    header = {"messageType": "statusReport", "status": "bad" if error else "good", **({"error": error} if error else {})}
    return {"header": header, "payload": {"id": id}}


def delivery(type, data, id=None):
    return {"header": {"messageType": "receivedMessage"}, "payload": {"type": type, "data": data, **({"id": id} if id else {})}}


class Stream:
    """Around a connected socket, as websocket_stream.Stream is. `before`: the stream whose session it is to go on with."""

    def __init__(self, below, transport, before=None):
        self.below = below
        self.keeps_offsets = transport == "recovering"
        self.before = before
        self.sid = self.pid = None
        self.offset = before.offset if before else None
        self.unsent = b""
        self.decoder = frames.Decoder()
        self.received = ws.Frames()
        self.numbers = before.numbers if before else itertools.count()
        # Number of an acknowledgement -> id. What the connection before asked may be acknowledged here, if it was not there.
        self.asked = before.asked if before else {}
        below.sendall(ws.request(f"{PATHS[transport]}?EIO=4&transport=websocket"))
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            byte = below.recv(1)
            if not byte:
                break
            head += byte
        if not head.startswith(b"HTTP/1.1 101 "):
            raise ConnectionError(f"not opened: {head!r}")

    def __getattr__(self, name):
        return getattr(self.below, name)

    # ---- out ----

    def flush(self):
        """Raises BlockingIOError when the socket takes no more; what is left goes first the next time."""
        while self.unsent:
            self.unsent = self.unsent[self.below.send(self.unsent):]

    def send(self, data):
        self.flush()
        for body in self.decoder.feed(data):
            self.unsent += b"".join(self.packets_of(json.loads(body)))
        try:
            self.flush()
        except BlockingIOError:
            pass   # taken, and sent later
        return len(data)

    def packets_of(self, frame):
        payload = frame["payload"]
        if "authentication" in frame.get("header", {}):
            # As the client in JavaScript does: the last offset stays, also when a session is over.
            place = {"pid": self.before.pid, **({"offset": self.offset} if self.offset else {})} if self.before else {}
            yield self.packet("40" + json.dumps({**frame["header"]["authentication"], **place}))
        elif payload["type"] == "builtin":
            if payload["data"]["command"]["type"] == "close":
                yield self.packet("41") + ws.frame(ws.CLOSE, b"\x03\xe8")
        else:
            event = json.dumps(["order", payload["data"]], separators=(",", ":"))
            number = ""
            if "id" in payload:
                number = next(self.numbers)
                self.asked[number] = payload["id"]
            yield self.packet(f"42{number}{event}")

    @staticmethod
    def packet(text):
        return ws.frame(ws.TEXT, text.encode())

    # ---- in ----

    def recv(self, size):
        """Frames, however long; empty at the end only."""
        while True:
            data = self.below.recv(size)
            if not data:
                return b""
            found = b"".join(frames.encode(frame) for kind, payload in self.received.feed(data) for frame in self.frames_of(kind, payload))
            if found:
                return found

    def frames_of(self, kind, payload):
        if kind == 0x80 | ws.PING:
            self.unsent += ws.frame(ws.PONG, payload)
        elif kind == 0x80 | ws.TEXT:
            yield from self.frames_of_packet(payload.decode())
        else:
            assert kind == 0x80 | ws.CLOSE, f"a frame that begins with {kind:#x}"

    def frames_of_packet(self, text):
        if text == "2":
            self.unsent += self.packet("3")
        elif text.startswith("40"):
            told = json.loads(text[2:])
            self.sid, self.pid = told["sid"], told.get("pid")
            yield status("auth_special")
            yield delivery("builtin", {"session": self.sid, "recovered": self.before is not None and self.before.sid == self.sid})
        elif text.startswith("44"):
            yield status("auth_special", {"code": json.loads(text[2:])["message"]})
        elif text.startswith("42"):
            name, *arguments = json.loads(text[2:])
            if name == "bester":
                if "code" in arguments[0]:   # else it is to come again soon
                    yield status("close_special", arguments[0])
            else:
                if self.keeps_offsets:
                    self.offset = arguments.pop()
                yield delivery(name, arguments[0])
        elif text.startswith("43"):
            digits = text[2:text.index("[")]
            yield from self.acknowledged(self.asked.get(int(digits), f"acknowledgement {digits}"), *json.loads(text[2 + len(digits):]))
        else:
            assert text[0] in "016" or text == "41", f"a packet {text[:100]}"

    @staticmethod
    def acknowledged(id, argument=None):
        """A reply and the status in one."""
        error = argument.get("error") if isinstance(argument, dict) else None
        if argument is not None and error is None:
            yield delivery(TYPE, argument, id)
        yield status(id, error)
