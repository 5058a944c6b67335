"""proto-docs/websocket.md: what is particular to WebSocket. The client protocol itself runs over it in all the other files."""
import asyncio
import json
import socket
import struct

import pytest
import websockets

import broker as brokers
import eventually as waiting
import frames
import websocket_stream as ws
from broker import python_handler
from client import Closed, connect, login_frame
from eventually import eventually

def short(value):
    """Names of tests are no place for frames."""
    return f"{len(value)} bytes" if isinstance(value, bytes) else None


PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    top = tmp_path_factory.mktemp("files")
    site = top / "site"
    (site / "docs" / "a b").mkdir(parents=True)
    (site / "index.html").write_text("<!doctype html><title>hello</title>")
    (site / "app.js").write_text("export const x = 1;\n")
    (site / "picture.PNG").write_bytes(PNG)
    (site / "docs" / "index.html").write_text("docs")
    (site / "docs" / "a b" / "ü.txt").write_text("umlaut")
    (site / "empty.css").write_text("")
    (site / ".secret").write_text("secret")
    (site / "inside").symlink_to("app.js")
    (top / "outside.txt").write_text("outside")
    (site / "link.txt").symlink_to(top / "outside.txt")
    (site / "up.txt").symlink_to("../outside.txt")
    return site


@pytest.fixture(scope="module")
def shared(make_broker, folder):
    listeners = [
        {"name": "v4", "address": "127.0.0.1:0"},
        {"name": "web", "transport": "websocket", "address": "127.0.0.1:0", "files": str(folder), "authentication": ["accounts", "anonymous"],
         "paths": {"/": {}, "/open": {"origins": ["*"], "subprotocols": ["bester", "other"], "authentication": ["anonymous"]},
                   "/json": {"type": "echo", "origins": ["https://*.example.org"], "authentication": ["anonymous"]},
                   "/text": {"type": "echo", "frames": "text", "authentication": ["anonymous"]},
                   "/deflated": {"type": "echo", "compression": True, "authentication": ["anonymous"]},
                   "/accounts": {"type": "echo", "authentication": ["accounts"]},
                   "/nobody": {"type": "unserved", "authentication": ["anonymous"]}}},
        {"name": "wss", "transport": "websocket", "address": "127.0.0.1:0", "tls": {
            "certificate": brokers.tls_files.usual()[1], "key": brokers.tls_files.usual()[2]},
         "paths": {"/json": {"type": "echo", "authentication": ["anonymous"]}}},
    ]
    handlers = {"echo": python_handler("--events", "clients")}
    with make_broker(handlers=handlers, listeners=listeners, limits={"message_size": "64KiB"}) as running:
        yield running


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


# ---- bound paths ----

def test_on_a_bound_path_each_frame_is_data(broker):
    raw = Raw(broker, open="/json")
    for data in ({"a": [1, None]}, 7, "ü", 12345678901234567890123, []):
        raw.send(text(data))
        kind, payload = raw.next()
        assert kind == 0x81 and json.loads(payload) == data
    raw.send(text({"act": "exact", "text": '{"exact" : 1.50}'}))
    assert raw.next() == (0x81, b'{"exact" : 1.50}')


def test_on_a_bound_path_of_texts_the_handler_gets_and_gives_strings(broker):
    raw = Raw(broker, open="/text")
    for data in ("plain", 'not "JSON" \\ {', "", "ü\u2028\x01\n", "7"):
        raw.send(text(data.encode()))
        assert raw.next() == (0x81, data.encode())
    control = broker.client("tina")
    seen = control.ask("echo", {"act": "seen"})
    assert [d for d in seen if isinstance(d, str)][-5:] == ["plain", 'not "JSON" \\ {', "", "ü\u2028\x01\n", "7"]


