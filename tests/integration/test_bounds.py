"""What clients can make the broker hold: it is bounded, whoever holds the most (or for too long) goes and is named, and
nobody else notices."""
import pathlib
import socket
import ssl
import struct
import time

import pytest

import eventually as waiting
import frames
import network
import tls_files
import websocket_stream as ws
from broker import python_handler
from client import Client, Closed, Secure, SecureSocket, is_status, login_frame
from eventually import eventually
from raw_websocket import Raw, text
from socketio import Polling, listener as socketio_listener
from websocket_clients import port_of

ENTER = b'{"payload":{"type":"echo","data":"'
CARRIERS = ["v4", "tls", "web", "wss"]


def half_frame(size, part):
    """The beginning of a message of `size` bytes."""
    return struct.pack("<I", size) + (ENTER + b"x" * part)[:part]


def rest_of(size, part, id):
    """What completes it."""
    end = b'","id":"%s"}}' % id.encode()
    return b"x" * (size - part - len(end)) + end


def grew_by(broker, before):
    """How many bytes more than `before` the broker has in memory. A sanitizer's own allocator keeps what is freed, so
    nothing can be said of it there."""
    return broker.resident_bytes() - before if waiting.slowness == 1 else 0


class Bystander:
    """A well-behaved client: what it sends is answered, in order, whatever others do."""

    def __init__(self, broker, listener="v4"):
        self.client = broker.client("tina", listener)
        self.number = 0

    def speak(self, times=5):
        for _ in range(times):
            self.number += 1
            assert self.client.ask("echo", self.number) == self.number
        assert self.client.inbox == []


# ---- input that is not complete ----

@pytest.mark.parametrize("carrier", CARRIERS)
def test_who_holds_back_the_most_goes_and_nobody_else_waits(make_broker, carrier):
    size, part = 512 << 10, 400_000
    with make_broker(limits={"held_input": "4MiB", "message_size": "512KiB"}) as broker:
        bystander = Bystander(broker)
        large = broker.client("ann", carrier)
        holders = []
        for _ in range(20):
            holders.append(broker.client("gustav", carrier))
            holders[-1].send_bytes(half_frame(size, part))
            bystander.speak(1)
        # 20 times 400 kB are twice what may be held.
        eventually(lambda: broker.counters()["input_evictions"] >= 8, what=broker.counters)
        bystander.speak()
        # A message of that size that comes in one go is no burden.
        large.send_bytes(half_frame(size, part) + rest_of(size, part, "large"))
        large.good("large")
        ended = broker.counters()["input_evictions"]
        assert ended <= 17
        done = 0
        for i, each in enumerate(holders):
            try:
                each.send_bytes(rest_of(size, part, f"late {i}"))
                each.good(f"late {i}")
                done += 1
            except (OSError, Closed, AssertionError):
                pass
        assert done >= 20 - broker.counters()["input_evictions"] and done >= 3
        line = broker.wait_for_log("limits.held_input")
        assert " of gustav, " in line and " bytes, which holds the most" in line
        bystander.speak()


def test_handshakes_that_are_not_done_are_counted(make_broker):
    """A stranger who says hello over TLS, and no more, makes the broker hold tens of KiB."""
    with make_broker(limits={"held_input": "2MiB", "message_size": "512KiB", "authentication_timeout": "60s"}) as broker:
        bystander = Bystander(broker, "tls")
        halves = []
        for _ in range(100):
            halves.append(socket.create_connection(tuple(broker.addresses["tls"])[:2]))
            halves[-1].sendall(tls_files.first_flight())
        # 2 MiB are 42 of 48 KiB.
        eventually(lambda: broker.counters()["input_evictions"] == 58, what=broker.counters)
        bystander.speak()
        assert "which holds the most" in broker.wait_for_log("limits.held_input")
        broker.client("ann", "tls").close()
        for each in halves:
            each.close()


def test_who_is_ended_is_told(make_broker, transport):
    with make_broker(limits={"held_input": "1MiB", "message_size": "512KiB"}) as broker:
        holders = [broker.client("gustav", transport) for _ in range(4)]
        for each in holders:
            each.send_bytes(half_frame(512 << 10, 400_000))
        eventually(lambda: broker.counters()["input_evictions"] >= 1)
        ended = broker.counters()["input_evictions"]
        told = 0
        for each in holders:
            each.socket.settimeout(2 * waiting.slowness)
            try:
                each.bad("close_special", "input_overload", 2)
                assert each.expect_closed() == []
                told += 1
            except AssertionError as error:
                assert "nothing more came in time" in str(error) or "closed the connection" in str(error), error
        assert told >= ended


