"""Clients of Socket.IO that take slowly what waits for them, or leave something half said, and go on."""
import json
import socket
import threading
import time

import pytest

import eventually as waiting
import websocket_stream as ws
from broker import python_handler
from eventually import eventually
from raw_websocket import Raw
from socketio import PATH, Polling, listener
from websocket_clients import port_of

IDLE, TIMEOUT = 1, 1      # seconds
SLOW = 2 * (IDLE + TIMEOUT) + 1


@pytest.fixture
def edge(make_broker):
    """A broker whose clients of Socket.IO are pinged every second, and have one to answer."""
    at = listener("edge", namespaces={"/": "echo"}, authentication=["anonymous"], recovery="60s")
    with make_broker(handlers={"echo": python_handler()}, listeners=[at],
                     limits={"keepalive_idle": f"{IDLE}s", "keepalive_timeout": f"{TIMEOUT}s", "queue_bytes": "8MiB"}) as broker:
        yield broker


def acknowledgements(client, count):
    """So many of them, by polling."""
    came = []
    while len(came) < count:
        packets = client.poll()
        assert isinstance(packets, list), f"the session ended after {len(came)} of {count} answers: {packets}"
        came += [packet for packet in packets if packet.startswith("43")]
    return came


@pytest.mark.parametrize("count, size", [(40, 100_000), (300, 5_000), (3, 900_000)])
def test_events_of_a_client_on_http_wait_until_it_has_taken_the_answers(make_broker, count, size):
    """The answers to one burst are more than may wait for the client, which polls as any client does."""
    at = listener("edge", namespaces={"/": "echo"}, authentication=["anonymous"])
    with make_broker(handlers={"echo": python_handler()}, listeners=[at], limits={"queue_messages": 100}) as broker:
        client = Polling(f"http://127.0.0.1:{port_of(broker, 'edge')}")
        client.enter()
        events = [f'42{number}["big",{json.dumps("x" * size)}]' for number in range(count)]
        fits = max(1, 1_000_000 // size)
        posts = [events[i:i + fits] for i in range(0, count, fits)]
        statuses = []
        poster = threading.Thread(target=lambda: statuses.extend(client.post(*each) for each in posts))
        poster.start()
        came = acknowledgements(client, count)
        poster.join(20 * waiting.slowness)
        assert statuses == [200] * len(posts)
        assert [packet[2:packet.index("[")] for packet in came] == [str(number) for number in range(count)]


def test_answers_that_are_larger_than_their_events_end_no_client_that_polls(make_broker):
    at = listener("edge", namespaces={"/": "echo"}, authentication=["anonymous"])
    with make_broker(handlers={"echo": python_handler()}, listeners=[at], limits={"queue_bytes": "256KiB"}) as broker:
        client = Polling(f"http://127.0.0.1:{port_of(broker, 'edge')}")
        client.enter()
        count, events = 200, [f'42{number}["script",{{"act":"swell","size":10000}}]' for number in range(200)]
        poster = threading.Thread(target=lambda: client.post(*events))
        poster.start()
        came = acknowledgements(client, count)
        poster.join(20 * waiting.slowness)
        assert [int(packet[2:packet.index("[")]) for packet in came] == list(range(count)) and len(came[-1]) > 10_000


def test_so_many_queues_and_no_more_may_wait_for_a_client_that_polls(make_broker):
    """limits.polling_queues; with its default, the client of the test before has all of the same answers waiting."""
    at = listener("edge", namespaces={"/": "echo"}, authentication=["anonymous"])
    limits = {"queue_bytes": "256KiB", "polling_queues": 1}
    with make_broker(handlers={"echo": python_handler()}, listeners=[at], limits=limits) as broker:
        client = Polling(f"http://127.0.0.1:{port_of(broker, 'edge')}")
        client.enter()
        client.post(*[f'42{number}["script",{{"act":"swell","size":10000}}]' for number in range(100)])
        eventually(lambda: broker.counters()["slow_consumers"] == 1, 20, "it is ended for what waits for it")


def test_a_client_on_http_that_posts_and_never_polls_is_ended(edge):
    client = Polling(f"http://127.0.0.1:{port_of(edge, 'edge')}")
    client.enter()
    events = [f'42{number}["big",{json.dumps("x" * 300_000)}]' for number in range(100)]
    for begin in range(0, len(events), 3):
        if client.post(*events[begin:begin + 3]) != 200:
            break
    else:
        pytest.fail("it has taken none of 30 MB of answers, and is served for ever")
    eventually(client.is_gone, 20, "and then its session is over")


def test_a_client_that_takes_the_answer_to_its_poll_slowly_is_not_pinged_out(edge):
    """It cannot answer a ping that waits behind what it takes; but it takes something all the time."""
    port = port_of(edge, "edge")
    client = Polling(f"http://127.0.0.1:{port}")
    client.enter()
    events = 4
    for number in range(events):
        packet = f'42{number}["big",{json.dumps("x" * 900_000)}]'
        assert client.post(packet) == 200
    eventually(lambda: edge.counters()["deliveries"] >= events, 20, "all answers wait for a poll")
    slow = socket.socket()
    slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    slow.settimeout(20 * waiting.slowness)
    with slow:
        slow.connect(("127.0.0.1", port))
        slow.sendall(f"GET {PATH}?{client.query} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += slow.recv(1)
        left = int(next(line.split(b":")[1] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")))
        assert left > events * 900_000, "all of it waits in one answer"
        begin = time.monotonic()
        while time.monotonic() < begin + SLOW:   # slowness under test
            left -= len(slow.recv(10_000))
            time.sleep(0.1)
        assert left > 1_000_000, "most of it is still to be taken"
        while left:
            taken = slow.recv(1 << 20)
            assert taken, "the answer ended early"
            left -= len(taken)
    assert client.post('429["still there"]') == 200
    assert client.until("439") == '439["still there"]'


@pytest.mark.parametrize("first", range(3))
def test_a_websocket_that_is_in_the_middle_of_a_frame_stays_while_its_session_wants_to_move(edge, threads, first):
    """The session is to go to the shard where the one is that its client wants back; half a frame of the WebSocket that
    is about to take over would be lost on the way."""
    url = f"http://127.0.0.1:{port_of(edge, 'edge')}"
    told = Polling(url).enter()
    for _ in range(first):   # connections go to the shards in turn
        Raw(edge, "edge")
    client = Polling(url)
    client.open()
    raw = Raw(edge, "edge", open=f"{PATH}?EIO=4&transport=websocket&sid={client.sid}")
    raw.send(ws.frame(ws.TEXT, b"2probe"))
    assert raw.next()[1] == b"3probe"
    upgrade = ws.frame(ws.TEXT, b"5")
    raw.send(upgrade[:3])
    assert client.post(f'40{json.dumps({"pid": told["pid"], "offset": "0"})}') == 200
    raw.send(upgrade[3:])
    packets = []
    while not packets or not packets[-1].startswith(b"40"):
        packets.append(raw.next()[1])
    raw.send(ws.frame(ws.TEXT, b'421["here"]'))
    while not packets[-1].startswith(b"431"):
        packets.append(raw.next()[1])
    assert packets[-1] == b'431["here"]'
