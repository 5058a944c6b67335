"""One allocation of a shard or of the control thread fails, at every point of a conversation: it ends one stream or one piece of work, is counted
and logged, and the broker serves on."""
import json
import mmap
import os
import random
import struct

import pytest

import eventually as waiting
from broker import FAST, python_handler
from client import is_good
from eventually import eventually
from raw_websocket import Raw
from socketio import PATH, listener
from websocket_stream import TEXT, frame

STEP = 37        # of the numbers of allocations, in each run
PATIENCE = 0.4   # seconds for an answer that may never come, as what would have sent it has failed


class Failures:
    """The numbers that tests/support/failing_allocations.cpp reads and writes."""

    def __init__(self, path):
        path.write_bytes(bytes(32))
        self.file = open(path, "r+b")
        self.memory = mmap.mmap(self.file.fileno(), 32)
        self.were_on_shards = False

    def arm(self, number, on_control_thread=False):
        """The allocation of this number, from now on, fails; 0: none."""
        struct.pack_into("<q", self.memory, 24, int(on_control_thread))
        self.were_on_shards |= number > 0 and not on_control_thread
        struct.pack_into("<q", self.memory, 0, number)

    @property
    def left(self):
        return struct.unpack_from("<q", self.memory, 0)[0]

    @property
    def failures(self):
        return struct.unpack_from("<q", self.memory, 8)[0]


@pytest.fixture(scope="module")
def shared(make_broker, bin_directory, tmp_path_factory):
    library = bin_directory / "failing_allocations.so"
    if not library.exists():
        pytest.skip("tests/support/failing_allocations.cpp is not built")
    path = tmp_path_factory.mktemp("f") / "numbers"
    failures = Failures(path)
    environment = {"LD_PRELOAD": str(library), "BESTER_FAILING_ALLOCATIONS": str(path),
                   "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"}
    handlers = {"echo": python_handler("--events", "clients,groups", restart=FAST)}
    edge = listener("edge", namespaces={"/": "echo", "/more": "echo"}, authentication=["anonymous"])
    # Who polls no more is gone soon.
    limits = {"keepalive_idle": "1s", "keepalive_timeout": "2s"}
    with make_broker(handlers=handlers, environment=environment, start=False, limits=limits,
                     permissions=[{"types": ["*"], "users": ["*"], "anonymous": True}]) as running:
        running.config["listeners"].append(edge)
        running.config["server"]["connections"] = 100   # a place that is lost is missed soon
        running.write_config()
        running.start()
        running.failures = failures
        yield running
        assert running.counters()["internal_errors"] > 0 or not failures.were_on_shards
        running.check_counters = lambda: None


# ---- conversations: each may end by an exception when something failed, and never waits long ----

def talk(client, *commands, type="echo"):
    client.send(type, {"do": list(commands)}, "1")
    assert is_good(client.status("1", PATIENCE))


def plain(broker, listener="v4"):
    client = broker.client("tina", listener)
    client.send("echo", "x" * 3000, "1")
    client.status("1", PATIENCE)
    client.send("builtin", {"command": {"type": "whoami"}}, "2")
    client.status("2", PATIENCE)
    client.send("nobody serves this", 1, "3")
    client.status("3", PATIENCE)
    client.send("builtin", {"command": {"type": "close"}}, "4")
    client.expect_closed(PATIENCE)


def to_others(broker):
    others = [broker.client("gustav") for _ in range(4)]
    client = broker.client("tina")
    talk(client, {"command": "sendClients", "users": ["gustav", "nob\u00f6dy"], "data": "y" * 500, "report": "r"},
         {"command": "sendClients", "users": ["*"], "data": 1})
    for other in others:
        other.data("echo", PATIENCE)


def groups(broker):
    others = [broker.client("gustav") for _ in range(3)]
    for client in others:
        talk(client, {"command": "join", "group": "hall"})
    talk(others[0], {"command": "sendGroup", "group": "hall", "data": 1, "report": "r"}, {"command": "leave", "group": "hall"})
    talk(others[1], {"command": "disconnect", "users": ["gustav"], "reason": "enough"})
    for other in others:
        other.expect_closed(PATIENCE)


def mistakes(broker):
    client = broker.client("tina")
    client.send_frame(b"{not json")
    client.status("error_special", PATIENCE)
    talk(client, {"command": "d\u00e4nce"}, {"command": "sendGroup"})


def halves(broker):
    """Frames in pieces, more than fits into a buffer, and a client that leaves in the middle."""
    client = broker.client("tina")
    client.send("echo", "z" * 150_000, "1")
    client.status("1", PATIENCE)
    client.send_bytes(struct.pack("<I", 50_000) + b"{" * 10_000)
    client.close()
    again = broker.client("gustav")
    again.send("echo", {"act": "none"}, "1")
    again.status("1", PATIENCE)


def queries(broker):
    client = broker.client("tina")
    for query in ({"query": "listClients"}, {"query": "isClient", "user": "tina"}, {"query": "listGroup", "group": "hall"}):
        client.send("echo", {"act": "query", "query": query}, "1")
        client.status("1", PATIENCE)