def test_half_messages_of_websockets_and_half_posts_are_counted(make_broker):
    """Fragments, frames cut in the middle, and bodies: by strangers and by logged-in clients."""
    paths = [{"name": "web", "transport": "websocket", "address": "127.0.0.1:0", "paths": {"/": {}, "/any": {"type": "echo"}},
              "authentication": ["anonymous"]},
             socketio_listener("edge", namespaces={"/": "echo"}, authentication=["anonymous"]),
             {"name": "v4", "address": "127.0.0.1:0"}]
    with make_broker(listeners=paths, limits={"held_input": "4MiB", "authentication_timeout": "60s", "login_size": "60KiB"}) as broker:
        bystander = Bystander(broker)
        before = broker.resident_bytes()
        for _ in range(30):   # logged in, a fragment each
            raw = Raw(broker, open="/any")
            raw.send(text(b"x" * 600_000, is_final=False))
        bystander.speak()
        eventually(lambda: broker.counters()["input_evictions"] >= 20, what=broker.counters)
        for _ in range(150):
            raw = Raw(broker, "edge")
            raw.send(b"POST /socket.io/?EIO=4&transport=polling&sid=x HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n\r\n" + b"4" * 59_000)
        eventually(lambda: broker.counters()["input_evictions"] >= 100, what=broker.counters)
        bystander.speak()
        assert grew_by(broker, before) < 24 << 20


@pytest.mark.parametrize("carrier", ["v4", "tls", "unix", "web"])
def test_a_frame_has_a_time_from_its_first_byte_to_its_last(make_broker, carrier):
    with make_broker(limits={"frame_timeout": "400ms"}) as broker:
        bystander = Bystander(broker)
        half, byte, whole = (broker.client("gustav", carrier) for _ in range(3))
        half.send_bytes(half_frame(1_000, 500))
        byte.send_bytes(b"\x10" if carrier != "web" else half_frame(16, 3))
        for each in (half, byte):
            each.bad("close_special", "frame_timeout")
            assert each.expect_closed() == []
        assert broker.counters()["frame_timeouts"] == 2
        # Silence between frames is nobody's fault, nor is a frame in pieces.
        whole.send_bytes(half_frame(1_000, 500))
        whole.send_bytes(rest_of(1_000, 500, "late"))
        whole.good("late")
        bystander.speak()


def test_pings_do_not_prolong_a_half_message(make_broker):
    with make_broker(limits={"frame_timeout": "500ms"},
                     listeners=[{"name": "web", "transport": "websocket", "address": "127.0.0.1:0", "paths": {"/any": {"type": "echo"}},
                                 "authentication": ["anonymous"]}]) as broker:
        raw = Raw(broker, open="/any")
        raw.send(text(b"be", is_final=False))
        pongs = 0
        while True:
            raw.send(ws.frame(ws.PING, b"?"))
            kind, payload = raw.next()
            if kind == 0x88:
                break
            assert kind == 0x80 | ws.PONG
            pongs += 1
            time.sleep(0.02)
        assert pongs > 0 and payload[2:] == b"frame_timeout"


def test_a_body_has_a_time(make_broker):
    with make_broker(listeners=[socketio_listener("edge", namespaces={"/": "echo"}, authentication=["anonymous"])],
                     limits={"frame_timeout": "300ms", "authentication_timeout": "60s"}) as broker:
        raw = Raw(broker, "edge")
        raw.send(b"POST /socket.io/?EIO=4&transport=polling&sid=x HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n4")
        assert raw.read_head().startswith("HTTP/1.1 408 ")


@pytest.mark.parametrize("sent", [b"", b"4"], ids=["head alone", "a byte"])
def test_a_body_of_a_stranger_has_the_time_of_a_log_in(make_broker, sent):
    with make_broker(listeners=[socketio_listener("edge", namespaces={"/": "echo"}, authentication=["anonymous"])],
                     limits={"frame_timeout": "10m", "authentication_timeout": "500ms"}) as broker:
        raw = Raw(broker, "edge")
        raw.send(b"POST /socket.io/?EIO=4&transport=polling&sid=x HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n" + sent)
        assert raw.read_head().startswith("HTTP/1.1 408 ")
        assert "a request was not complete after 500 ms" in broker.wait_for_log("was not complete")


