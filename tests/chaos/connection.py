"""One client connection that never waits, with a journal of all that it sent and was told."""
import json
import pathlib
import socket
import ssl
import struct
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import client as clients  # noqa: E402
import engine  # noqa: E402
import frames  # noqa: E402
import orders  # noqa: E402
import websocket_stream  # noqa: E402

HANDSHAKE = 0.7   # seconds for what is done at once: connecting, TLS, the upgrade
NOT_NOW = (BlockingIOError, InterruptedError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


WEB = ("web", "socketio", "recovering")


def connect(addresses, transport, before=None):
    """A socket of this transport whose handshakes are done, and which does not block."""
    made = socket.socket(socket.AF_UNIX if transport == "unix" else socket.AF_INET, socket.SOCK_STREAM)
    try:
        made.settimeout(HANDSHAKE)
        made.connect(addresses["unix"] if transport == "unix" else ("127.0.0.1", addresses["web" if transport in WEB else transport]))
        if transport == "tls":
            made = ssl.create_default_context(cafile=addresses["authority"]).wrap_socket(made, server_hostname="127.0.0.1")
        elif transport == "web":
            made = websocket_stream.Stream(made)
        elif transport in engine.PATHS:
            made = engine.Stream(made, transport, before)
        made.setblocking(False)
        return made
    except BaseException:
        made.close()
        raise


class Connection:
    """Life of one session: "entering", "ready", "leaving", "ended"; or "away", lost and perhaps to be gone on with by the
    next connection, whose `before` it is."""

    def __init__(self, name, slot, journal, before=None):
        self.before = before
        self.name = name
        self.slot = slot
        self.journal = journal
        self.state = "entering"
        self.session = None
        self.numbers = 0
        self.pings = {}
        self.outstanding = set()
        self.groups = []          # that it has joined
        self.out = bytearray()
        self.decoder = frames.Decoder()
        self.paused_until = 0.0
        self.closing = None       # the code that the broker gave
        self.joins = []           # (number of the message, group)
        self.last_ping = None     # the one before it leaves
        journal.write("dial", c=name, s=slot.server, tr=slot.transport, user=slot.user)
        self.is_web = slot.transport in WEB
        try:
            self.socket = connect(slot.addresses, slot.transport, before and before.socket)
        except OSError:
            journal.write("end", c=name, why="not connected", state="entering", code=None, missing=[])
            raise
        self.put({**clients.login_frame(slot.user)})

    # ---- out ----

    def put(self, body):
        self.out += frames.encode(body)
        self.flush()

    def flush(self):
        try:
            while self.out:
                del self.out[:self.socket.send(bytes(self.out[:1 << 14]))]
            if self.is_web:
                self.socket.flush()
        except NOT_NOW:
            pass
        except (OSError, ValueError) as error:
            self.ended(f"lost: {type(error).__name__}")

    def has_more_to_send(self):
        return bool(self.out) or (self.is_web and bool(self.socket.unsent))

    def number(self):
        self.numbers += 1
        return f"{self.name}:{self.numbers}"

    def send(self, type, order, filler, has_id=True, is_probe=False, key=None):
        m = self.number()
        payload = {"type": type, "data": {"m": m, "order": order, "fill": filler, "crc": orders.checksum(m, filler)}}
        if key:
            payload["key"] = key
        if has_id:
            payload["id"] = m
            self.outstanding.add(m)
        self.journal.write("sent", m=m, c=self.name, s=self.slot.server, h=type, o=order, wall=int(time.time() * 1000),
                           id=has_id, probe=is_probe, key=key)
        self.put({"payload": payload})

    def ping(self):
        """What was there for this client before it is read before the answer."""
        id = f"ping {len(self.pings)}"
        self.pings[id] = time.monotonic()
        self.put({"payload": {"type": "dummy", "data": None, "id": id}})
        return id

    def leave(self):
        self.state = "leaving"
        self.put({"payload": {"type": "builtin", "data": {"command": {"type": "close"}}, "id": "leaving"}})

    def drop(self):
        """Ends it so that the other side gets a reset."""
        self.ended("dropped", reset=True)

    def ended(self, why, reset=False):
        if self.is_over:
            return
        is_away = self.slot.transport == "recovering" and self.state == "ready" and self.closing is None
        self.journal.write("away" if is_away else "end", c=self.name, why=why, state=self.state, code=self.closing, missing=sorted(self.outstanding))
        self.state = "away" if is_away else "ended"
        try:
            if reset:
                self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.socket.close()
        except OSError:
            pass

    def follow(self, is_recovered):
        """The session of the connection before goes on here, or is over."""
        if is_recovered:
            self.journal.write("end", c=self.name, why=f"went on as {self.before.name}", state="entering", code=None, missing=[])
            self.name, self.numbers = self.before.name, self.before.numbers
        else:
            self.before.give_up()
        self.before = None

    def give_up(self):
        """It does not come back."""
        self.journal.write("end", c=self.name, why="not recovered", state="away", code=None, missing=[])
        self.state = "ended"

    @property
    def is_over(self):
        return self.state in ("ended", "away")

    # ---- in ----

    def read(self):
        """All that is there, also what TLS keeps."""
        while not self.is_over:
            try:
                data = self.socket.recv(1 << 16)
            except NOT_NOW:
                return
            except (OSError, ValueError) as error:
                return self.ended(f"lost: {type(error).__name__}")
            except AssertionError as error:
                self.journal.write("odd", c=self.name, what=str(error))
                return self.ended("lost: not understood")
            if not data:
                return self.ended("left" if self.state == "leaving" else "closed")
            for body in self.decoder.feed(data):
                self.on_frame(json.loads(body))

    def on_frame(self, frame):
        header, payload = frame["header"], frame.get("payload", {})
        kind = header["messageType"]
        if kind == "statusReport":
            self.on_status(header, payload)
        elif kind == "receivedMessage":
            self.on_delivery(payload)

    def on_status(self, header, payload):
        id = payload["id"]
        is_good = header["status"] == "good"
        code = None if is_good else header["error"]["code"]
        if id == "auth_special":
            if is_good:
                self.journal.write("open", c=self.name)
                self.put({"payload": {"type": "builtin", "data": {"command": {"type": "whoami"}}, "id": "who"}})
            else:
                self.ended(f"refused: {code}")
        elif id in ("close_special", "error_special"):
            self.closing = code
        elif id in self.pings:
            if self.pings[id] is not None:
                self.journal.write("pong", c=self.name, since=self.pings[id])
                self.pings[id] = None
        elif id not in ("who", "leaving") and not id.startswith("ping"):   # of the connection before
            self.outstanding.discard(id)
            self.journal.write("status", c=self.name, m=id, good=is_good, code=code, delivered=payload.get("delivered"))
            if is_good:
                self.groups += [group for joined, group in self.joins if joined == id]

    def on_delivery(self, payload):
        data = payload["data"]
        if payload["type"] == "builtin":
            if self.before:
                self.follow(data["recovered"])
            self.session = data["session"]
            self.state = "ready"
            self.journal.write("ready", c=self.name, session=self.session)
            for group in self.slot.joins:
                self.joins.append((f"{self.name}:{self.numbers + 1}", group))
                self.send("news", {"op": "join", "to": group}, "")
        elif isinstance(data, dict) and "m" in data:
            self.journal.write("got", c=self.name, m=data["m"], by=data.get("by"), x=data.get("x"), id=payload.get("id"),
                               whole=orders.is_whole(data))
        elif data is not None:
            self.journal.write("odd", c=self.name, what=json.dumps(payload)[:300])
