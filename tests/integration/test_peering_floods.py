"""A server with a good certificate that sends too much, reads too little, or comes too often: what it costs is bounded."""
import json
import socket
import struct
import time

import eventually as waiting
import link_peer
import servers as some
from attacked import a, mallory, shared  # noqa: F401
from eventually import eventually
from frames import encode
from link_peer import ADVERT, MESSAGE, PING, flow_frame, submit
from servers import peer, wait_for_state


# ---- floods ----

def test_a_flood_of_pings_from_one_who_does_not_read(a):
    with mallory(a) as link:
        wait_for_state(a, "mallory", "linked")
        pings = encode(struct.pack("<BQ", PING, 1)) * 20_000
        link.socket.settimeout(3)
        try:
            for _ in range(60):
                link.socket.sendall(pings)
        except OSError:
            pass
        assert a.client("ann").ask("echo", 1) == 1
    wait_for_state(a, "mallory", "idle")


def test_a_flood_of_adverts_and_pongs(a):
    advert = encode(bytes([ADVERT]) + json.dumps({"kind": "summary", "known": {f"s{i}": [1, "x" * 60] for i in range(200)}}).encode())
    with mallory(a, features=["discovery"]) as link:
        wait_for_state(a, "mallory", "linked")
        try:
            for _ in range(1500):
                link.send_bytes(advert)
            link.send_bytes(encode(struct.pack("<BQ", link_peer.PONG, 1)) * 50_000)
        except OSError:
            pass
        assert a.client("ann").ask("echo", 1) == 1
    wait_for_state(a, "mallory", "idle")


def test_a_flood_of_messages_does_not_stop_local_clients(a):
    ann = a.client("ann")
    with mallory(a) as link:
        link.begin_flow()
        body = submit("echo", "eve", {"act": "none"})
        frames = b"".join(encode(flow_frame(MESSAGE, "mallory", "a", link.flow, number, body)) for number in range(1, 20_001))
        link.send_bytes(frames)
        for i in range(50):
            assert ann.ask("echo", i, limit=30) == i
        eventually(lambda: peer(a, "mallory")["received"] >= 20_000, 60)
        wait_until_taken(link)


def test_of_one_server_handlers_have_so_many_messages_and_no_more(a):
    with mallory(a) as link:
        link.begin_flow()
        link.send_bytes(b"".join(
            encode(flow_frame(MESSAGE, "mallory", "a", link.flow, number, submit("echo", "eve", {"act": "hold"}, ref=number)))
            for number in range(1, 303)))
        for _ in range(2):   # peering.unanswered is 300
            assert b"busy" in link.take_message()["rest"]
        link.send_message(submit("echo", "eve", {"act": "release"}, ref=303), number=303)
        assert b"busy" in link.take_message()["rest"]
        a.reload(peering={"unanswered": 301})
        try:
            link.send_message(submit("echo", "eve", {"act": "release"}, ref=304), number=304)
            codes = [link.take_message()["rest"] for _ in range(301)]
            assert not any(b"busy" in each for each in codes)
        finally:
            a.reload(peering={"unanswered": 300})


def wait_until_taken(link):
    """What it may have in flight is bounded, and what is beyond is answered; in the end it may send again."""
    number = 20_000
    while True:
        number += 1
        link.send_message(submit("echo", "eve", {"act": "none"}, ref=number), number=number)
        answer = link.take_message()["rest"]
        if b"busy" not in answer:
            assert answer[0] == 4
            return


def test_a_peer_that_stops_reading_is_bounded_and_in_the_end_left(a):
    tina = a.client("tina")
    with mallory(a, heartbeat_ms=1000) as link:
        wait_for_state(a, "mallory", "linked")
        tina.send("echo", {"do": [{"command": "sendClients", "users": ["eve@mallory"], "data": 0}]})
        link.take_message()
        # It says that it is there, and takes nothing.
        filler = [{"command": "sendClients", "users": ["eve@mallory"], "type": "echo", "data": "x" * 100_000}] * 2
        ended = time.monotonic() + 20 * waiting.slowness
        sent = 0
        while peer(a, "mallory")["state"] == "linked" and time.monotonic() < ended:
            if sent < 200:
                tina.ask("echo", {"act": "push", "commands": filler})
                sent += 1
            try:
                link.send(struct.pack("<BQ", PING, 1))
            except OSError:
                break
        assert some.wait_for_error(a, "mallory", "write_timeout")["reason"] == "it has read nothing for two heartbeats"
        assert tina.ask("echo", "here") == "here"
    wait_for_state(a, "mallory", "idle")


# ---- connections ----

def test_two_hundred_connections_at_once(a):
    """They say nothing, and give way to whoever comes after them and does."""
    many = [socket.create_connection(("127.0.0.1", a.port)) for _ in range(200)]
    with mallory(a) as link:
        assert link.begin_flow()["number"] == 1
    a.wait_for_log("too many connections came after it")
    for each in many:
        each.close()
    assert a.log().count("a connection from") < 200


def test_the_oldest_of_those_who_say_nothing_gives_way(a):
    many = [socket.create_connection(("127.0.0.1", a.port)) for _ in range(21)]   # peering.handshakes is 20
    many[0].settimeout(10 * waiting.slowness)
    assert many[0].recv(1) == b""
    for each in many:
        each.close()


def test_many_links_of_one_server(a):
    """Each replaces the one before it."""
    links = [mallory(a) for _ in range(50)]
    assert links[-1].begin_flow()["number"] == 1
    for link in links:
        link.socket.close()
    wait_for_state(a, "mallory", "idle")
