"""A server with a good certificate and bad manners. Each time: a line in the log, its link ends or is bounded, the link
to an honest server and the clients notice nothing."""
import random
import signal
import socket
import struct
import time

import pytest

import eventually as waiting
import link_peer
import servers as some
from attacked import HANDSHAKE_MS, MEBI, a, mallory, shared  # noqa: F401
from broker import freeze
from client import is_good
from eventually import eventually
from frames import encode
from link_peer import HELLO, MESSAGE, PING, PROBE, deliver, flow_frame, result, submit
from servers import peer, wait_for_state


# ---- frames ----

NONSENSE = {
    "unknown kind": b"\x7f whatever",
    "no kind": b"\0\0",
    "truncated message": bytes([MESSAGE, 0, 7]) + b"mal",
    "numbers out of bounds": flow_frame(MESSAGE, "mallory", "a", 0, 1, b"x"),
    "largest numbers": flow_frame(MESSAGE, "mallory", "a", (1 << 64) - 1, (1 << 64) - 1, b"x"),
    "a name that is none": flow_frame(PROBE, "mal lory", "a", 1, 1),
    "a ping with too much": bytes([PING]) + b"123456789",
    "a second hello": bytes([HELLO]) + b'{"protocol":1}',
}


@pytest.mark.parametrize("name", NONSENSE)
def test_nonsense_ends_the_link(a, name):
    with mallory(a) as link:
        wait_for_state(a, "mallory", "linked")
        link.send(NONSENSE[name])
        assert link.goodbye() == "bad_frame"
    error = some.wait_for_error(a, "mallory", "bad_frame")
    a.wait_for_log(f"peer mallory: link lost: bad_frame: {error['reason']}")


def test_a_handshake_whose_time_ends_with_its_last_word_is_no_link(a):
    while True:
        late = mallory(a, hello=False)
        began = time.monotonic()  # no earlier than the broker says
        peer(a, "mallory")  # the broker answers this after it has read what TLS needs
        freeze(a.process.pid)
        try:
            late.hello()
            break
        except OSError:  # this machine was so slow that the broker had ended the handshake before it was stopped
            a.process.send_signal(signal.SIGCONT)
            late.socket.close()
    with late:
        # Stopped, the broker finds the hello and the end of the time at once.
        eventually(lambda: time.monotonic() - began > HANDSHAKE_MS / 1000 + 0.05)
        a.process.send_signal(signal.SIGCONT)
        with mallory(a) as link:
            assert link.begin_flow()["number"] == 1
        assert a.client("ann").ask("echo", 1) == 1


BODIES = {
    "no operation": b"\x63",
    "nothing": b"\x01",
    "data that is no JSON": deliver("echo", ["ann"], 1)[:-1] + b"{",
    "a type that is no string": submit("echo", "eve", 1).replace(b'"echo"', b'"ec\\o"'),
    "a user with a server": deliver("echo", ["ann@b"], 1),
    "no user at all": deliver("echo", [], 1),
}


@pytest.mark.parametrize("name", BODIES)
def test_a_message_that_is_none_ends_the_link(a, name):
    with mallory(a) as link:
        link.begin_flow()
        link.send_message(BODIES[name])
        assert link.goodbye() in ("bad_message", "bad_frame")


def test_noise_instead_of_frames(a):
    noise = random.Random(7)
    for size in (5, 500, 50_000):
        with mallory(a) as link:
            try:
                link.send_bytes(noise.randbytes(size))
                link.socket.unwrap()
            except OSError:
                pass
            link.goodbye()
    wait_for_state(a, "mallory", "idle")


def test_a_frame_above_the_limit_is_refused_before_it_has_come(a):
    with mallory(a) as link:
        link.send_bytes(struct.pack("<I", 0x7fffffff) + b"x")
        assert link.goodbye() == "too_large"


