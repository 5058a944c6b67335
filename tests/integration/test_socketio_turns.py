"""What comes to a session of Engine.IO in one turn, or while something else of it is held back: its end, moves from shard to
shard, upgrades, answers that are taken slowly."""
import base64
import json
import signal
import socket
import struct
import time

import pytest

import eventually as waiting
import websocket_stream as ws
from broker import freeze, python_handler
from eventually import eventually
from raw_websocket import Raw, text
from socketio import PATH, Polling, listener
from websocket_clients import port_of

POLLING = PATH + "?EIO=4&transport=polling"
LARGE = 7_000_000


@pytest.fixture
def edge(make_broker):
    def make(threads=1, handler={}, **limits):
        at = listener("edge", namespaces={"/": "echo"}, authentication=["anonymous"])
        return make_broker(threads=threads, handlers={"echo": python_handler(**handler)}, listeners=[at], limits=limits)
    return make


def polling(broker):
    return Polling(f"http://127.0.0.1:{port_of(broker, 'edge')}")


class Http(Raw):
    """Requests of one session, written before their answers are read."""

    def __init__(self, broker, sid, receive_buffer=None):
        super().__init__(broker, "edge")
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.sid = sid

    def ask_poll(self, *headers):
        lines = "".join(f"{each}\r\n" for each in headers)
        self.send(f"GET {POLLING}&sid={self.sid} HTTP/1.1\r\nHost: x\r\n{lines}\r\n".encode())

    def ask_post(self, *packets):
        body = "\x1e".join(packets).encode()
        self.send(f"POST {POLLING}&sid={self.sid} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)

    def ask_upgrade(self):
        self.send(ws.request(f"{PATH}?EIO=4&transport=websocket&sid={self.sid}"))

    def answer(self):
        """(status, body)"""
        self.socket.settimeout(20 * waiting.slowness)
        head = self.read_head()
        size = next((line.split(":")[1] for line in head.split("\r\n") if line.lower().startswith("content-length:")), "0")
        return int(head.split()[1]), self.read_exactly(int(size)).decode()


# ---- a session that is to move ends in the same turn ----

def close_poll(poll, _):
    poll.close()


def poll_again(_, other):
    other.ask_poll()


def post_again(_, other):
    other.ask_post("40")


@pytest.mark.parametrize("ending", [close_poll, poll_again, post_again])
def test_a_session_that_ends_in_the_turn_in_which_it_was_to_move(edge, ending):
    """A client that comes back with the secret of another shard's session moves there; this one ends meanwhile."""
    with edge(threads=2) as broker:
        for _ in range(8):   # connections are on one shard or the other
            client = polling(broker)
            client.open()
            poll, post, other = (Http(broker, client.sid) for _ in range(3))
            poll.ask_poll()
            polling(broker).open()
            home = int(client.sid[:2], 16)
            freeze(broker.process.pid)
            post.ask_post("40" + json.dumps({"pid": f"{1 - home:02x}" + "0" * 32, "offset": "1"}))
            ending(poll, other)
            broker.process.send_signal(signal.SIGCONT)
            broker.status()
            for each in (poll, post, other):
                each.close()
        entered = polling(broker)
        assert entered.enter()["sid"]
        assert broker.counters()["internal_errors"] == 0


# ---- an upgrade while a post is held back ----

@pytest.mark.parametrize("is_probed_first", [True, False])
def test_a_post_that_is_held_back_keeps_no_upgrade_waiting(edge, is_probed_first):
    """Once probed, a client polls no more, and takes over when its post is answered."""
    count = 300
    with edge(queue_messages=100) as broker:
        client = polling(broker)
        client.enter()
        poll, post, socket_ = (Http(broker, client.sid) for _ in range(3))
        events = [f'42{number}["event",{number}]' for number in range(count)]
        if not is_probed_first:
            post.ask_post(*events)
            eventually(lambda: broker.counters()["deliveries"] >= 20, 20, "some of them are answered")
        socket_.ask_upgrade()
        assert socket_.read_head().startswith("HTTP/1.1 101 ")
        socket_.send(text(b"2probe"))
        assert socket_.next()[1] == b"3probe"
        if is_probed_first:
            post.ask_post(*events)
        assert post.answer() == (200, "ok")
        poll.ask_poll()
        came = [packet for packet in poll.answer()[1].split("\x1e") if packet.startswith("43")]
        socket_.send(text(b"5") + text(b'42999["event","behind"]'))
        while len(came) <= count:
            kind, packet = socket_.next()
            assert kind == 0x81, packet
            if packet.startswith(b"43"):
                came.append(packet.decode())
        assert [packet[2:packet.index("[")] for packet in came] == [str(number) for number in range(count)] + ["999"]
        assert broker.counters()["slow_consumers"] == 0


# ---- answers that are taken slowly ----

def with_a_large_answer(broker):
    """A client for which 7 MB wait."""
    client = polling(broker)
    client.enter()
    assert client.post(f'420["echo","{"x" * LARGE}"]') == 200
    eventually(lambda: broker.counters()["deliveries"] >= 1, 20, "the answer waits for a poll")
    return client


BIG = {"handler": {"message_size": "16MiB"}, "message_size": "8MiB", "queue_bytes": "64MiB"}


def test_a_last_answer_that_is_taken_slowly_ends_no_session(edge):
    with edge(**BIG) as broker:
        client = with_a_large_answer(broker)
        slow = Http(broker, client.sid, receive_buffer=1 << 16)
        slow.ask_poll("Connection: close")
        head = slow.read_head()
        assert head.startswith("HTTP/1.1 200 ")
        time.sleep(0.5)   # slowness under test
        assert len(slow.read_to_end()) > LARGE
        assert client.post('421["still there"]') == 200
        assert client.until("431") == '431["still there"]'


def test_a_connection_that_is_lost_in_an_upgrade_behind_a_slow_answer(edge):
    with edge(keepalive_idle="1s", keepalive_timeout="1s", **BIG) as broker:
        client = with_a_large_answer(broker)
        slow = Http(broker, client.sid, receive_buffer=1 << 16)
        slow.ask_poll()
        slow.ask_upgrade()
        assert slow.read_head().startswith("HTTP/1.1 200 ")
        slow.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        slow.close()
        eventually(lambda: broker.status()["sessions"] == 0, 60, "the session has no connection, and ends")


def test_attachments_in_a_post_that_is_held_back_have_time(edge):
    with edge(message_size="256KiB", queue_bytes="256KiB", frame_timeout="1s") as broker:
        client = polling(broker)
        client.enter()
        assert client.post("421" + json.dumps(["script", {"act": "later", "ms": 4000, "pad": "x" * 50_000}])) == 200
        file = base64.b64encode(b"y" * 120_000).decode()
        post = Http(broker, client.sid)
        post.ask_post('451-2["file",{"_placeholder":true,"num":0}]', "b" + file)
        client.until("431")
        assert post.answer() == (200, "ok")
        assert broker.counters()["frame_timeouts"] == 0
