"""Behind proxies: X-Forwarded-For and the PROXY protocol."""
import json

import pytest

import frames
import websocket_stream as ws
from broker import python_handler
from client import login_frame
from eventually import eventually
from raw_websocket import Raw, short, status_of, text


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
        broker.wait_for_log("did not begin with a good PROXY header")
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