def test_deliveries_of_groups_and_pushes_reach_bound_paths_too(broker):
    raws = [Raw(broker, open=path) for path in ("/json", "/text", "/deflated", "/json")]
    c = broker.client("tina", "web")
    eventually(lambda: broker.status()["sessions"] == 5)
    c.send("echo", {"do": [{"command": "sendClients", "users": ["*"], "type": "news", "data": "to all"}]}, "n")
    assert c.good("n")["payload"]["delivered"] == 5
    assert c.data("news") == "to all"
    assert [raw.next()[1] for raw in raws] == [b'"to all"', b"to all", b'"to all"', b'"to all"']
    long = {"text": "x" * 5000}
    c.send("echo", {"do": [{"command": "sendClients", "users": ["*"], "type": "news", "data": long}]}, "l")
    assert c.data("news") == long
    for raw in (raws[0], raws[1], raws[3]):
        assert json.loads(raw.next()[1]) == long


def test_a_handler_hears_of_path_and_query(broker):
    control = broker.client("tina")
    raw = Raw(broker, open="/json?nogreet=1&x=%20")
    plain = Raw(broker, open="/text")

    def events():
        return [e for _, e in control.ask("echo", {"act": "records", "kinds": ["event"]}) if e["event"] == "connected"]
    found = eventually(lambda: [e for e in events() if e.get("query")])
    assert [(e["path"], e["query"]) for e in found] == [("/json", "nogreet=1&x=%20")]
    assert any(e.get("path") == "/text" and "query" not in e for e in events())
    session = found[0]["session"]
    control.send("echo", {"do": [{"command": "sendClients", "sessions": [session], "data": "you"}]}, "s")
    assert control.good("s")["payload"]["delivered"] == 1
    assert raw.next() == (0x81, b'"you"')
    assert [e for e in events() if e["session"] != session and "path" not in e], "TCP sessions have none"
    plain.close()


def test_on_a_bound_path_errors_close_with_a_code_and_its_name(broker):
    raw = Raw(broker, open="/json")
    raw.send(text(b"{no json"))
    raw.expect_close(1007, "bad_message")
    raw = Raw(broker, open="/nobody")
    raw.send(text(1))
    raw.expect_close(1008, "no_handler")
    raw = Raw(broker, open="/json")
    raw.send(text({"act": "refuse", "error": {"code": "too_late", "reason": "x"}}))
    raw.expect_close(1008, "too_late")
    raw = Raw(broker, open="/json")
    raw.send(text({"act": "refuse", "error": {"code": "come_again", "reason": "x", "temporary": True}}))
    raw.expect_close(1013, "come_again")
    raw = Raw(broker, open="/json")
    raw.send(text({"do": [{"command": "disconnect", "users": [json.loads(text_of_envelope(raw))["frame"]["from"]["user"]], "reason": "bye"}]}))
    raw.expect_close(1000, "disconnected")


def text_of_envelope(raw):
    raw.send(text({"act": "envelope"}))
    return raw.next()[1].decode()


def test_on_a_bound_path_the_request_says_who_one_is(broker):
    import base64
    def basic(user, password):
        return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
    raw = Raw(broker, open="/accounts", Authorization=basic("tina", brokers.clients.password_of("tina")))
    assert json.loads(text_of_envelope(raw))["frame"]["from"]["user"] == "tina"
    Raw(broker, open="/accounts", Authorization=basic("tina", "wrong")).expect_close(1008, "authentication_failed")
    Raw(broker, open="/accounts").expect_close(1008, "authentication_required")
    Raw(broker, open="/accounts", Authorization="Bearer x.y.z").expect_close(1008, "authentication_unsupported")


# ---- real clients ----