def test_a_body_of_a_session_has_the_time_of_a_frame(make_broker):
    with make_broker(listeners=[socketio_listener("edge", namespaces={"/": "echo"}, authentication=["anonymous"])],
                     limits={"frame_timeout": "10m", "authentication_timeout": "500ms"}) as broker:
        polling = Polling(f"http://127.0.0.1:{port_of(broker, 'edge')}")
        polling.enter()
        raw, body = Raw(broker, "edge"), b'421["e",1]'
        raw.send(f"POST {polling.path}?{polling.query} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body[:5])
        time.sleep(2 * waiting.slowness)
        raw.send(body[5:])
        assert raw.read_head().startswith("HTTP/1.1 200 ")
        assert polling.until("431")


class Packets(Raw):
    """A WebSocket of Engine.IO, logged in."""

    def __init__(self, broker):
        super().__init__(broker, "edge", open="/socket.io/?EIO=4&transport=websocket")
        assert self.next()[1].startswith(b"0{")
        self.send(text(b"40"))
        assert self.next()[1].startswith(b"40{")

    def begin(self, size):
        """An event with two attachments, of which one comes."""
        self.send(text(b'452-["e",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]'))
        self.send(ws.frame(2, b"a" * size))

    def is_ended(self):
        try:
            return self.next()[0] == 0x88
        except (Closed, OSError):
            return True


def test_attachments_that_do_not_come_are_not_waited_for(make_broker):
    with make_broker(limits={"frame_timeout": "400ms"}, listeners=[
            socketio_listener("edge", namespaces={"/": "echo"}, authentication=["anonymous"])]) as broker:
        one, idle = Packets(broker), Packets(broker)
        one.begin(10)
        assert one.is_ended()
        assert broker.counters()["frame_timeouts"] == 1
        idle.send(text(b'421["e"]'))
        assert idle.next()[1].startswith(b"4")


def test_attachments_that_wait_for_others_are_counted(make_broker):
    with make_broker(limits={"held_input": "4MiB"}, listeners=[
            socketio_listener("edge", namespaces={"/": "echo"}, authentication=["anonymous"])]) as broker:
        holders = [Packets(broker) for _ in range(20)]
        for each in holders:
            each.begin(500_000)
        # 4 MiB hold eight of them, on whichever shards these are. One that is on its way takes up to two thirds more.
        eventually(lambda: broker.counters()["input_evictions"] >= 12, what=broker.counters)
        assert broker.counters()["input_evictions"] <= 16  # on a slow machine more are on their way at once
        assert "a Socket.IO session of " in broker.wait_for_log("limits.held_input")


def test_the_time_of_a_frame_does_not_run_while_the_broker_does_not_read(make_broker):
    with make_broker(limits={"frame_timeout": "300ms", "unanswered": 1}) as broker:
        c = broker.client("gustav")
        control = broker.client("tina")
        # There is no room for the second message until the first is answered, so what follows it is not read.
        c.send_bytes(frames.encode({"payload": {"type": "echo", "data": {"act": "hold", "i": 1}, "id": "held"}})
                     + frames.encode({"payload": {"type": "echo", "data": 2, "id": "second"}}) + half_frame(1_000, 500))
        eventually(lambda: len(control.ask("echo", {"act": "seen"})) == 1)
        time.sleep(1)   # silence under test
        control.ask("echo", {"act": "release"})
        c.good("held")
        c.good("second")
        c.send_bytes(rest_of(1_000, 500, "late"))
        c.good("late")
        assert broker.counters()["frame_timeouts"] == 0


# ---- before the log-in ----

@pytest.mark.parametrize("carrier", ["v4", "tls", "unix", "web"])
def test_before_the_log_in_little_is_allowed(make_broker, carrier):
    with make_broker() as broker:
        stranger = broker.client(None, carrier)
        stranger.send_bytes(half_frame(70_000, 10))
        stranger.bad("error_special", "too_large")


def test_what_a_handler_takes_may_be_sent_after_the_log_in(make_broker, transport):
    with make_broker(limits={"login_size": "1KiB"}, handlers={"echo": python_handler()}) as broker:
        c = broker.client("tina", transport)
        assert c.ask("echo", "x" * 500_000) == "x" * 500_000


def test_a_post_of_a_stranger_is_small(make_broker):
    with make_broker(listeners=[socketio_listener("edge", namespaces={"/": "echo"}, authentication=["anonymous"])]) as broker:
        raw = Polling(f"http://127.0.0.1:{port_of(broker, 'edge')}")
        raw.open()
        assert raw.request("POST", raw.query, b"42" + b"x" * 100_000)[0] == 413
        known = Polling(f"http://127.0.0.1:{port_of(broker, 'edge')}")
        known.enter()
        assert known.request("POST", known.query, b'42["echo","' + b"x" * 100_000 + b'"]')[0] == 200


# ---- output that is not taken ----

def flood(sender, user, size, times):
    return sender.request("echo", {"act": "push", "times": times, "commands": [
        {"command": "sendClients", "users": [user], "type": "flood", "data": "x" * size}]})


def test_above_the_memory_mark_who_does_not_read_goes_and_nobody_waits(make_broker, transport):
    with make_broker(limits={"queued_memory": "12MiB", "queue_bytes": "12MiB", "queue_messages": 10_000}) as broker:
        bystander = Bystander(broker)
        sender = broker.client("tina", "unix")
        reader = broker.client("ann", transport)
        stuck = [broker.client("gustav", transport) for _ in range(6)]
        names = []
        for each in stuck:
            each.send("builtin", {"command": {"type": "whoami"}}, "who")
            names.append(each.data("builtin")["session"])
        for _ in range(100):
            for name in names:   # each has its own: what several have waiting is there once
                sender.request("echo", {"act": "push", "times": 2, "commands": [
                    {"command": "sendClients", "sessions": [name], "type": "flood", "data": "x" * 100_000}]})
            flood(sender, "ann", 10, 1)
            assert reader.data("flood") == "x" * 10
            bystander.speak(1)
            if broker.counters()["slow_consumers"] >= 3:
                break
        assert 3 <= broker.counters()["slow_consumers"] <= 6
        line = broker.wait_for_log("limits.queued_memory")
        assert " of gustav, " in line and "for which the most waits" in line
        bystander.speak()


def test_what_many_have_waiting_together_is_there_once(make_broker):
    """A delivery to many clients that do not read takes its size, not that times their number."""
    with make_broker(limits={"queued_memory": "4MiB", "queue_bytes": "2MiB"}) as broker:
        sender = broker.client("tina", "unix")
        stuck = [broker.client("gustav", "unix") for _ in range(40)]
        for i in range(20):
            flood(sender, "gustav", 60_000 + i, 1)
        assert broker.counters()["slow_consumers"] == 0
        for each in stuck:
            for i in range(20):
                assert len(each.data("flood")) == 60_000 + i


# ---- one door for output ----

def web_listener(tmp_path, size=1_000_000):
    pathlib.Path(tmp_path, "big.bin").write_bytes(b"b" * size)
    made = socketio_listener("edge", namespaces={"/": "echo"}, authentication=["anonymous"])
    return {**made, "files": str(tmp_path)}


FLOODS = {"preflights": b"OPTIONS /socket.io/ HTTP/1.1\r\nHost: x\r\n\r\n", "files": b"GET /big.bin HTTP/1.1\r\nHost: x\r\n\r\n",
          "nothing there": b"HEAD /big.bin HTTP/1.1\r\nHost: x\r\n\r\n",
          "refused polls": b"GET /socket.io/?EIO=4&transport=polling&sid=x HTTP/1.1\r\nHost: x\r\n\r\n",
          "opened": b"GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: x\r\n\r\n"}


@pytest.mark.parametrize("kind", FLOODS)
def test_a_flood_of_requests_without_reading_is_bounded(make_broker, tmp_path, kind):
    with make_broker(listeners=[web_listener(tmp_path), {"name": "v4", "address": "127.0.0.1:0"}],
                     limits={"write_timeout": "60s", "authentication_timeout": "60s"}) as broker:
        bystander = Bystander(broker)
        before = broker.resident_bytes()
        address = tuple(broker.addresses["edge"])
        flooder = socket.socket()
        broker.opened.append(flooder)
        flooder.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        flooder.connect(address)
        flooder.settimeout(0.5 * waiting.slowness)
        sent = 0
        requests = FLOODS[kind] * 200
        try:
            while sent < 400 * len(requests):
                sent += flooder.send(requests)
        except TimeoutError:
            pass   # it is not read any more
        assert grew_by(broker, before) < 12 << 20
        bystander.speak()


def test_pipelined_requests_all_get_their_answers(make_broker, tmp_path):
    """Held while it does not read, and read on when it does."""
    with make_broker(listeners=[web_listener(tmp_path, 300_000)]) as broker:
        raw = Raw(broker, "edge")
        count = 60
        raw.send(FLOODS["files"] * count)
        for _ in range(count):
            head = raw.read_head()
            assert head.startswith("HTTP/1.1 200 "), head
            assert raw.read_exactly(300_000) == b"b" * 300_000


# ---- who reads slowly, who is gone ----

@pytest.mark.parametrize("carrier", ["v4", "tls", "unix", "web"])
def test_who_reads_slowly_but_steadily_is_not_cut_off(make_broker, carrier):
    timeout = 2 * waiting.slowness
    with make_broker(limits={"write_timeout": f"{timeout:g}s", "queue_bytes": "32MiB", "queue_messages": 100_000}) as broker:
        reader = broker.client("gustav", carrier)
        sender = broker.client("tina")
        plain = reader.socket
        while hasattr(plain, "below") or hasattr(plain, "plain"):
            plain = getattr(plain, "below", None) or plain.plain
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)   # a large window opens in large steps
        flood(sender, "gustav", 100_000, 200)
        until = time.monotonic() + 3 * timeout
        while time.monotonic() < until:
            assert plain.recv(20_000)
            time.sleep(0.1)
        assert broker.counters()["write_timeouts"] == 0
        eventually(lambda: broker.counters()["write_timeouts"] == 1, 20)
        line = broker.wait_for_log("limits.write_timeout")
        assert " of gustav, " in line and (carrier == "unix" or "127.0.0.1:" in line)


