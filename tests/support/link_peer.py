"""A server that speaks the link protocol with bare hands (Python's ssl), and can say what it likes."""
import json
import socket
import ssl
import struct
import time

import eventually as waiting
import frames

ALPN = "bester-link/1"
HELLO, GOODBYE, PING, PONG, MESSAGE, ACKNOWLEDGEMENT, PROBE, ADVERT = 1, 2, 3, 4, 0x10, 0x11, 0x12, 0x20
ARRIVED, REWIND, UNKNOWN = 0, 1, 2
RESULT = 4   # the operation of a message
LIMIT = 10.0


class Ended(AssertionError):
    """The other side closed the link, or never made one."""


# ---- frames ----

def short(text):
    return struct.pack("<B", len(text.encode())) + text.encode()


def long(text):
    return struct.pack("<H", len(text.encode())) + text.encode()


def flow_frame(kind, origin, destination, flow, number, rest=b"", hops=0):
    return struct.pack("<BB", kind, hops) + short(origin) + short(destination) + struct.pack("<QQ", flow, number) + rest


def deliver(type, users, data, ref=0, sender="mallory", budget=5000):
    everybody = users == "*"
    names = b"" if everybody else b"".join(short(user) for user in users)
    return (struct.pack("<BQIB", 1, ref, budget, everybody) + long(json.dumps(type)) + long(sender)
            + struct.pack("<H", 0 if everybody else len(users)) + names + json.dumps(data).encode())


def submit(type, user, data, ref=0, session="s1", id="", hops=1, budget=5000):
    return (struct.pack("<BQIB", 2, ref, budget, hops) + long(json.dumps(type)) + long(user) + short(session)
            + long(json.dumps(id) if id else "") + json.dumps(data).encode())


def reply(session, id, type, data):
    """`id` "": that of a message without one."""
    return (struct.pack("<B", 3) + short(session) + long(json.dumps(id) if id else "") + long(json.dumps(type))
            + json.dumps(data).encode())


def result(ref, delivered=0, code="", reason="", unreached=()):
    """`unreached`: pairs of user and code."""
    return (struct.pack("<BQQ", 4, ref, delivered) + short(code) + b"\0" + long(reason)
            + struct.pack("<H", len(unreached)) + b"".join(short(user) + short(code) for user, code in unreached))


def advert(server, version, links=(), addresses=(), **more):
    """What a server says of itself, or somebody in its name."""
    said = {"server": server, "incarnation": "00000000000000aa", "version": version,
            "links": [{"peer": peer, "cost_us": 1000} for peer in links], "addresses": list(addresses), **more}
    return bytes([ADVERT]) + json.dumps(said).encode()


def summary(**known):
    """Adverts that a server has: versions by name."""
    return bytes([ADVERT]) + json.dumps({"known": [[name, "00000000000000aa", version] for name, version in known.items()]}).encode()


def read_submit(body):
    """What a submit says, or the beginning of it that a deliver has too: ref."""
    operation, ref = struct.unpack_from("<BQ", body)
    said = {"operation": operation, "ref": ref}
    if operation == 2:
        at = 14
        for name, form in (("type", "<H"), ("user", "<H"), ("session", "<B"), ("id", "<H")):
            size, = struct.unpack_from(form, body, at)
            at += struct.calcsize(form)
            said[name] = body[at:at + size].decode()
            at += size
        said["data"] = json.loads(body[at:])
    return said


def read_flow_frame(body):
    def text(at):
        return body[at + 1:at + 1 + body[at]].decode(), at + 1 + body[at]
    origin, at = text(2)
    destination, at = text(at)
    flow, number = struct.unpack_from("<QQ", body, at)
    return {"kind": body[0], "hops": body[1], "origin": origin, "destination": destination, "flow": flow, "number": number,
            "rest": body[at + 16:]}


def parse(body):
    kind = body[0]
    if kind in (HELLO, GOODBYE, ADVERT):
        return {"kind": kind, **json.loads(body[1:])}
    if kind in (PING, PONG):
        return {"kind": kind, "token": struct.unpack("<Q", body[1:])[0]}
    return read_flow_frame(body)


# ---- the peer ----

