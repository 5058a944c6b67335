"""Requests that follow each other without waiting for answers: each gets its own, in order."""
import os
import random

import pytest

import eventually as waiting
import websocket_stream as ws
from broker import python_handler
from pipelining import Swarm
from raw_websocket import Raw
from socketio import PATH, Polling, listener
from websocket_clients import port_of

FILES = {f"/file{size}.txt": bytes(f"{size}:", "ascii") * (size // 2) for size in (0, 8, 1200, 70_000, 200_000)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    site = tmp_path_factory.mktemp("site")
    for target, content in FILES.items():
        (site / target[1:]).write_bytes(content)
    return site


def edge(folder, name, *methods):
    made = listener(name, namespaces={"/": "echo"}, origins=["*"], recovery="1m")
    made["paths"]["/talk"] = {"type": "echo"}
    return {**made, "files": str(folder), "authentication": list(methods)}


def start(make_broker, folder, **limits):
    return make_broker(handlers={"echo": python_handler()}, listeners=[edge(folder, "open", "anonymous"), edge(folder, "closed", "accounts")],
                       limits=limits)


@pytest.fixture(scope="module")
def shared(make_broker, folder):
    with start(make_broker, folder) as running:
        yield running


# ---- what comes behind a poll that waits ----

POLL = f"{PATH}?EIO=4&transport=polling&sid="


def wait_at_a_poll(broker, name, behind, origin=""):
    """A connection whose poll waits and has the bytes `behind` it, and who can answer the poll from elsewhere."""
    other = Polling(f"http://127.0.0.1:{port_of(broker, name)}")
    other.open()
    raw = Raw(broker, name)
    raw.send(f"GET {POLL}{other.sid} HTTP/1.1\r\nHost: x\r\n{origin}\r\n".encode() + behind)
    return raw, other


def read(raw, is_head=False):
    status, *fields = raw.read_head().split("\r\n")[:-2]
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in fields)}
    return int(status.split()[1]), headers, b"" if is_head else raw.read_exactly(int(headers.get("content-length", 0)))


