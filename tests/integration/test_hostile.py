"""Clients that are broken or mean. Nobody else notices."""
import json
import pathlib
import random
import socket
import struct

import pytest

import eventually as waiting
import frames
from broker import python_handler
from client import Closed, code_of, connect, is_status, login_frame
from eventually import eventually


@pytest.fixture(scope="module")
def shared(make_broker):
    with make_broker(handlers={"echo": python_handler()}, limits={"message_size": "256KiB", "authentication_timeout": "20s"}) as running:
        yield running


@pytest.fixture
def broker(shared, shared_log):
    shared_log(shared)
    good = shared.client("ann")
    yield shared
    assert good.ask("echo", "well") == "well"
    shared.close_clients()
    assert shared.counters()["internal_errors"] == 0
    # What they sent is gone with them; freed chunks are kept for reuse and not counted.
    assert sum(s["queued_bytes"] for s in shared.status()["shards"]) == 0


def shove(c, data):
    """Sends as much as the broker takes."""
    try:
        c.send_bytes(data)
    except OSError:
        pass


@pytest.mark.parametrize("seed", range(8))
def test_random_bytes(broker, transport, seed):
    chance = random.Random(seed)
    for logged_in in (False, True):
        c = broker.client("tina" if logged_in else None, transport)
        shove(c, chance.randbytes(chance.choice((1, 3, 4, 5, 100, 70_000))))
        try:
            c.finish_sending()
        except OSError:
            pass
        for frame in c.expect_closed():
            assert is_status(frame) and code_of(frame) in ("too_large", "bad_frame", "bad_message")


@pytest.mark.parametrize("seed", range(8))
def test_random_json_in_good_frames(broker, transport, seed):
    chance = random.Random(1000 + seed)
    c = broker.client("tina", transport)

    def value(depth):
        kind = chance.randrange(7 if depth < 5 else 5)
        if kind == 5:
            return [value(depth + 1) for _ in range(chance.randrange(4))]
        if kind == 6:
            names = ["payload", "header", "type", "data", "id", "command", "authentication", "x", ""]
            return {chance.choice(names): value(depth + 1) for _ in range(chance.randrange(4))}
        return chance.choice([None, True, chance.randrange(-10, 1 << 70), chance.random() * 1e300, "builtin", "dummy", "echo", "\0", "ü" * 20])
    for _ in range(200):
        c.send_frame({"payload": value(1), "header": value(1)} if chance.random() < 0.7 else value(0) if chance.random() < 0.5 else {"payload": {
            "type": chance.choice(["echo", "builtin", "dummy", value(3)]), "data": value(2), "id": value(4)}})
    c.send("dummy", id="the end")
    c.good("the end")


def test_bytes_flipped_in_good_frames(broker, transport):
    chance = random.Random(7)
    good = frames.encode({"payload": {"type": "echo", "data": {"text": "some words"}, "id": "x"}})
    for _ in range(150):
        c = broker.client("tina", transport)
        broken = bytearray(good)
        for _ in range(chance.randrange(1, 4)):
            broken[chance.randrange(len(broken))] = chance.randrange(256)
        shove(c, bytes(broken))
        try:
            c.finish_sending()
        except OSError:
            pass
        c.expect_closed()
        c.close()


def test_every_truncation(broker, transport):
    whole = frames.encode(login_frame("tina", id="x"))
    for size in range(0, len(whole), 7):
        c = broker.client(None, transport)
        c.send_bytes(whole[:size])
        c.finish_sending()
        assert c.expect_closed() == []
        c.close()


def test_a_byte_at_a_time_through_a_whole_conversation(broker, transport):
    c = broker.client(None, transport)
    if transport != "unix":
        c.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for frame in (login_frame("tina"), {"payload": {"type": "echo", "data": "drip", "id": "e"}},
                  {"payload": {"type": "builtin", "data": {"command": {"type": "close"}}, "id": "bye"}}):
        for byte in frames.encode(frame):
            c.send_bytes(bytes([byte]))
    came = c.expect_closed()
    assert [f["payload"]["id"] for f in came] == ["auth_special", "e", "e", "bye"] or \
           [f["payload"]["id"] for f in came] == ["auth_special", "bye"]


def test_announced_and_never_sent(broker, transport):
    """An announcement of the largest frame costs no memory."""
    before = broker.resident_bytes()
    for _ in range(300):
        c = broker.client("tina", transport)
        c.send_bytes(struct.pack("<I", 256 * 1024) + b"{")
    eventually(lambda: broker.status()["sessions"] >= 300)
    if waiting.slowness == 1:   # sanitizers keep what is freed
        assert broker.resident_bytes() - before < 300 * 64 * 1024
    assert sum(s["queued_bytes"] for s in broker.status()["shards"]) < 300 * 8 * 1024


def test_closed_with_a_reset_at_every_moment(broker):
    for size in range(0, 120, 9):
        c = broker.client("tina")
        c.send_bytes(frames.encode({"payload": {"type": "echo", "data": "x" * 80, "id": "x"}})[:size])
        c.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        c.close()


def test_half_open_by_the_thousands(make_broker, transport):
    many = []
    # Two thousand handshakes of this client's TLS take a while.
    with make_broker(limits={"authentication_timeout": "2m"}) as broker:
        try:
            for _ in range(2000):
                many.append(connect(broker.addresses[transport]))
            eventually(lambda: sum(s["connections"] for s in broker.status()["shards"]) >= 2000)
            c = broker.client("tina", transport)
            assert c.ask("echo", "through the crowd") == "through the crowd"
            assert broker.resident_bytes() < (300 << 20) * waiting.slowness
        finally:
            for each in many:
                each.close()


def test_who_never_authenticates_is_gone_after_the_timeout(make_broker):
    with make_broker(limits={"authentication_timeout": "300ms"}) as broker:
        many = [broker.client(None, t) for t in ("v4", "v6", "unix") for _ in range(100)]
        for c in many[::2]:
            c.send_bytes(b"\x10\x00")
        for c in many:
            assert code_of(c.expect_closed()[0]) == "authentication_timeout"
        eventually(lambda: sum(s["connections"] for s in broker.status()["shards"]) == 0)


def test_log_ins_that_never_wait_for_their_answer(broker, transport):
    # Not all of one user: too many failures, and the next has to wait (login.user_failures).
    user = {"v4": "tina", "v6": "gustav", "unix": "ann", "tls": "gustav", "web": "ann", "wss": "tina"}[transport]
    for _ in range(100):
        c = broker.client(None, transport)
        c.send_frame(login_frame(user, "wrong"))
        c.close()
        c = broker.client(None, transport)
        c.send_frame(login_frame(user, type="echo", data=1))
        c.close()
    with pytest.raises((Closed, OSError)):
        c = broker.client(None, transport)
        c.send_frame(login_frame(user, "wrong"))
        c.bad("auth_special", "authentication_failed")
        c.receive()


def test_the_log_never_has_passwords_or_payloads(make_broker):
    with make_broker(log={"level": "trace"}) as broker:
        c = broker.client("tina")
        c.ask("echo", {"text": "the letter itself"})
        c.send_frame(b'{"broken": "the letter itself"')
        c.bad("error_special", "bad_message")
        broker.client(None).send_frame({"header": {"authentication": {"username": "tina", "password": "guessed word"}}, "payload": {"type": "dummy"}})
        eventually(lambda: broker.counters()["authentications_failed"] == 1)
        for secret in ("the letter itself", "guessed word", "secret of tina"):
            assert secret not in broker.log()
        assert json.dumps(broker.status()).find("secret of") < 0
        assert pathlib.Path(broker.log_path).stat().st_size < 100_000
