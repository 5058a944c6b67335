"""What costs.py measures: for each row (name, unit, whether it is before the log-in, function, count, whether it verifies a
password). A function takes the stage and a number, does it that often, and returns the number of units; if what counts is
only a part of what it does, with the processor seconds of that part."""
import itertools
import json
import os
import socket
import ssl
import struct
import zlib

from attacked_broker import ENGINE   # first: it says where the others are
import client as clients
import frames
import link_peer
import tls_files
import tokens
import websocket_stream as ws

LIMIT = 60.0


sources = itertools.cycle(f"127.0.0.{n}" for n in range(2, 250))


def connect(stage, name):
    """From an address that few others come from: failed log-ins are counted by address."""
    made = socket.create_connection(("127.0.0.1", stage.port(name)), LIMIT, (next(sources), 0))
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return made


def read_to_end(connection):
    try:
        while connection.recv(1 << 16):
            pass
    except OSError:
        pass


def finish(connection):
    """Sends no more, and reads to the end; the broker may have ended it before."""
    try:
        connection.shutdown(socket.SHUT_WR)
    except OSError:
        pass
    read_to_end(connection)


def send(data, listener="tcp"):
    """A connection on which this is sent, and that is closed then."""
    def run(stage, n):
        for _ in range(n):
            with connect(stage, listener) as made:
                made.sendall(data)
        return n
    return run


def ask(data, listener="tcp"):
    """The same with reading to the end: the broker closes."""
    def run(stage, n):
        for _ in range(n):
            with connect(stage, listener) as made:
                made.sendall(data)
                finish(made)
        return n
    return run


def login(**credentials):
    return frames.encode({"header": {"authentication": credentials}, "payload": {"type": "dummy"}})


def log_in_with_token(make):
    def run(stage, n):
        made = [login(token=make(stage)) for _ in range(min(n, 50))]
        for i in range(n):
            with connect(stage, "tcp") as connection:
                connection.sendall(made[i % len(made)])
                finish(connection)
        return n
    return run


# ---- TLS ----

def handshake(group=None, version=None):
    """With a client of this group; none: X25519, which OpenSSL puts first."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if group:
        context.set_ecdh_curve(group)
    if version:
        context.minimum_version = context.maximum_version = version

    def run(stage, n):
        for _ in range(n):
            with context.wrap_socket(connect(stage, "tls")) as made:
                made.settimeout(LIMIT)
        return n
    return run


def resumed(stage, n):
    """The client brings the session of a handshake before, if it got one."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with context.wrap_socket(connect(stage, "tls")) as first:
        session = first.session
    for _ in range(n):
        with context.wrap_socket(connect(stage, "tls"), session=session):
            pass
    return n


def aborted(listener):
    """Goes when the server's flight has come."""
    def run(stage, n):
        hello = tls_files.first_flight()
        for _ in range(n):
            with connect(stage, listener) as made:
                made.sendall(hello)
                made.recv(1 << 16)
        return n
    return run


# ---- HTTP ----

def request(method, target, body=None, close=True, **headers):
    lines = {"Host": "x", **({"Connection": "close"} if close else {}), **{name.replace("_", "-"): value for name, value in headers.items()}}
    if body is not None:
        lines["Content-Length"] = len(body)
    return (f"{method} {target} HTTP/1.1\r\n" + "".join(f"{n}: {v}\r\n" for n, v in lines.items()) + "\r\n").encode() + (body or b"")


def http(method, target, **headers):
    return ask(request(method, target, **headers), "web")


def head_bytes(stage, n):
    filler = {f"X-{i}": "y" * 100 for i in range(60)}
    one = request("GET", "/nothing", **filler)
    http("GET", "/nothing", **filler)(stage, n)
    return n * len(one)


def post_bytes(stage, n):
    """Each body is as large as one may be before the log-in, and is refused for what it says."""
    size = 0
    for _ in range(n):
        whole = request("POST", f"{ENGINE}?EIO=4&transport=polling&sid={open_engine(stage)}", b"x" * 60_000)
        with connect(stage, "web") as made:
            made.sendall(whole)
            read_to_end(made)
        size += len(whole)
    return size


