"""More rows for costs.py: log-ins with tokens and certificates, what proxies say, attachments and deflated deliveries, and what
handlers, other servers and administrators may send."""
import itertools
import json
import os
import socket
import ssl
import struct
import time

from attacked_broker import ENGINE   # first: it says where the others are
import cost_rows as rows
import frames
import link_peer
import websocket_stream as ws
from cost_rows import LIMIT, connect, read_to_end
from eventually import eventually

# ---- log-ins ----


def signed(algorithm, is_forged=False):
    """Log-ins with tokens of this algorithm, some of them made before and used again and again."""
    made = {}

    def token(stage):
        key = stage.pid, len(made) % 5
        if key not in made:
            made[key] = stage.signers[algorithm].token("tina", is_forged=is_forged, iss=algorithm)
        return made[key]
    return rows.log_in_with_token(token)


def certified(shown):
    """A handshake in which the client shows a certificate, and a log-in with it. `shown`: files of the stage."""
    def run(stage, n):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.load_cert_chain(*shown(stage))
        for _ in range(n):
            with connect(stage, "certified") as plain:
                try:
                    with context.wrap_socket(plain) as made:
                        made.sendall(frames.encode({"payload": {"type": "dummy"}}))
                        made.recv(1 << 16)
                except OSError:
                    pass   # a certificate that is not taken ends the handshake
        return n
    return run


def leave_at_once(stage, n):
    """Sessions with tokens, whose ends are looked for. Only their leaving is counted."""
    logins = [rows.login(token=rows.tokens.token(f"user{i}", iss="bench")) for i in range(100)]
    kept = []
    for i in range(n):
        kept.append(connect(stage, "tcp"))
        kept[-1].sendall(logins[i % len(logins)])
    for each in kept:
        each.recv(4096)
    before = stage.cpu_seconds()
    for each in kept:
        each.close()
    stage.until_idle()
    return n, stage.cpu_seconds() - before


def own_certificate(stage):
    return stage.client_authority.issue("tina", "client")


def foreign_certificate(stage):
    files = stage.authority.files("mallory")
    return files["certificate"], files["key"]


# ---- proxies ----

V2 = b"\r\n\r\n\0\r\nQUIT\n"
anonymous = frames.encode({"payload": {"type": "dummy"}})


def version_2(more):
    """Addresses over IPv4, and so many bytes behind them."""
    return V2 + struct.pack(">BBH", 0x21, 0x11, 12 + len(more)) + bytes([203, 0, 113, 9, 10, 0, 0, 1, 0x13, 0x88, 1, 0xbb]) + more


def forwarded(addresses):
    head = ws.request("/", X_Forwarded_For=", ".join(addresses))

    def run(stage, n):
        for _ in range(n):
            with connect(stage, "forwarded") as made:
                made.sendall(head)
                made.recv(4096)
        return n * len(head)
    return run


many_addresses = [f"10.{i // 250}.{i % 250}.1" for i in range(500)]


# ---- what comes back ----

def echoed(path, **headers):
    """Bytes of deliveries that a handler makes of them; each is asked for when the one before has come."""
    asked = ws.frame(ws.TEXT, b'{"payload":{"type":"echo","data":"' + bytes(97 + i * i % 23 for i in range(50_000)) + b'"}}')

    def run(stage, n):
        made = rows.upgraded(stage, path, **headers)
        made.sendall(ws.frame(ws.TEXT, b'{"payload":{"type":"dummy"}}'))
        decoder = ws.Frames()
        for _ in range(n):
            made.sendall(asked)
            came = []
            while not any(len(payload) > 200 for _, payload in came):
                came = decoder.feed(made.recv(1 << 18))
        made.close()
        return n * 50_000
    return run


def attachments(count, size):
    """Events with so many attachments of so many bytes each, to a handler that sends them back; its acknowledgement is awaited."""
    names = b",".join(b'{"_placeholder":true,"num":%d}' % i for i in range(count))
    event = ws.frame(ws.TEXT, b"45%d-1" % count + b'["echo",' + names + b"]") + ws.frame(2, os.urandom(size)) * count

    def run(stage, n):
        made = rows.upgraded(stage, f"{ENGINE}?EIO=4&transport=websocket")
        made.sendall(ws.frame(ws.TEXT, b"40"))
        decoder = ws.Frames()
        for _ in range(n):
            made.sendall(event)
            is_answered = False
            while not is_answered:
                data = made.recv(1 << 18)
                if not data:
                    raise OSError("the connection ended")
                is_answered = any(payload.startswith((b"43", b"46")) for _, payload in decoder.feed(data))
        made.close()
        return n * len(event) if size > 1 else n
    return run


# ---- handlers ----