def tls(files=None, is_server=False, version=ssl.TLSVersion.TLSv1_3, alpn=ALPN):
    """A context that shows these files' certificate (None: none) and looks at nobody else's."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if is_server else ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname = False
    made.verify_mode = ssl.CERT_NONE
    made.minimum_version = made.maximum_version = version
    if alpn:
        made.set_alpn_protocols([alpn])
    if files:
        made.load_cert_chain(files["certificate"], files["key"])
    if is_server:
        made.load_verify_locations(files["authority"])
        made.verify_mode = ssl.CERT_OPTIONAL
    return made


class LinkPeer:
    """One link's other end, after dialling or accepting. Its flow to the broker is `flow`, numbered by `send_message`."""

    def __init__(self, connection, name, other):
        self.socket = connection
        self.name = name
        self.other = other
        self.decoder = frames.Decoder()
        self.inbox = []
        self.flow = int(time.time() * 1000)
        self.sequence = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send_bytes(self, data):
        self.socket.settimeout(LIMIT * waiting.slowness)
        self.socket.sendall(data)

    def send(self, body):
        self.send_bytes(frames.encode(body))

    def hello(self, **fields):
        """What is None is left out."""
        said = {"protocol": 1, "server": self.name, "incarnation": f"{self.flow:016x}", "expects": self.other,
                "heartbeat_ms": 15000, "frame_limit": 1 << 20, "features": [], **fields}
        self.send(bytes([HELLO]) + json.dumps({k: v for k, v in said.items() if v is not None}).encode())

    def receive(self, *kinds, limit=LIMIT):
        """The next frame of one of these kinds; pings are answered on the way, others wait."""
        until = time.monotonic() + limit * waiting.slowness
        while True:
            for i, frame in enumerate(self.inbox):
                if not kinds or frame["kind"] in kinds:
                    return self.inbox.pop(i)
            self.read(until)

    def read(self, until):
        left = until - time.monotonic()
        if left <= 0:
            raise AssertionError(f"nothing more came in time; not asked for: {self.inbox}")
        self.socket.settimeout(left)
        try:
            data = self.socket.recv(1 << 16)
        except TimeoutError:
            return
        except OSError as error:
            raise Ended(str(error)) from error
        if not data:
            raise Ended("closed")
        for body in self.decoder.feed(data):
            frame = parse(body)
            if frame["kind"] == PING:
                try:
                    self.send(struct.pack("<BQ", PONG, frame["token"]))
                except OSError:
                    pass   # it closed; what it said before is still to be read
            else:
                self.inbox.append(frame)

    def welcome(self):
        """The broker's hello; the link stands."""
        return self.receive(HELLO, GOODBYE)

    def goodbye(self, limit=LIMIT):
        """The code with which the broker ends the link; None if it just ends."""
        try:
            code = self.receive(GOODBYE, limit=limit)["code"]
        except Ended:
            return None
        try:
            while True:
                self.read(time.monotonic() + limit * waiting.slowness)
        except Ended:
            return code

    def begin_flow(self):
        self.flow += 1
        self.sequence = 0
        self.probe(1)
        while True:  # on a new link it says first how much of the flow before has come
            answer = self.receive(ACKNOWLEDGEMENT)
            if answer["flow"] == self.flow:
                return answer

    def probe(self, number, origin=None, flow=None, destination=None):
        self.send(flow_frame(PROBE, origin or self.name, destination or self.other, flow or self.flow, number))

    def send_message(self, body, number=None, origin=None, flow=None, destination=None):
        if number is None:
            self.sequence += 1
            number = self.sequence
        self.send(flow_frame(MESSAGE, origin or self.name, destination or self.other, flow or self.flow, number, body))

    def take_message(self, limit=LIMIT):
        """The next message of the broker, acknowledged; its flow is allowed to begin."""
        while True:
            frame = self.receive(PROBE, MESSAGE, limit=limit)
            number = frame["number"] + (frame["kind"] == MESSAGE)
            self.send(flow_frame(ACKNOWLEDGEMENT, frame["origin"], frame["destination"], frame["flow"], number, b"\0"))
            if frame["kind"] == MESSAGE:
                return frame


def dial(port, name, files, other, hello=True, context=None, **fields):
    """A link to the broker at this port, as far as its hello; `files` None: without TLS."""
    connection = socket.create_connection(("127.0.0.1", port), timeout=LIMIT * waiting.slowness)
    if context or files:
        connection = (context or tls(files)).wrap_socket(connection)
    made = LinkPeer(connection, name, other)
    if hello:
        made.hello(**fields)
        welcome = made.welcome()
        if welcome["kind"] != HELLO:
            raise Ended(f"refused: {welcome}")
    return made


class Listener:
    """Waits for a broker to dial; `accept` goes as far as its hello, unless TLS fails."""

    def __init__(self):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def accept(self, name, other, context, welcome=True):
        self.socket.settimeout(LIMIT * waiting.slowness)
        connection, _ = self.socket.accept()
        connection.settimeout(LIMIT * waiting.slowness)
        try:
            made = LinkPeer(context.wrap_socket(connection, server_side=True) if context else connection, name, other)
        except OSError as error:
            connection.close()
            raise Ended(str(error)) from error
        said = made.receive(HELLO, GOODBYE)
        if said["kind"] == GOODBYE:
            raise Ended(f"refused: {said}")
        if welcome:
            made.hello()
        return made