def test_a_client_of_another_make_speaks_to_all_paths(broker):
    host, port = broker.addresses["web"]

    async def talk():
        at = f"ws://{host}:{port}"
        async with websockets.connect(at + "/json", compression=None) as client:
            await client.send('{"n":1}')
            assert json.loads(await client.recv()) == {"n": 1}
            pong = await client.ping()
            await asyncio.wait_for(pong, 10 * waiting.slowness)
        assert client.close_code == 1000
        async with websockets.connect(at + "/deflated") as client:
            assert [e.name for e in client.extensions] == ["permessage-deflate"]
            for size in (0, 1, 127, 1000, 60_000):
                await client.send(json.dumps("x" * size))
                assert json.loads(await client.recv()) == "x" * size
        async with websockets.connect(at + "/json") as client:
            assert client.extensions == []
            await client.send(iter(["[1,", " 2", "]"]))   # fragments
            assert json.loads(await client.recv()) == [1, 2]
        async with websockets.connect(at + "/open", subprotocols=["unknown", "other", "bester"]) as client:
            assert client.subprotocol == "other"
            await client.send(json.dumps({"payload": {"type": "dummy", "id": "p"}}))
            assert json.loads(await client.recv())["payload"]["id"] == "auth_special"
            assert json.loads(await client.recv())["payload"] == {"id": "p"}
    asyncio.run(talk())


def test_it_is_spoken_within_tls(broker):
    raw = Raw(broker, "wss", open="/json")
    raw.send(text({"secret": True}))
    assert json.loads(raw.next()[1]) == {"secret": True}
    raw.send(ws.frame(ws.CLOSE, struct.pack(">H", 1000)))
    raw.expect_close(1000)


# ---- the opening handshake ----

def status_of(broker, data):
    raw = Raw(broker)
    raw.send(data)
    answer = raw.read_to_end().decode()
    return int(answer.split()[1]), answer


@pytest.mark.parametrize("path, headers, status", [
    ("/missing", {}, 404),
    ("/json?x", {"Sec_WebSocket_Version": "8"}, 426),
    ("/json", {"Sec_WebSocket_Key": None}, 400),
    ("/json", {"Sec_WebSocket_Key": "short"}, 400),
    ("/json", {"Connection": "close"}, 400),
    ("/json", {"Origin": "https://evil.net"}, 403),
    ("/json", {"Origin": "https://example.org"}, 403),
    ("/", {"Origin": "http://elsewhere"}, 403),
    ("/open", {"Sec_WebSocket_Protocol": "a, a"}, 400),
    ("/../json", {}, 400),
    ("/json", {"Content_Length": "5"}, 413),
])
def test_handshakes_are_refused_with_their_status(broker, path, headers, status):
    found, answer = status_of(broker, ws.request(path, **headers))
    assert found == status and "\r\nConnection: " in answer and answer.split("\r\n\r\n", 1)[1].startswith(str(status))
    if status == 426:
        assert "\r\nSec-WebSocket-Version: 13\r\n" in answer


def test_origins_that_are_allowed_open(broker):
    for path, headers in (("/json", {"Origin": "https://a.example.org"}), ("/open", {"Origin": "null"}),
                          ("/text", {"Origin": "http://localhost:80", "host": "localhost:80"}), ("/text", {})):
        Raw(broker, open=path, **headers).close()