def attached(stage):
    """A channel of the entry that handlers attach to by hand; the one before may not have left yet."""
    def opened():
        made = socket.socket(socket.AF_UNIX)
        made.settimeout(LIMIT)
        made.connect(stage.handler_socket)
        made.sendall(frames.encode({"kind": "hello", "protocol": 1, "handler": "bare"}))
        said, rest = frames.Decoder(), []
        while not rest:
            data = made.recv(1 << 16)
            if not data:
                made.close()
                return None
            rest = said.feed(data)
        if json.loads(rest[0])["kind"] == "welcome":
            return made
        made.close()
        return None
    return eventually(opened, LIMIT, "the handler is welcome")


def of_handler(body, by_frame=False):
    """Bytes of frames of a handler, or frames."""
    one = frames.encode(body)
    count = max(1, 60_000 // len(one))

    def run(stage, n):
        rows.flow(attached(stage), one * count, n)
        return n * count * (1 if by_frame else len(one))
    return run


def not_understood(stage, n):
    for _ in range(n):
        with attached(stage) as made:
            made.sendall(frames.encode(b"{no JSON"))
            read_to_end(made)
    return n


def push(*commands):
    return {"kind": "push", "commands": list(commands)}


text_50k = "x" * 50_000
to_nobody = {"command": "sendClients", "users": ["nobody"], "type": "t", "data": 1}


def hello_bytes(stage, n):
    """Hellos as large as one may be, which are refused."""
    data = frames.encode({"kind": "hello", "protocol": 1, "handler": "nobody", "token": "x" * 3_000})
    for _ in range(n):
        with socket.socket(socket.AF_UNIX) as made:
            made.settimeout(LIMIT)
            made.connect(stage.handler_socket)
            made.sendall(data)
            read_to_end(made)
    return n * len(data)


# ---- other servers ----

def linked(stage):
    return link_peer.dial(stage.port("peers"), "friend", stage.authority.files("friend"), "home", features=["discovery"])


def links_of_second(stage, n):
    """Made and ended, of another server; what they cost."""
    before = stage.cpu_seconds()
    for _ in range(n):
        with link_peer.dial(stage.port("peers"), "second", stage.authority.files("second"), "home", features=["discovery"]) as link:
            link.begin_flow()
    return n, stage.cpu_seconds() - before


def links_among_servers(stage, n):
    """While 500 other servers are known."""
    with linked(stage) as link:
        for i in range(500):
            link.send(link_peer.advert(f"other{i:03}", int(time.time() * 1000), ["friend"]))
        link.send(struct.pack("<BQ", link_peer.PING, 1))
        link.receive(link_peer.PONG, limit=LIMIT)
        eventually(lambda: len(stage.broker.status()["peering"]["peers"]) >= 500, LIMIT, "they are known")
        link.inbox.clear()
        return links_of_second(stage, n)


def links_among_sessions(stage, n):
    """While 2,000 sessions are connected."""
    kept = []
    for _ in range(2000):
        kept.append(connect(stage, "open"))
        kept[-1].sendall(anonymous)
        kept[-1].recv(4096)
    try:
        return links_of_second(stage, n)
    finally:
        for each in kept:
            each.close()


def of_server(make, by_frame=False):
    """Bytes of frames of a server with a link, or frames. `make(link, number)`: the body of one of them. Ends when the broker
    has answered a ping that came behind them; what the link costs does not count."""
    def run(stage, n):
        with linked(stage) as link:
            link.begin_flow()
            number = itertools.count(1)
            size = 0
            before = stage.cpu_seconds()
            for _ in range(n):
                data = b"".join(frames.encode(make(link, next(number))) for _ in range(100))
                size += len(data)
                link.send_bytes(data)
                link.send(struct.pack("<BQ", link_peer.PING, 1))
                link.receive(link_peer.PONG, limit=LIMIT)
                link.inbox.clear()
            seconds = stage.cpu_seconds() - before
        return n * 100 if by_frame else size, seconds
    return run


def message(make):
    """Frames of a flow, each one new; `make(number)`: the message."""
    return lambda link, number: link_peer.flow_frame(link_peer.MESSAGE, link.name, link.other, link.flow, number, make(number))


def same(body):
    return lambda link, number: link_peer.flow_frame(link_peer.MESSAGE, link.name, link.other, link.flow, 1, body)


def acknowledgement(link, number):
    return link_peer.flow_frame(link_peer.ACKNOWLEDGEMENT, link.other, link.name, 7, number, b"\0")


def advert(link, number):
    return link_peer.advert("friend", int(time.time() * 1000) + number, [f"neighbour{i}" for i in range(50)], ["127.0.0.1:1"])


def summary(link, number):
    return link_peer.summary(**{f"server{i}": number for i in range(50)})


# ---- administrators ----

def asked(request):
    """A connection to the control socket with one request, answered."""
    data = frames.encode(request)

    def run(stage, n):
        for _ in range(n):
            with socket.socket(socket.AF_UNIX) as made:
                made.settimeout(LIMIT)
                made.connect(stage.broker.control_path)
                made.sendall(data)
                made.recv(1 << 20)
        return n
    return run


ROWS = [
    *[row for algorithm in ("RS256", "ES256", "EdDSA") for row in (
        (f"log-in with a good token, {algorithm}", "connection", True, signed(algorithm), 1000),
        (f"log-in with a forged token, {algorithm}", "connection", True, signed(algorithm, is_forged=True), 1000))],
    ("end of a session with a token, 250 at once", "session", False, leave_at_once, 250),
    ("the same, 8,000 at once", "session", False, leave_at_once, 8000),
    ("TLS handshake and log-in with a client's certificate", "connection", True, certified(own_certificate), 300),
    ("TLS handshake with the certificate of a foreign authority", "connection", True, certified(foreign_certificate), 300),
    ("PROXY header, version 1, and an anonymous log-in", "connection", True,
     rows.ask(b"PROXY TCP4 203.0.113.9 10.0.0.1 5000 443\r\n" + anonymous, "proxied"), 2000),
    ("PROXY header, version 2, as large as it may be, and the same", "connection", True,
     rows.ask(version_2(b"\x04\x01\xf1" + b"x" * 497) + anonymous, "proxied"), 2000),
    ("PROXY header that is none", "connection", True, rows.ask(b"PROXY TCP4 x y 1 2\r\n", "proxied"), 2000),
    ("HTTP: bytes of X-Forwarded-For with 500 addresses, and a WebSocket", "byte", True, forwarded(many_addresses), 1000),
    ("handlers' socket: bytes of hellos of strangers", "byte", True, hello_bytes, 1000),
    ("WebSocket: bytes of deliveries that a handler sends", "byte", False, echoed("/"), 500),
    ("the same, deflated", "byte", False,
     echoed("/deflate", Sec_WebSocket_Extensions="permessage-deflate; client_no_context_takeover; server_no_context_takeover"), 500),
    ("Socket.IO: bytes of attachments of 50,000, to a handler and back", "byte", False, attachments(1, 50_000), 300),
    ("Socket.IO: event with 64 attachments of one byte, to a handler and back", "event", False, attachments(64, 1), 300),
    ("handler: answer to no message", "frame", False, of_handler({"kind": "answer", "id": 5, "commands": []}, True), 200),
    ("handler: push to a user who is not there", "frame", False, of_handler(push(to_nobody), True), 100),
    ("handler: bytes of a push with much data", "byte", False, of_handler(push({**to_nobody, "data": text_50k})), 500),
    ("the same, all escapes", "byte", False, of_handler(push({**to_nobody, "data": "ä" * 8_000})), 500),
    ("handler: bytes of a push of 500 commands", "byte", False, of_handler(push(*[to_nobody] * 500)), 100),
    ("handler: bytes of commands that are refused", "byte", False, of_handler(push(*[{"command": "x"}] * 500)), 50),
    ("handler: bytes of a push to 1,000 users who are not there", "byte", False,
     of_handler(push({**to_nobody, "users": [f"user{i}" for i in range(1000)]})), 100),
    ("handler: query", "frame", False, of_handler({"kind": "query", "id": 1, "query": "isClient", "user": "nobody"}, True), 100),
    ("handler: hello, and a frame that is not understood", "connection", False, not_understood, 100),
    ("control socket: status", "connection", False, asked({"request": "status"}), 500),
    ("control socket: request that is unknown", "connection", False, asked({"request": "x"}), 1000),
    ("control socket: no JSON", "connection", False, asked(b"{not json"), 1000),
    ("control socket: reload that changes nothing", "connection", False, asked({"request": "reload"}), 20),
    ("link: made and ended", "connection", False, links_of_second, 100),
    ("the same, while 500 other servers are known", "connection", False, links_among_servers, 100),
    ("the same, while 2,000 sessions are connected", "connection", False, links_among_sessions, 100),
    ("link: bytes of pings", "byte", False, of_server(lambda link, number: struct.pack("<BQ", link_peer.PING, number)), 100),
    ("link: message to a user who is not there", "frame", False, of_server(message(lambda n: link_peer.deliver("t", ["nobody"], 1, n)), True), 50),
    ("link: bytes of messages to a user who is not there", "byte", False, of_server(message(lambda n: link_peer.deliver("t", ["nobody"], text_50k))), 10),
    ("link: message to a handler, and its result", "frame", False, of_server(message(lambda n: link_peer.submit("echo", "eve", 1, n)), True), 30),
    ("link: message to a handler that is not there", "frame", False, of_server(message(lambda n: link_peer.submit("x", "eve", 1, n)), True), 50),
    ("link: message that came before", "frame", False, of_server(same(link_peer.deliver("t", ["nobody"], 1)), True), 50),
    ("link: reply or result of what was not asked", "frame", False, of_server(message(lambda n: link_peer.result(n)), True), 50),
    ("link: acknowledgement of what was not sent", "frame", False, of_server(acknowledgement, True), 50),
    ("link: bytes of adverts with 50 links, each news", "byte", False, of_server(advert), 10),
    ("link: bytes of summaries of 50 servers", "byte", False, of_server(summary), 10),
]