class FarSecure(Secure):
    """TLS at an address that the certificate does not name."""

    def wrap(self, connection):
        return SecureSocket(connection, ssl.create_default_context(cafile=self.authority), "localhost")


@network.needs_namespaces()
@pytest.mark.parametrize("carrier", ["tcp", "tls"])
def test_who_vanishes_with_something_on_its_way_is_gone_in_time(make_broker, carrier):
    with network.Cable() as cable:
        listeners = [{"name": "far", "address": f"{cable.addresses[0]}:2223"}, {"name": "open", "transport": "unix", "address": "open.sock",
                                                                              "authentication": ["anonymous"]}]
        with make_broker(start=False, limits={"keepalive_idle": "2s", "keepalive_timeout": "2s"}) as broker:
            listeners[1]["address"] = str(broker.directory / "open.sock")
            if carrier == "tls":
                listeners[0]["tls"] = next(each["tls"] for each in broker.config["listeners"] if each["name"] == "tls")
            broker.config["listeners"] = listeners
            broker.write_config()
            cable.move_in(broker, 0)
            broker.start()
            address = broker.addresses["far"]
            if carrier == "tls":
                address = FarSecure.at(address, address.authority)
            with cable.inside_of(1):
                gone = [Client(address, "gustav") for _ in range(4)]
            broker.opened += gone
            observer = Client(broker.addresses["open"])
            broker.opened.append(observer)
            observer.log_in_anonymously()
            cable.cut()
            for _ in range(3):
                flood(observer, "gustav", 200, 1)
            eventually(lambda: sum(s["sessions"] for s in broker.status()["shards"]) == 1, 20,
                       lambda: f"who vanished is gone: {broker.status()['shards']}")


