"""How long a client may take for a request, and between two."""
import threading
import time

import pytest

import eventually as waiting
from broker import python_handler
from raw_websocket import Raw
from socketio import PATH, Polling, listener
from websocket_clients import port_of

OPTIONS = b"OPTIONS /socket.io/ HTTP/1.1\r\nHost: x\r\n\r\n"
SLOW = 4 * waiting.slowness  # seconds; much longer than what a test does at once


def start(make_broker, **limits):
    return make_broker(handlers={"echo": python_handler()}, limits=limits,
                       listeners=[listener("edge", namespaces={"/": "echo"}, authentication=["anonymous"])])


def in_seconds(number):
    return f"{int(number * 1000)}ms"


def rest_until(moment):
    """Silence under test."""
    threading.Event().wait(max(0, moment - time.monotonic()))


def post_to(sid, body, size=None):
    return f"POST {PATH}?EIO=4&transport=polling&sid={sid} HTTP/1.1\r\nHost: x\r\nContent-Length: {size or len(body)}\r\n\r\n".encode() + body


def read(raw):
    head = raw.read_head()
    size = next((int(line.split(": ")[1]) for line in head.split("\r\n") if line.startswith("Content-Length")), 0)
    return int(head.split()[1]), raw.read_exactly(size)


def test_silence_before_a_request_is_not_the_time_of_the_request(make_broker):
    """Three quarters of the time in silence, then as much for the head."""
    with start(make_broker, authentication_timeout=in_seconds(SLOW)) as broker:
        raw = Raw(broker, "edge")
        began = time.monotonic()
        for _ in range(2):
            rest_until(began + 0.75 * SLOW)
            raw.send(OPTIONS[:20])
            rest_until(began + 1.5 * SLOW)
            raw.send(OPTIONS[20:])
            assert read(raw)[0] == 204
            began = time.monotonic()


def test_a_body_may_take_longer_than_the_silence_between_requests(make_broker):
    with start(make_broker, authentication_timeout="1s") as broker:
        client = Polling(f"http://127.0.0.1:{port_of(broker, 'edge')}")
        client.enter()
        raw = Raw(broker, "edge")
        whole = post_to(client.sid, b'421["' + b"x" * 200 + b'"]')
        began = time.monotonic()
        raw.send(whole[:-150])
        for piece in range(1, 5):
            rest_until(began + piece * 0.75)
            raw.send(whole[-150:-1][(piece - 1) * 40:piece * 40])
        raw.send(whole[-1:])
        assert read(raw) == (200, b"ok")
        assert client.until("431").endswith('xxx"]')


@pytest.mark.parametrize("part", ["head", "body"])
def test_half_a_request_has_its_time_and_no_more(make_broker, part):
    limits = {"head": {"authentication_timeout": "1s", "frame_timeout": "5m"}, "body": {"authentication_timeout": "5m", "frame_timeout": "1s"}}
    with start(make_broker, **limits[part]) as broker:
        raw = Raw(broker, "edge")
        raw.send(OPTIONS)
        assert read(raw)[0] == 204
        raw.send(OPTIONS[:20] if part == "head" else post_to("none", b"4", size=100))
        assert read(raw)[0] == 408
        assert raw.read_to_end() == b""


def test_who_trickles_a_head_gets_no_more_time_for_it(make_broker):
    with start(make_broker, authentication_timeout="1s", frame_timeout="5m") as broker:
        raw = Raw(broker, "edge")
        with pytest.raises(OSError):
            for byte in (OPTIONS[:-4] + b"\r\nX: " + b"y" * 4000):
                raw.send(bytes([byte]))
                rest_until(time.monotonic() + 0.02)


def test_half_a_request_behind_a_poll_does_not_answer_it(make_broker):
    with start(make_broker, authentication_timeout="2s", frame_timeout="2s") as broker:
        client = Polling(f"http://127.0.0.1:{port_of(broker, 'edge')}")
        client.enter()
        raw = Raw(broker, "edge")
        raw.send(f"GET {PATH}?EIO=4&transport=polling&sid={client.sid} HTTP/1.1\r\nHost: x\r\n\r\n".encode() + OPTIONS[:20])
        assert raw.read_to_end() == b"", "it is closed, and nothing stands where the poll's answer would"
        assert broker.counters()["internal_errors"] == 0