def test_a_frame_at_the_limit_is_taken(a):
    ann = a.client("ann")
    with mallory(a) as link:
        link.begin_flow()
        frame_room = 256 * 1024 - len(flow_frame(MESSAGE, "mallory", "a", 1, 1))
        body = deliver("echo", ["ann"], "x" * (frame_room - len(deliver("echo", ["ann"], ""))))
        link.send_message(body)
        assert len(ann.data()) > 250_000
        try:
            link.send_message(body + b" ")
        except OSError:
            pass   # the link ended before all of it was sent
        assert link.goodbye() in ("too_large", None)
    some.wait_for_error(a, "mallory", "too_large")


# ---- flows ----

def test_old_frames_played_again_are_taken_once(a):
    ann = a.client("ann")
    with mallory(a) as link:
        link.begin_flow()
        for i in range(1, 6):
            link.send_message(deliver("echo", ["ann"], i))
        for number in (5, 3, 1, 1, 9, 5):
            link.send_message(deliver("echo", ["ann"], "again"), number=number)
        link.send_message(deliver("echo", ["ann"], "older flow"), number=1, flow=link.flow - 1)
        link.send_message(deliver("echo", ["ann"], 6))
        flow, sequence = link.flow, link.sequence
    assert [ann.data() for _ in range(6)] == [1, 2, 3, 4, 5, 6]
    wait_for_state(a, "mallory", "idle")
    # The same on a new link: the flow outlives it.
    with mallory(a) as link:
        link.flow = flow
        link.probe(1)
        assert link.receive(link_peer.ACKNOWLEDGEMENT)["number"] == sequence + 1
        for number in range(1, 7):
            link.send_message(deliver("echo", ["ann"], "again"), number=number)
        link.send_message(deliver("echo", ["ann"], 7), number=7)
        assert ann.data() == 7
    ann.expect_nothing_before_ping()
    assert peer(a, "mallory")["duplicates"] >= 11


@pytest.mark.parametrize("origin", ["b", "a", "nobody"])
def test_another_servers_name_as_origin_ends_the_link(a, origin):
    ann = a.client("ann")
    with mallory(a) as link:
        wait_for_state(a, "mallory", "linked")
        link.probe(1, origin=origin)
        link.send_message(deliver("echo", ["ann"], "forged"), number=1, origin=origin)
        assert link.goodbye() == "peer_refused"
    ann.expect_nothing_before_ping()
    assert "a frame in the name of another server" in some.wait_for_error(a, "mallory", "peer_refused")["reason"]


def test_frames_for_others_are_not_passed_on(a):
    with mallory(a) as link:
        link.probe(1, destination="b")
        assert link.goodbye() == "peer_refused"


def test_results_and_acknowledgements_of_what_was_never_sent_are_ignored(a):
    with mallory(a) as link:
        link.begin_flow()
        for ref in (1, 2, 1 << 24, (1 << 63) - 1):
            link.send_message(result(ref, delivered=1 << 60))
        while link.receive(link_peer.ACKNOWLEDGEMENT)["number"] < 5:
            pass
        for number in (1, 1 << 62):
            link.send(flow_frame(link_peer.ACKNOWLEDGEMENT, "a", "mallory", 1 << 40, number, b"\0"))
        tina = a.client("tina")
        tina.send("echo", {"do": [{"command": "sendClients", "users": ["eve@mallory"], "data": 1}]}, id="x")
        message = link.take_message()
        ref = struct.unpack_from("<Q", message["rest"], 1)[0]
        link.send_message(result(ref, delivered=3))
        link.send_message(result(ref, delivered=4))
        assert tina.good("x")["payload"]["delivered"] == 3


def test_the_results_of_what_went_to_others_are_not_its_own(a):
    with mallory(a) as link, a.client("tina") as tina:
        link.begin_flow()
        tina.send("echo", {"do": [{"command": "sendServers", "servers": ["b"], "data": {"act": "later", "ms": 700}}]}, id="x")
        for serial in range(1, 300):
            for slot in range(3):
                link.send_message(result(serial << 24 | slot, code="forged"))
        assert is_good(tina.status("x"))