def websocket(broker):
    raw = Raw(broker, "edge", open=PATH + "?EIO=4&transport=websocket")
    assert raw.next()[1].startswith(b"0")
    raw.send(b"".join(frame(TEXT, text.encode()) for text in ("40", "40/more,", '420["hello",{"a":[1,2]}]', '42/more,1["there"]')))
    for _ in range(4):
        raw.next()
    raw.send(frame(TEXT, b"41"))


def polling(broker):
    raws = [Raw(broker, "edge") for _ in range(3)]
    sid = None
    for number, body in enumerate((None, b"40", None, b'420["scr\\u0069pt",{"act":"none"}]', None)):
        raw = raws[number % 3]
        query = f"?EIO=4&transport=polling{f'&sid={sid}' if sid else ''}"
        head = f"{'POST' if body else 'GET'} {PATH}{query} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body or b'')}\r\n\r\n"
        raw.send(head.encode() + (body or b""))
        raw.socket.settimeout(PATIENCE * waiting.slowness)
        answer = raw.read_head()
        size = next(int(line.split(":")[1]) for line in answer.splitlines() if line.lower().startswith("content-length"))
        text = raw.read_exactly(size)
        if number == 0:
            sid = json.loads(text[1:])["sid"]


CONVERSATIONS = {"plain": plain, "tls": lambda broker: plain(broker, "tls"), "web": lambda broker: plain(broker, "web"),
                 "wss": lambda broker: plain(broker, "wss"), "others": to_others, "groups": groups, "mistakes": mistakes,
                 "halves": halves, "queries": queries, "socketio": websocket, "polling": polling}


def descriptors(broker):
    return len(os.listdir(f"/proc/{broker.process.pid}/fd"))


def leave_all(broker):
    for each in broker.opened:
        each.close()
    broker.opened.clear()


def serves(broker, number=None):
    """Somebody who comes now, when the others have gone, gets what he asks for: that he is alone, as the handler sees it."""
    leave_all(broker)
    said = []

    def is_alone():
        try:
            with broker.client("ann", "v4") as client:
                me = client.ask("builtin", {"command": {"type": "whoami"}})["session"]
                replies, status = client.request("echo", {"act": "picture"})
                said[:] = [me, status, replies]
                return is_good(status) and replies[0]["payload"]["data"] == {"sessions": [me], "groups": {}}
        except (AssertionError, OSError) as error:
            said[:] = [error]
            return False
    broker.until_running(is_alone, lambda: f"a new client is served, and the handler's picture is right, after number {number}: {said}", 30)


# Polling sessions that lose their memory rest for seconds each time.
@pytest.mark.parametrize("kind", [pytest.param(kind, marks=pytest.mark.long if kind == "polling" else ()) for kind in CONVERSATIONS])
def test_any_allocation_may_fail(shared, shared_log, is_long, kind):
    """Each of them in the long run; else some, of which the first is drawn."""
    shared_log(shared)
    step = 1 if is_long else STEP
    failures = shared.failures
    serves(shared)
    eventually(lambda: not any(s["connections"] for s in shared.status()["shards"]), 30, "no connection is left")
    opened = descriptors(shared)
    number = random.randint(1, step) - step
    print(f"the first to fail is number {number + step}")
    failed = 0
    while True:
        number += step
        before = failures.failures
        failures.arm(number)
        try:
            CONVERSATIONS[kind](shared)
        except (AssertionError, OSError):   # Closed is an AssertionError
            pass
        has_failed = failures.failures > before
        is_over = failures.left > 0
        failures.arm(0)
        failed += has_failed
        serves(shared, number)
        eventually(lambda: not any(s["connections"] for s in shared.status()["shards"]), 30,
                   lambda: f"no connection is left after number {number}: {shared.status()['shards']}")
        if is_over:
            break
    assert failed >= (5 if is_long else 1), "the conversation has allocations"
    eventually(lambda: not any(s["connections"] for s in shared.status()["shards"]), 30, "no connection is left")
    eventually(lambda: descriptors(shared) <= opened, 30, "every descriptor has been closed")


@pytest.mark.parametrize("request_", ["status", "handlers", "peers"])
def test_any_allocation_of_the_control_thread_may_fail(shared, shared_log, is_long, request_):
    """A request is answered with an error, or its connection is closed; the next one is answered."""
    shared_log(shared)
    failures = shared.failures
    number = 0
    failed = 0
    while True:
        number += 1 if is_long or number < 20 else 7
        before = failures.failures
        failures.arm(number, on_control_thread=True)
        try:
            answer = shared.control({"request": request_})
            assert answer["ok"] or answer["error"]["code"] == "internal_error"
        except OSError:
            pass
        has_failed = failures.failures > before
        failures.arm(0)
        failed += has_failed
        assert shared.control({"request": request_})["ok"], f"it is answered after number {number}"
        if not has_failed:
            break
    assert failed > 5, "the request has allocations"