# ---- how many ----

def test_sessions_of_one_user_are_bounded(make_broker, transport):
    with make_broker(limits={"sessions_per_user": 3}) as broker:
        kept = [broker.client("tina", transport) for _ in range(3)]
        late = broker.client(None, transport)
        late.send_frame(login_frame("tina"))
        late.bad("auth_special", "too_many_sessions")
        assert late.expect_closed() == []
        broker.client("gustav", transport).expect_nothing_before_ping()
        kept.pop().close()
        eventually(lambda: broker.status()["sessions"] == 3)
        broker.client("tina", transport).expect_nothing_before_ping()


# ---- afterwards ----

def test_memory_goes_back_when_those_who_took_it_are_gone(make_broker):
    if waiting.slowness != 1:
        pytest.skip("a sanitizer's own allocator keeps what is freed")
    with make_broker(limits={"held_input": "256MiB", "queued_memory": "256MiB"}) as broker:
        bystander = Bystander(broker)
        bystander.speak()
        before = broker.resident_bytes()
        holders = []
        for i in range(120):
            c = broker.client("gustav", "web" if i % 2 else "unix")
            c.send_bytes(half_frame(1 << 20, 1_000_000))
            holders.append(c)
        eventually(lambda: broker.resident_bytes() > before + (80 << 20), 20, "they have taken much")
        for each in holders:
            each.close()
        eventually(lambda: broker.resident_bytes() < before + (32 << 20), 60, lambda: f"{broker.resident_bytes() >> 20} MiB, before {before >> 20}")
        bystander.speak()