@pytest.mark.parametrize("data, status", [
    (b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /x HTTP/1.1\r\n\r\n", 501),
    (b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nContent-Length: 5\r\n\r\nhello", 400),
    (b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length : 5\r\n\r\nhello", 400),
    (b"GET / HTTP/1.1\nHost: a\n\n", 400),
    (b"GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n folded\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\n\r\n", 400),
    (b"POST / HTTP/1.1\r\nHost: a\r\n\r\n", 405),
    (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    (b"GET /" + b"x" * 9000, 414),
    (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 9000, 431),
    (b"GET / HTTP/1.1\r\nHost: a\r\n" + b"A: b\r\n" * 70 + b"\r\n", 431),
    (frames.encode(login_frame("tina")), 400),
    (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
], ids=short)
def test_requests_that_others_could_read_otherwise_are_refused(broker, data, status):
    assert status_of(broker, data)[0] == status


def test_a_message_may_come_with_the_handshake(broker):
    raw = Raw(broker)
    raw.send(ws.request("/json") + text([1]) + text([2]))
    assert raw.read_head().startswith("HTTP/1.1 101")
    assert [raw.next()[1], raw.next()[1]] == [b"[1]", b"[2]"]


def test_a_byte_at_a_time(broker):
    raw = Raw(broker)
    for byte in ws.request("/json") + text({"slow": 1}):
        raw.send(bytes([byte]))
    assert raw.read_head().startswith("HTTP/1.1 101")
    assert json.loads(raw.next()[1]) == {"slow": 1}


def test_a_handshake_that_drips_is_ended(make_broker):
    with make_broker(limits={"authentication_timeout": "300ms"}) as broker:
        silent, slow = Raw(broker), Raw(broker)
        slow.send(b"GET / HTTP/1.1\r\nHost: a\r\n")
        assert silent.read_to_end() == b""
        assert slow.read_to_end().startswith(b"HTTP/1.1 408 ")
        opened = Raw(broker, open="/")
        kind, payload = opened.next()
        assert kind == 0x81 and json.loads(payload)["header"]["error"]["code"] == "authentication_timeout"
        opened.expect_close(1008, "authentication_timeout")


# ---- frames ----

@pytest.mark.parametrize("data, code", [
    (b"\x81\x05hello", 1002),                               # not masked
    (ws.frame(1, b"1", reserved=4), 1002),
    (ws.frame(1, b"1", reserved=2), 1002),
    (ws.frame(3, b"1"), 1002),
    (ws.frame(11, b""), 1002),
    (ws.frame(0, b"1"), 1002),
    (ws.frame(1, b"1", is_final=False) + ws.frame(1, b"1"), 1002),
    (ws.frame(9, b"x", is_final=False), 1002),
    (ws.frame(9, b"x" * 126), 1002),
    (b"\x81\xfe\x00\x05\0\0\0\0hello", 1002),
    (b"\x81\xff\x80" + bytes(11), 1002),
    (ws.frame(8, b"\x03"), 1002),
    (ws.frame(8, struct.pack(">H", 1005)), 1002),
    (ws.frame(8, struct.pack(">H", 1000) + b"\xff"), 1007),
    (ws.frame(1, b"\xff"), 1007),
    (ws.frame(2, b"1"), 1003),
    (ws.header(1, 1 << 40), 1009),
    (ws.header(1, 64 * 1024 + 1), 1009),
    (ws.frame(1, b"x" * 40_000, is_final=False) + ws.header(0, 40_000), 1009),
], ids=short)
def test_malformed_frames_close_with_the_code_of_the_rfc(broker, data, code):
    for path in ("/json", "/open"):
        raw = Raw(broker, open=path)
        raw.send(data)
        while (frame := raw.next())[0] == 0x81:   # where statuses are spoken, there is one
            assert path == "/open" and json.loads(frame[1])["header"]["status"] == "bad"
        assert frame[0] == 0x88 and int.from_bytes(frame[1][:2], "big") == code
        with pytest.raises(Closed):
            raw.next()


def test_pings_are_answered_between_fragments(broker):
    raw = Raw(broker, open="/json")
    raw.send(ws.frame(1, b"[1", is_final=False) + ws.frame(9, b"are you there") + ws.frame(10, b"unasked") +
             ws.frame(0, b",2", is_final=False) + ws.frame(0, b"]"))
    assert raw.next() == (0x8a, b"are you there")
    assert raw.next() == (0x81, b"[1,2]")


def test_masks_are_undone(broker):
    raw = Raw(broker, open="/json")
    mask = b"\x12\x34\x56\x78"
    payload = json.dumps("masked" * 50).encode()
    raw.send(ws.header(1, len(payload), mask=mask) + bytes(c ^ mask[i % 4] for i, c in enumerate(payload)))
    assert raw.next() == (0x81, payload)


def test_a_close_is_answered_with_the_same_code(broker):
    for sent, answered in ((struct.pack(">H", 1000) + b"bye", 1000), (struct.pack(">H", 4321), 4321), (b"", None)):
        raw = Raw(broker, open="/json")
        raw.send(ws.frame(8, sent) + text("late"))
        kind, payload = raw.next()
        assert kind == 0x88 and (payload == b"" if answered is None else payload == struct.pack(">H", answered))
        with pytest.raises(Closed):
            raw.next()
    eventually(lambda: broker.status()["sessions"] == 0)


def test_who_is_silent_is_pinged_and_closed_if_that_does_not_help(make_broker):
    listener = {"name": "web", "transport": "websocket", "address": "127.0.0.1:0", "authentication": ["anonymous"], "paths": {"/json": {"type": "echo"}}}
    with make_broker(listeners=[listener], limits={"keepalive_idle": "1s", "keepalive_timeout": "1s"}) as broker:
        good, dead = Raw(broker, open="/json"), Raw(broker, open="/json")
        good.socket.settimeout(20 * waiting.slowness)
        for _ in range(2):
            assert good.next() == (0x89, b"")
            good.send(ws.frame(ws.PONG))
        assert dead.read_to_end() == b"\x89\0"
        assert broker.status()["sessions"] == 1
        good.send(text("still here"))
        assert good.next() == (0x81, b'"still here"')


def test_a_stop_is_told(make_broker):
    listeners = [{"name": "web", "transport": "websocket", "address": "127.0.0.1:0", "authentication": ["anonymous"],
                  "paths": {"/": {}, "/json": {"type": "echo"}}}]
    with make_broker(listeners=listeners) as broker:
        bound, free, http = Raw(broker, open="/json"), broker.client(None, "web"), Raw(broker)
        free.log_in_anonymously()
        eventually(lambda: broker.status()["sessions"] == 2)
        broker.stop()
        bound.expect_close(1001, "shutting_down")
        came = free.expect_closed()
        assert [f["header"].get("error", {}).get("code") for f in came][-1] == "shutting_down"
        assert free.socket.closed_with == (1001, "shutting_down")
        assert http.read_to_end()[:13] in (b"HTTP/1.1 503 ", b"")


# ---- files ----

def test_files_are_served_with_what_browsers_need(broker):
    raw = Raw(broker)
    status, headers, body = raw.get("/")
    assert status == 200 and body == b"<!doctype html><title>hello</title>"
    assert headers["content-type"] == "text/html; charset=utf-8" and headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-cache" and headers["connection"] == "keep-alive"
    for target, kind, content in (("/app.js", "text/javascript; charset=utf-8", b"export const x = 1;\n"), ("/picture.PNG", "image/png", PNG),
                                  ("/docs/", "text/html; charset=utf-8", b"docs"), ("/docs/a%20b/%C3%BC.txt", "text/plain; charset=utf-8", b"umlaut"),
                                  ("/empty.css", "text/css; charset=utf-8", b""), ("/inside", "application/octet-stream", b"export const x = 1;\n"),
                                  ("/index.html?x=1", "text/html; charset=utf-8", b"<!doctype html><title>hello</title>")):
        status, headers, body = raw.get(target)
        assert (status, headers["content-type"], body) == (200, kind, content)
        assert raw.get(target, If_None_Match=headers["etag"])[::2] == (304, b"")
        status, head, _ = raw.get(target, "HEAD")
        assert status == 200 and head["content-length"] == str(len(content)) and head["etag"] == headers["etag"]
    status, headers, _ = raw.get("/docs?q=1")
    assert (status, headers["location"]) == (308, "/docs/?q=1")


def test_a_changed_file_has_another_tag(broker, folder):
    raw = Raw(broker)
    changing = folder / "changing.txt"
    changing.write_text("one")
    _, headers, body = raw.get("/changing.txt")
    assert body == b"one"
    changing.write_text("two more")
    status, later, body = raw.get("/changing.txt", If_None_Match=headers["etag"])
    assert (status, body) == (200, b"two more") and later["etag"] != headers["etag"]
    changing.unlink()
    assert raw.get("/changing.txt")[0] == 404


@pytest.mark.parametrize("target", ["/missing", "/.secret", "/docs/.secret", "/link.txt", "/up.txt", "//etc/passwd", "/docs//index.html",
                                    "/index.html/", "/app.js/x", "/docs/%2e/index.html", "/a%2f.secret"])
def test_nothing_else_is_served(broker, target):
    status, _, body = Raw(broker).get(target)
    assert status == 404 and b"secret" not in body and b"outside" not in body and b"root:" not in body


@pytest.mark.parametrize("target", ["/../outside.txt", "/docs/../../outside.txt", "/%2e%2e/outside.txt", "/..%2foutside.txt", "/docs%5c..%5c..%5coutside.txt",
                                    "/%00", "/a\\b", "/%zz"])
def test_paths_that_climb_are_no_paths(broker, target):
    assert Raw(broker).get(target)[0] == 400


def test_requests_may_be_piped(broker):
    raw = Raw(broker)
    raw.send(b"GET /app.js HTTP/1.1\r\nHost: a\r\n\r\n" * 20 + ws.request("/json") + text("after"))
    for _ in range(20):
        head = raw.read_head()
        assert head.startswith("HTTP/1.1 200 ") and raw.read_exactly(20) == b"export const x = 1;\n"
    assert raw.read_head().startswith("HTTP/1.1 101 ")
    assert raw.next() == (0x81, b'"after"')


def test_a_client_that_has_finished_sending_still_gets_its_file(broker):
    raw = Raw(broker)
    raw.send(b"GET /picture.PNG HTTP/1.1\r\nHost: a\r\n\r\n")
    raw.socket.shutdown(socket.SHUT_WR)
    assert raw.read_to_end().endswith(PNG)


def test_a_large_file_waits_for_a_slow_reader_and_no_one_else_does(broker, folder):
    large = folder / "large.bin"
    large.write_bytes(bytes(8 << 20))
    slow = Raw(broker)
    slow.send(b"GET /large.bin HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    assert Raw(broker).get("/app.js")[0] == 200
    received = slow.read_to_end()
    assert len(received.split(b"\r\n\r\n", 1)[1]) == 8 << 20
    large.unlink()


def test_where_there_are_no_files_a_path_wants_an_upgrade(make_broker):
    with make_broker() as broker:
        assert Raw(broker).get("/")[0] == 426
        assert Raw(broker).get("/x")[0] == 404


# ---- behind proxies ----

def listener_behind(**more):
    return {"name": "web", "transport": "websocket", "address": "127.0.0.1:0", "authentication": ["handler"], **more}


def login(password="sesame", user="tina"):
    return text({"header": {"scope": "client", "authentication": {"username": user, "password": password}}, "payload": {"type": "dummy"}})


def address_told_by(broker, raw, opening):
    """The address that the log-in handler was shown."""
    raw.send(opening + login())
    assert raw.read_head().startswith("HTTP/1.1 101 ")
    assert json.loads(raw.next()[1])["header"]["status"] == "good"
    raw.send(text({"payload": {"type": "echo", "data": {"act": "seen"}, "id": "s"}}))
    seen = json.loads(raw.next()[1])["payload"]["data"]
    return [one["address"] for one in seen if isinstance(one, dict) and "address" in one][-1]


@pytest.mark.parametrize("forwarded, expected", [
    ("203.0.113.9", "203.0.113.9"),
    ("10.1.1.1, 203.0.113.9, 127.0.0.1", "203.0.113.9"),
    ("evil, 203.0.113.9", "203.0.113.9"),
    ("[2001:db8::7]:99", "2001:db8::7"),
    ("203.0.113.9, nonsense", "127.0.0.1:"),
    (None, "127.0.0.1:"),
])
def test_a_proxy_that_is_trusted_tells_the_address(make_broker, forwarded, expected):
    handlers = {"echo": python_handler(types=["echo", "login"])}
    with make_broker(handlers=handlers, login={"type": "login"}, listeners=[listener_behind(proxies=["127.0.0.0/8"])]) as broker:
        headers = {"X_Forwarded_For": forwarded} if forwarded else {}
        assert address_told_by(broker, Raw(broker), ws.request("/", **headers)).startswith(expected)


def test_others_can_say_what_they_like(make_broker):
    handlers = {"echo": python_handler(types=["echo", "login"])}
    with make_broker(handlers=handlers, login={"type": "login"}, listeners=[listener_behind(proxies=["192.0.2.1"], proxy_protocol=True)]) as broker:
        assert address_told_by(broker, Raw(broker), ws.request("/", X_Forwarded_For="203.0.113.9")).startswith("127.0.0.1:")


V2 = b"\r\n\r\n\0\r\nQUIT\n"


@pytest.mark.parametrize("header, expected", [
    (b"PROXY TCP4 203.0.113.9 10.0.0.1 5000 443\r\n", "203.0.113.9:5000"),
    (b"PROXY TCP6 2001:db8::7 ::1 5000 443\r\n", "[2001:db8::7]:5000"),
    (b"PROXY UNKNOWN\r\n", "127.0.0.1:"),
    (V2 + b"\x21\x11\0\x0c\xcb\0\x71\x09\x0a\0\0\1\x13\x88\1\xbb", "203.0.113.9:5000"),
    (V2 + b"\x21\x11\0\x12\xcb\0\x71\x09\x0a\0\0\1\x13\x88\1\xbb\x04\0\3abc", "203.0.113.9:5000"),
    (V2 + b"\x20\0\0\0", "127.0.0.1:"),
], ids=short)
def test_the_proxy_protocol_tells_the_address(make_broker, header, expected):
    handlers = {"echo": python_handler(types=["echo", "login"])}
    with make_broker(handlers=handlers, login={"type": "login"}, listeners=[listener_behind(proxies=["127.0.0.1"], proxy_protocol=True)]) as broker:
        assert address_told_by(broker, Raw(broker), header + ws.request("/")).startswith(expected)
        dripping = Raw(broker)
        for byte in header:
            dripping.send(bytes([byte]))
        assert address_told_by(broker, dripping, ws.request("/")).startswith(expected)


def test_without_its_header_a_proxy_s_connection_is_closed(make_broker):
    with make_broker(listeners=[{"name": "v4", "address": "127.0.0.1:0", "proxies": ["127.0.0.1"], "proxy_protocol": True}]) as broker:
        for data in (frames.encode(login_frame("tina")), b"GET / HTTP/1.1\r\n\r\n", b"PROXY TCP4 x y 1 2\r\n"):
            c = broker.client()
            c.send_bytes(data)
            assert c.expect_closed() == []
        assert "did not begin with a good PROXY header" in broker.log()
        eventually(lambda: sum(s["connections"] for s in broker.status()["shards"]) == 0)
        c = broker.client()
        c.send_bytes(b"PROXY TCP4 203.0.113.9 10.0.0.1 5000 443\r\n" + frames.encode(login_frame("tina")))
        c.good("auth_special")


def test_connections_are_counted_by_the_address_that_a_proxy_tells(make_broker):
    listener = {"name": "web", "transport": "websocket", "address": "127.0.0.1:0", "authentication": ["anonymous"], "proxies": ["127.0.0.1"]}
    with make_broker(listeners=[listener], limits={"connections_per_address": 2}) as broker:
        kept = [Raw(broker, open="/", X_Forwarded_For="203.0.113.9") for _ in range(2)]
        assert status_of(broker, ws.request("/", X_Forwarded_For="203.0.113.9"))[0] == 429
        Raw(broker, open="/", X_Forwarded_For="203.0.113.10")
        kept.pop().close()
        eventually(lambda: opens(broker, "203.0.113.9"))


def opens(broker, address):
    raw = Raw(broker)
    raw.send(ws.request("/", X_Forwarded_For=address))
    return raw.read_head().startswith("HTTP/1.1 101")
