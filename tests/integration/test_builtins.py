"""proto-docs/client.md, the messages that the broker itself answers: `dummy` and `builtin`."""
import json
import os

import pytest

import frames
from broker import python_handler
from client import code_of, is_delivery, is_good, is_status, login_frame, password_of
from eventually import eventually


@pytest.fixture(scope="module")
def shared(make_broker):
    """Tests that change nothing for the next one share a broker."""
    with make_broker(handlers={"echo": python_handler(), "other": python_handler(types=["other", "weather"])},
                     limits={"message_size": "64KiB", "json_depth": 16}) as running:
        yield running


@pytest.fixture
def connect(broker, transport):
    return lambda user=None, **more: broker.client(user, transport, **more)


def test_dummy_is_a_ping(connect):
    c = connect("tina")
    c.send("dummy", {"any": "thing"}, "p1")
    assert c.receive() == {"header": {"messageType": "statusReport", "status": "good"}, "payload": {"id": "p1"}}
    c.send("dummy", 5)
    assert c.receive() == {"header": {"messageType": "receivedMessage"}, "payload": {"type": "dummy", "data": None}}


def test_close_is_answered_after_what_is_queued(connect):
    c = connect("tina")
    c.send_bytes(b"".join(frames.encode({"payload": payload}) for payload in (
        {"type": "dummy"}, {"type": "builtin", "data": {"command": {"type": "close"}}, "id": "bye"},
        {"type": "dummy", "id": "never read"})))
    came = c.expect_closed()
    assert [f["payload"].get("id") for f in came] == [None, "bye"] and is_good(came[1])


def test_close_waits_for_what_handlers_owe(connect):
    c = connect("tina")
    c.send("echo", {"act": "later", "ms": 300}, "slow")
    c.send("echo", "quick", "quick")
    c.send("builtin", {"command": {"type": "close"}}, "bye")
    c.send("dummy", id="never read")
    c.send("echo", "nor this", "not routed")
    came = c.expect_closed()
    statuses = [f["payload"]["id"] for f in came if is_status(f)]
    assert statuses == ["quick", "slow", "bye"] and all(is_good(f) for f in came if is_status(f)), came
    assert [f["payload"]["id"] for f in came if is_delivery(f)] == ["quick", "slow"]


def test_close_waits_until_the_deadline(make_broker):
    with make_broker(handlers={"mute": python_handler(deadline="300ms")}) as broker:
        c = broker.client("tina")
        c.send("mute", {"act": "silent"}, "hopeless")
        c.send("builtin", {"command": {"type": "close"}}, "bye")
        c.bad("hopeless", "handler_timeout")
        c.good("bye")
        assert c.expect_closed() == []


def test_who_does_not_wait_for_its_close_leaves_nothing(make_broker):
    with make_broker(handlers={"byhand": {"start": "manual"}}) as broker:
        for broken in (b"", b"\xff\xff\xff\xff"):
            c = broker.client("tina")
            c.send("byhand", 1, "never answered")
            c.send("builtin", {"command": {"type": "close"}}, "bye")
            c.send_bytes(broken)
            eventually(lambda: sum(s["unanswered"] for s in broker.status()["shards"]) == 1)
            c.close()
            eventually(lambda: broker.status()["sessions"] == 0, 20, "the session is gone")


def read_to_the_end(c):
    """The frames until a proper end; a reset is none, and raises."""
    c.socket.settimeout(20)
    came = []
    while data := c.socket.recv(1 << 16):
        came += [json.loads(body) for body in c.decoder.feed(data)]
    return came


def test_the_last_status_is_not_lost_to_a_reset(connect):
    c = connect()
    # Verifying takes a moment, in which the rest arrives and is not read.
    c.send_bytes(frames.encode(login_frame("tina", "wrong")) + frames.encode({"payload": {"type": "echo", "data": "x" * 100}}) * 500)
    assert code_of(c.receive()) == "authentication_failed"
    c.send_bytes(frames.encode({"payload": {"type": "echo", "data": "y"}}))
    assert read_to_the_end(c) == []


def test_after_a_bad_frame_the_rest_is_dropped_and_the_end_is_proper(connect):
    c = connect("tina")
    c.send_bytes(b"\xff\xff\xff\xff" + b"z" * 500_000)
    assert [code_of(f) for f in read_to_the_end(c)] == ["too_large"]


def descriptors(broker):
    return len(os.listdir(f"/proc/{broker.process.pid}/fd"))


def test_who_keeps_a_closed_connection_open_does_not_keep_the_broker_s(make_broker, transport, threads):
    # A thousand handshakes of this client's TLS take a while.
    with make_broker(limits={"authentication_timeout": "2m"}) as broker:
        before = descriptors(broker)
        crowd = [broker.client(listener=transport) for _ in range(256 * threads + 100)]
        for c in crowd:
            c.send_bytes(b"\xff\xff\xff\xff more")
        for c in crowd:
            assert code_of(c.receive()) == "too_large" and read_to_the_end(c) == []
        assert descriptors(broker) <= before + 256 * threads + 4
        eventually(lambda: descriptors(broker) <= before + 2, 20, "all are closed after a second")


def test_close_without_an_id_just_closes(connect):
    c = connect("tina")
    c.send("builtin", {"command": {"type": "close"}})
    assert c.expect_closed() == []


def test_whoami(connect, broker):
    c = connect("tina")
    replies, status = c.request("builtin", {"command": {"type": "whoami"}})
    assert is_good(status)
    data = replies[0]["payload"]["data"]
    assert (data["user"], data["server"], data["roles"]) == ("tina", "home", []) and data["session"]
    assert replies[0]["payload"]["type"] == "builtin"
    c.send("builtin", {"command": {"type": "whoami"}})
    assert c.data("builtin") == data
    c.expect_nothing_before_ping()


@pytest.mark.parametrize("data", [{"command": {"type": "dance"}}, {"command": {}}, {"command": "close"}, {}, None, [1], "close"])
def test_another_builtin_is_an_unknown_command(connect, data):
    c = connect("tina")
    c.send("builtin", data, "b")
    c.bad("b", "unknown_command")
    c.send("builtin", data)
    c.expect_nothing_before_ping()


def test_a_user_changes_the_password(make_broker, transport):
    with make_broker() as broker:
        c = broker.client("tina", transport)
        command = {"type": "password", "old": password_of("tina"), "new": "a better one"}
        c.send("builtin", {"command": {**command, "old": "wrong"}}, "w")
        c.bad("w", "authentication_failed")
        c.send("builtin", {"command": {**command, "new": ""}}, "e")
        assert code_of(c.status("e")) == "bad_message"
        c.send("builtin", {"command": command}, "g")
        c.good("g")
        c.expect_nothing_before_ping()
        again = broker.client(None, transport)
        again.send_frame(login_frame("tina"))
        again.bad("auth_special", "authentication_failed")
        broker.client("tina", transport, password="a better one")