def exchange(connection, data):
    """One request on a connection that stays; its answer's body."""
    connection.sendall(data)
    got = b""
    while b"\r\n\r\n" not in got:
        more = connection.recv(1 << 16)
        if not more:
            raise OSError("the connection ended")
        got += more
    head, body = got.split(b"\r\n\r\n", 1)
    size = next((int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")), 0)
    while len(body) < size:
        body += connection.recv(1 << 16)
    return body


def open_engine(stage):
    with connect(stage, "web") as made:
        return json.loads(exchange(made, request("GET", f"{ENGINE}?EIO=4&transport=polling"))[1:])["sid"]


def engine_opens(stage, n):
    for _ in range(n):
        open_engine(stage)
    return n


def polled(packet):
    """Packets in a session that is open, each in a POST, and their answers polled."""
    def run(stage, n):
        with connect(stage, "web") as made:
            target = f"{ENGINE}?EIO=4&transport=polling"
            sid = json.loads(exchange(made, request("GET", target, close=False))[1:])["sid"]
            target += f"&sid={sid}"
            exchange(made, request("POST", target, b"40", close=False))
            exchange(made, request("GET", target, close=False))
            for _ in range(n):
                exchange(made, request("POST", target, packet, close=False))
                exchange(made, request("GET", target, close=False))
            exchange(made, request("POST", target, b"1", close=False))
        return n
    return run


# ---- WebSocket ----

def upgraded(stage, path="/", **headers):
    made = connect(stage, "web")
    made.sendall(ws.request(path, **headers))
    head = b""
    while b"\r\n\r\n" not in head:
        head += made.recv(4096)
    if b" 101 " not in head:
        raise OSError(f"no WebSocket: {head!r}")
    return made


def upgrades(stage, n):
    for _ in range(n):
        upgraded(stage).close()
    return n


def flow(connection, data, n):
    """Sends it n times while what comes is read and dropped; ends when a mark has come back."""
    connection.setblocking(True)
    connection.settimeout(LIMIT)
    for _ in range(n):
        connection.sendall(data)
        connection.setblocking(False)
        try:
            while connection.recv(1 << 18):
                pass
        except BlockingIOError:
            pass
        connection.settimeout(LIMIT)
    finish(connection)
    connection.close()
    return n * len(data)


def before(data):
    """Bytes of a WebSocket on which nobody has logged in."""
    return lambda stage, n: flow(upgraded(stage), data, n)


def websocket_after(data, path="/", **headers):
    def run(stage, n):
        made = upgraded(stage, path, **headers)
        made.sendall(ws.frame(ws.TEXT, b'{"payload":{"type":"dummy"}}'))
        return flow(made, data, n)
    return run


def deflated(text):
    packer = zlib.compressobj(wbits=-15)
    packed = packer.compress(text) + packer.flush(zlib.Z_SYNC_FLUSH)
    return ws.frame(ws.TEXT, packed[:-4], reserved=4)


def inflated_bytes(text):
    """Per byte of what comes out of it."""
    data = deflated(text)

    def run(stage, n):
        made = upgraded(stage, "/deflate", Sec_WebSocket_Extensions="permessage-deflate; client_no_context_takeover; server_no_context_takeover")
        made.sendall(ws.frame(ws.TEXT, b'{"payload":{"type":"dummy"}}'))
        flow(made, data, n)
        return n * len(text)
    return run


def half_messages(stage, n):
    piece = ws.frame(ws.TEXT, b"{" * 60_000, is_final=False)
    for _ in range(n):
        with upgraded(stage) as made:
            made.sendall(piece)
    return n * len(piece)


# ---- the client protocol ----

def big_logins(body):
    """Frames as large as they may be before the log-in; each ends its connection."""
    def run(stage, n):
        data = frames.encode(body)
        for _ in range(n):
            with connect(stage, "tcp") as made:
                made.sendall(data)
                finish(made)
        return n * len(data)
    return run


def after(body, listener="open"):
    """Bytes of frames of a client that has logged in."""
    data = frames.encode(body)
    data *= max(1, 60_000 // len(data))

    def run(stage, n):
        made = connect(stage, listener)
        made.sendall(frames.encode({"payload": {"type": "dummy"}}))
        return flow(made, data, n)
    return run


def messages(body):
    """The same, counted by message."""
    size = len(frames.encode(body))
    run_bytes = after(body)
    return lambda stage, n: run_bytes(stage, n) // size


# ---- servers and handlers ----

def stranger_links(stage, n):
    """A handshake without a certificate."""
    for _ in range(n):
        with connect(stage, "peers") as plain:
            try:
                with link_peer.tls().wrap_socket(plain) as made:
                    made.sendall(frames.encode(b"\x01{}"))
                    read_to_end(made)
            except OSError:
                pass
    return n


def other_links(stage, n):
    """A handshake with a good certificate of a server that is not in the config."""
    context = link_peer.tls(stage.authority.files("mallory"))
    for _ in range(n):
        with connect(stage, "peers") as plain:
            try:
                with context.wrap_socket(plain) as made:
                    made.sendall(frames.encode(b'\x01{"server":"mallory"}'))
                    read_to_end(made)
            except OSError:
                pass
    return n


def handler_hellos(stage, n):
    data = frames.encode({"kind": "hello", "protocol": 1, "handler": "nobody"})
    for _ in range(n):
        with socket.socket(socket.AF_UNIX) as made:
            made.settimeout(LIMIT)
            made.connect(stage.handler_socket)
            made.sendall(data)
            read_to_end(made)
    return n


# ---- many at once ----

def mass_disconnect(stage, n):
    """Sessions of five groups each, with a handler that hears of all of it, leave at once. Only their leaving is counted."""
    made = []
    for _ in range(n):
        each = clients.Client(("127.0.0.1", stage.port("open")))
        each.log_in_anonymously()
        each.ask("groups", {"do": [{"command": "join", "group": f"g{i}"} for i in range(5)] + [{"command": "reply", "data": 1}]})
        made.append(each)
    before_it = stage.cpu_seconds()
    for each in made:
        each.close()
    stage.until_idle()
    return n, stage.cpu_seconds() - before_it


deep = '{"payload":{"type":"x","data":' + "[" * 200 + "]" * 200 + "}}"
text_60k = b'{"payload":{"type":"nobody","data":"' + b"a" * 60_000 + b'"}}'
escapes_60k = b'{"payload":{"type":"nobody","data":"' + b"\\u00e4" * 10_000 + b'"}}'
bad_user = login(username="nobody", password="a wrong password")
bad_password = login(username="tina", password="a wrong password")

ROWS = [
    ("TCP connection, closed at once", "connection", True, send(b""), 4000),
    ("half a frame", "connection", True, send(struct.pack("<I", 900) + b'{"payload"'), 4000),
    ("garbage instead of a frame", "connection", True, ask(b"\xff" * 100), 4000),
    ("frame that is no JSON", "connection", True, ask(frames.encode(b"{not json")), 4000),
    ("log-in of an unknown user", "connection", True, ask(bad_user), 30, True),
    ("log-in with a wrong password", "connection", True, ask(bad_password), 30, True),
    ("log-in with a good token", "connection", True, log_in_with_token(lambda stage: tokens.token("tina", iss="bench")), 2000),
    ("log-in with a bad token", "connection", True, log_in_with_token(lambda stage: tokens.token("tina", secret="x" * 40, iss="bench")), 1000),
    ("anonymous log-in", "connection", True, ask(frames.encode({"payload": {"type": "dummy"}}), "open"), 3000),
    ("TLS handshake, X25519", "connection", True, handshake(), 500),
    ("TLS handshake, P-256", "connection", True, handshake("prime256v1"), 500),
    ("TLS handshake, P-384", "connection", True, handshake("secp384r1"), 300),
    ("TLS 1.2 handshake", "connection", True, handshake(version=ssl.TLSVersion.TLSv1_2), 500),
    ("TLS 1.2 handshake of a client that wants to resume", "connection", True, resumed, 500),
    ("TLS handshake, aborted after the server's flight", "connection", True, aborted("tls"), 500),
    ("TLS: half a ClientHello", "connection", True, lambda stage, n: send(tls_files.first_flight()[:100], "tls")(stage, n), 2000),
    ("HTTP: 404", "connection", True, http("GET", "/nothing"), 3000),
    ("HTTP: OPTIONS", "connection", True, http("OPTIONS", ENGINE, Origin="http://x"), 3000),
    ("HTTP: HEAD of a file", "connection", True, http("HEAD", "/small.bin"), 3000),
    ("HTTP: a file of 4 KiB", "connection", True, http("GET", "/small.bin"), 2000),
    ("HTTP: a file of 4 MiB", "connection", True, http("GET", "/big.bin"), 100),
    ("HTTP: bytes of heads", "byte", True, head_bytes, 2000),
    ("HTTP: bytes of bodies (Engine.IO)", "byte", True, post_bytes, 500),
    ("WebSocket: opening handshake", "connection", True, upgrades, 2000),
    ("WebSocket: bytes of pings", "byte", True, before(ws.frame(ws.PING, b"x" * 125) * 400), 200),
    ("WebSocket: bytes of empty pings", "byte", True, before(ws.frame(ws.PING) * 4000), 100),
    ("WebSocket: bytes of half messages", "byte", True, half_messages, 500),
    ("Engine.IO: opening", "connection", True, engine_opens, 2000),
    ("frame as large as it may be before the log-in, bytes", "byte", True, big_logins(b'{"header":{"x":"' + b"a" * 60_000 + b'"}}'), 500),
    ("the same, all escapes", "byte", True, big_logins(b'{"header":{"x":"' + b"\\u00e4" * 10_000 + b'"}}'), 500),
    ("the same, deep", "byte", True, big_logins(b"[" * 60_000), 500),
    ("the same, many members", "byte", True, big_logins(b'{"header":{' + b",".join(b'"a%d":1' % i for i in range(5000)) + b"}}"), 500),
    ("link: handshake without a certificate", "connection", True, stranger_links, 300),
    ("link: handshake aborted after the server's flight", "connection", True, aborted("peers"), 300),
    ("link: handshake of a server that is not in the config", "connection", True, other_links, 300),
    ("handlers' socket: hello of a stranger", "connection", True, handler_hellos, 1000),
    ("WebSocket: bytes of messages", "byte", False, websocket_after(ws.frame(ws.TEXT, text_60k)), 500),
    ("WebSocket: bytes of masked messages", "byte", False, websocket_after(
        ws.header(ws.TEXT, len(text_60k), mask=b"abcd") + bytes(c ^ b"abcd"[i % 4] for i, c in enumerate(text_60k))), 500),
    ("WebSocket: bytes of fragments of one byte", "byte", False, websocket_after(
        ws.frame(ws.TEXT, b"{", is_final=False) + ws.frame(0, b" ", is_final=False) * 8000 + ws.frame(0, b"}")), 50),
    ("WebSocket: bytes, as inflated", "byte", False, inflated_bytes(text_60k), 500),
    ("Engine.IO: event by POST, its answer polled", "exchange", False, polled(b'420["hello",1]'), 2000),
    ("frames' bytes, to no handler", "byte", False, after(text_60k), 1000),
    ("the same, all escapes", "byte", False, after(escapes_60k), 1000),
    ("the same, deep", "byte", False, after(deep.encode()), 500),
    ("frames' bytes, no JSON", "byte", False, after(b"{not json" + b"x" * 1000), 500),
    ("message of a type that nobody serves", "message", False, messages({"payload": {"type": "nobody", "id": "1"}}), 200),
    ("message `dummy`", "message", False, messages({"payload": {"type": "dummy", "id": "1"}}), 200),
    ("message to a handler and its answer", "message", False, messages({"payload": {"type": "echo", "data": 1, "id": "1"}}), 50),
    ("end of a session with five groups, 250 at once", "session", False, mass_disconnect, 250),
    ("the same, 2,000 at once", "session", False, mass_disconnect, 2000),
]
