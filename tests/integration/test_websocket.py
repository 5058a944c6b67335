"""proto-docs/websocket.md: what is particular to WebSocket. The client protocol itself runs over it in all the other files."""
import asyncio
import json
import struct

import pytest
import websockets

import broker as brokers
import eventually as waiting
import frames
import websocket_stream as ws
from broker import python_handler
from client import Closed, login_frame
from eventually import eventually
from raw_websocket import Raw, short, status_of, text


@pytest.fixture(scope="module")
def shared(make_broker):
    listeners = [
        {"name": "v4", "address": "127.0.0.1:0"},
        {"name": "web", "transport": "websocket", "address": "127.0.0.1:0", "authentication": ["accounts", "anonymous"],
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


@pytest.mark.parametrize("said, code", [("Bearer", "token_invalid"), ("Bearer ", "token_invalid"), ("Basic", "authentication_failed"),
                                        ("Basic ?", "authentication_failed"), ("Digest username=tina", "authentication_unsupported")])
def test_who_says_what_nobody_understands_is_not_taken_for_nobody(broker, said, code):
    """The path takes anonymous sessions; who wanted to be somebody is none."""
    raw = Raw(broker)
    raw.send(ws.request("/json", Authorization=said))
    head = raw.read_head()
    assert head.startswith("HTTP/1.1 401 ") and "WWW-Authenticate: Bearer\r\n" in head, head
    assert code.encode() in raw.read_to_end()
    raw = Raw(broker)
    raw.send(ws.request("/json?access_token="))
    assert raw.read_head().startswith("HTTP/1.1 401 ") and b"token_invalid" in raw.read_to_end()


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