def test_a_peer_that_never_says_what_became_of_it(a):
    with mallory(a) as link:
        wait_for_state(a, "mallory", "linked")
        tina = a.client("tina")
        tina.send("echo", {"do": [{"command": "sendClients", "users": ["eve@mallory"], "data": 1}]}, id="x")
        link.take_message()
        tina.bad("x", "peer_expired")


def test_types_that_were_not_opened_for_it(a):
    with link_peer.dial(a.port, "wide", a.authority.files("wide"), "a") as link:
        link.begin_flow()
        link.send_message(deliver("echo", ["ann"], 1, ref=1, sender="eve"))
        answer = link.take_message()["rest"]
        assert answer[0] == 4 and b"peer_refused" in answer


# ---- hellos ----

BAD_HELLOS = {
    "no JSON": (b"{", "bad_hello"),
    "no object": (b"[]", "bad_hello"),
    "nothing in it": (b"{}", "bad_hello"),
    "too long": (b'{"x":"' + b"x" * 8000 + b'"}', "bad_hello"),
    "another protocol": (b'{"protocol":99}', "protocol_mismatch"),
}


@pytest.mark.parametrize("name", BAD_HELLOS)
def test_hellos_that_are_none(a, name):
    said, code = BAD_HELLOS[name]
    with mallory(a, hello=False) as link:
        link.send(bytes([HELLO]) + said)
        assert link.goodbye() == code


@pytest.mark.parametrize("fields, code", [
    ({"server": "b"}, "peer_refused"), ({"server": "a"}, "peer_refused"), ({"expects": "b"}, "peer_refused"),
    ({"heartbeat_ms": 1}, "bad_hello"), ({"frame_limit": 5}, "bad_hello"), ({"incarnation": "x"}, "bad_hello"),
    ({"server": None}, "bad_hello"), ({"server": "../../etc\n"}, "bad_hello"), ({"features": "all"}, "bad_hello")])
def test_hellos_that_lie(a, fields, code):
    with mallory(a, hello=False) as link:
        link.hello(**fields)
        assert link.goodbye() == code


def test_a_first_frame_that_is_no_hello(a):
    with mallory(a, hello=False) as link:
        link.send(struct.pack("<BQ", PING, 1))
        assert link.goodbye() == "bad_hello"
    with mallory(a, hello=False) as link:
        link.send_bytes(struct.pack("<I", MEBI))
        assert link.goodbye() in ("bad_hello", "connection_lost", None)


def test_who_says_nothing_is_closed_in_time(a):
    silent = [socket.create_connection(("127.0.0.1", a.port)) for _ in range(5)]
    with mallory(a, hello=False) as link:
        link.goodbye()
        for each in silent:
            each.settimeout(link_peer.LIMIT * waiting.slowness)
            try:
                assert each.recv(1) == b""
            except ConnectionError:
                pass
    a.wait_for_log("not done within peering.handshake_timeout")


def test_a_hello_drop_by_drop_is_closed_in_time(a):
    with mallory(a, hello=False) as link:
        text = encode(bytes([HELLO]) + b'{"protocol":1,"server":"mallory"' + b" " * 4000)
        link.socket.settimeout(0.05)   # between two drops: all of them would take minutes
        with pytest.raises((OSError, link_peer.Ended)):
            for i in range(len(text)):
                link.socket.sendall(text[i:i + 1])
                try:
                    if not link.socket.recv(1):
                        raise link_peer.Ended
                except TimeoutError:
                    pass


def test_commands_are_bounded_for_it_too(a):
    """Its messages are as any others: the error of what it sent comes back to it."""
    with mallory(a) as link:
        link.begin_flow()
        for number, (body, expected) in enumerate([
                (submit("nobody serves it", "eve", 1, ref=1), b"no_handler"),
                (submit("echo", "eve", 1, ref=2, hops=255), b"too_many_hops")], 1):
            link.send_message(body)
            while True:
                answer = link.take_message()["rest"]
                if answer[0] == 4 and struct.unpack_from("<Q", answer, 1)[0] == number:
                    break
            assert expected in answer, answer