@pytest.mark.parametrize("name", ["open", "closed"])
@pytest.mark.parametrize("behind,status,method", [
    (b"GET /nowhere HTTP/1.1\r\nHost: x\r\nOrigin: http://elsewhere.example\r\n\r\n", 404, "GET"),
    (b"HEAD /nowhere HTTP/1.1\r\nHost: x\r\nOrigin: http://elsewhere.example\r\n\r\n", 404, "HEAD"),
    (b"HEAD /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 400, "HEAD"),
    (b"OPTIONS /socket.io/ HTTP/1.1\r\nHost: x\r\nOrigin: http://elsewhere.example\r\nConnection: close\r\n\r\n", 204, "OPTIONS"),
    (b"GET /file8.txt HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 200, "GET"),
    (b"HEAD /file8.txt HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 200, "HEAD"),
    (b"GET /socket.io/?EIO=4&transport=polling HTTP/1.0\r\nHost: x\r\n\r\n", 200, "GET"),
    (b"POST /socket.io/?EIO=4&transport=polling&sid=x HTTP/1.1\r\nHost: x\r\nOrigin: http://elsewhere.example\r\nConnection: close\r\nContent-Length: 2\r\n\r\n40", 400, "POST"),
    (b"POST /socket.io/ HTTP/1.1\r\nHost: x\r\nContent-Length: 100000000\r\n\r\n", 413, "POST"),
    (b"nonsense\n\n", 400, "GET"),
    (b"BREW /coffee HTTP/1.1\r\nHost: x\r\n\r\n", 501, "GET"),
    (ws.request("/nowhere", Origin="http://elsewhere.example"), 404, "GET"),
], ids=["404", "HEAD 404", "HEAD of a handshake", "a preflight", "a file", "HEAD of a file", "an HTTP/1.0 handshake", "a POST", "a POST that is too large",
        "nonsense", "an unknown method", "an upgrade to nothing"])
def test_what_comes_behind_a_waiting_poll_waits_for_its_own_answer(broker, name, behind, status, method):
    raw, other = wait_at_a_poll(broker, name, behind)
    assert other.post("40") == 200
    answered, headers, body = read(raw)
    assert answered == 200 and body.startswith(b"40" if name == "open" else b"44"), "the packets arrive"
    assert headers["connection"] == "keep-alive" and "access-control-allow-origin" not in headers and "vary" not in headers
    answered, headers, body = read(raw, method == "HEAD")
    assert answered == status
    if method == "GET" and status == 200:
        assert body == FILES["/file8.txt"] or body.startswith(b'0{"sid"')
    assert raw.read_to_end() == b""


def test_the_answer_to_a_poll_has_the_lines_of_its_own_origin(broker):
    raw, other = wait_at_a_poll(broker, "open", b"GET /file8.txt HTTP/1.1\r\nHost: x\r\n\r\n", origin="Origin: http://a.example\r\n")
    other.post("40")
    status, headers, _ = read(raw)
    assert status == 200 and headers["access-control-allow-origin"] == "http://a.example"
    status, headers, body = read(raw)
    assert (status, body) == (200, FILES["/file8.txt"]) and "access-control-allow-origin" not in headers


def test_an_upgrade_behind_a_waiting_poll_comes_after_it(broker):
    raw, other = wait_at_a_poll(broker, "open", ws.request("/talk") + ws.frame(ws.TEXT, b'"after"'))
    other.post("40")
    assert read(raw)[0] == 200
    assert raw.read_head().startswith("HTTP/1.1 101 ")
    assert raw.next() == (0x81, b'"after"')


def test_a_poll_behind_a_poll_is_answered_after_it(broker):
    raw, other = wait_at_a_poll(broker, "open", b"")
    raw.send(f"GET {POLL}{other.sid} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    other.post("40")
    assert read(raw)[2].startswith(b"40")
    other.post('421["hello"]')
    assert read(raw)[2] == b'431["hello"]'


def test_a_poll_that_is_answered_by_its_sessions_end_goes_before_what_follows(broker):
    raw, other = wait_at_a_poll(broker, "open", b"HEAD /file8.txt HTTP/1.1\r\nHost: x\r\n\r\n")
    other.post("1")
    status, headers, body = read(raw)
    # On another shard the end may have come first: then there is no such session.
    assert (status, body) == (200, b"6") or status == 400
    assert headers["connection"] == "keep-alive"
    assert read(raw, True)[1]["content-length"] == "8"


# ---- who reads no answers ----

@pytest.mark.parametrize("request_line", ["OPTIONS /socket.io/", "GET /file200000.txt", "GET /socket.io/?EIO=3"])
def test_who_reads_no_answers_is_not_asked_for_more_requests(broker, request_line):
    Raw(broker, "open").get("/file8.txt")
    before = broker.resident_bytes()
    raw = Raw(broker, "open")
    request = f"{request_line} HTTP/1.1\r\nHost: x\r\nOrigin: http://a.example\r\n\r\n".encode()
    raw.socket.settimeout(2)
    with pytest.raises(TimeoutError):
        for _ in range(400):
            raw.socket.sendall(request * 1000)
    assert waiting.slowness > 1 or broker.resident_bytes() - before < 24 << 20
    assert Raw(broker, "open").get("/file8.txt")[0] == 200


# ---- at random ----

@pytest.mark.parametrize("name", ["open", "closed"])
@pytest.mark.parametrize("shards", [1, 3])
def test_random_requests_get_their_own_answers_in_order(make_broker, folder, name, shards):
    """The seed is printed; BESTER_SEED gives it again."""
    seed = int(os.environ.get("BESTER_SEED", random.SystemRandom().randrange(1 << 32)))
    print(f"BESTER_SEED={seed}")
    # Pings answer every poll that nothing else does, and nobody answers pings.
    limits = {"keepalive_idle": "1s", "keepalive_timeout": "60s"}
    listeners = [{"name": "v4", "address": "127.0.0.1:0"}, edge(folder, name, "anonymous" if name == "open" else "accounts")]
    with make_broker(handlers={"echo": python_handler()}, threads=shards, limits=limits, listeners=listeners) as broker:
        good = broker.client("ann")
        swarm = Swarm(broker.addresses[name].below, FILES, seed, connections=25)
        swarm.run()
        print(swarm.counts)
        assert swarm.counts["answers"] > 100 and swarm.counts["polls"] > 10 and swarm.counts["upgrades"] > 0
        assert good.ask("echo", "well") == "well"
        assert broker.counters()["internal_errors"] == 0
