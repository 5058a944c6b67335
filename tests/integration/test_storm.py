"""Ten thousand at once: reconnecting, and just being there."""
import json
import selectors
import shutil
import socket
import sqlite3
import struct

import pytest

import eventually as waiting
import frames
from broker import make_accounts, now, python_handler
from client import code_of, is_good, login_frame, password_of
from eventually import eventually

pytestmark = pytest.mark.slow
CROWD = 10_000
MANY_OF_ONE = {"sessions_per_user": 100_000}  # more than one user may have by default
NAMES = [f"user-{i}" for i in range(CROWD)]
# As many as take some seconds to verify at the default cost of a password.
COSTLY = 60
DEFAULT_COST = {"argon2_memory": "64MiB", "argon2_operations": 2}


@pytest.fixture(scope="module")
def costly_hash(bin_directory, tmp_path_factory):
    """That of tina's password, at the default cost."""
    path = tmp_path_factory.mktemp("costly") / "accounts.db"
    make_accounts(str(bin_directory / "bester"), path, ["tina"], cost={})
    with sqlite3.connect(path) as database:
        ((hash,),) = database.execute("SELECT hash FROM users")
    database.close()
    return hash


@pytest.fixture(scope="module")
def crowded_accounts(accounts, costly_hash, tmp_path_factory):
    """The usual accounts and 10,000 more, with tina's password: the first few at the default cost."""
    path = tmp_path_factory.mktemp("crowd") / "accounts.db"
    shutil.copy(accounts, path)
    with sqlite3.connect(path) as database:
        (hash, created, changed) = database.execute("SELECT hash, created, changed FROM users WHERE name = 'tina'").fetchone()
        assert hash != costly_hash
        database.executemany("INSERT INTO users VALUES (?, ?, ?, ?)", [
            (name, costly_hash if i < COSTLY else hash, created, changed) for i, name in enumerate(NAMES)])
    database.close()
    return path


def destroy_hashes(broker):
    """From now on no password can be verified: only remembered credentials are let in."""
    with sqlite3.connect(broker.config["accounts"]["database"]) as database:
        database.execute("UPDATE users SET hash = 'none'")
    database.close()


def log_in_all(address, names, at_once=500):
    """Connects and logs in all of them as fast as they are taken; returns the sockets."""
    selector = selectors.DefaultSelector()
    waiting_for = {}
    sockets = []
    names = iter(names)
    is_finished = False
    until = now() + 120 * waiting.slowness
    while waiting_for or not is_finished:
        # A client's own backlog: as many as a machine would try at once.
        while not is_finished and len(waiting_for) < at_once:
            name = next(names, None)
            if name is None:
                is_finished = True
                break
            connection = socket.socket(socket.AF_UNIX if isinstance(address, str) else socket.AF_INET, socket.SOCK_STREAM)
            connection.connect(address)
            connection.sendall(frames.encode(login_frame(name, password_of("tina"))))
            connection.setblocking(False)
            sockets.append(connection)
            waiting_for[connection] = frames.Decoder()
            selector.register(connection, selectors.EVENT_READ)
        assert now() < until, f"{len(waiting_for)} still wait for their log-in"
        for key, _ in selector.select(1):
            data = key.fileobj.recv(4096)
            assert data, "closed in the log-in"
            for body in waiting_for[key.fileobj].feed(data):
                assert b'"good"' in body, body
                waiting_for.pop(key.fileobj)
                selector.unregister(key.fileobj)
    selector.close()
    return sockets


def segments_in(connection):
    """How many TCP segments have come, those without data too: `tcpi_segs_in` of struct tcp_info (linux/tcp.h)."""
    (count,) = struct.unpack_from("=I", connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 144), 140)
    return count


def has_ended(connection):
    try:
        return connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


def leave(broker, crowd):
    for connection in crowd:
        connection.close()
    eventually(lambda: broker.status()["sessions"] == 0, 30)


@pytest.mark.parametrize("listener", ["v4", "unix"])
def test_ten_thousand_users_reconnect_at_once(make_broker, crowded_accounts, record_property, listener):
    with make_broker(accounts=crowded_accounts, log={"level": "info"}, limits={"keepalive_idle": "10m", "authentication_timeout": "5m"}) as broker:
        address = broker.addresses[listener]
        # To verify all of them at the default cost takes a quarter of an hour, so most have a cheap hash.
        # (At the default cost the broker would make it a costly one at their first log-in.)
        begin = now()
        crowd = log_in_all(address, NAMES[COSTLY:])
        record_property("first_log_ins_cheap_seconds", round(now() - begin, 2))
        assert broker.reload(accounts=DEFAULT_COST)["ok"]
        if listener == "v4":
            begin = now()
            crowd += log_in_all(address, NAMES[:COSTLY], at_once=8)
            record_property("first_log_ins_costly_seconds", round(now() - begin, 2))
        names = NAMES if listener == "v4" else NAMES[COSTLY:]
        assert broker.status()["sessions"] == broker.status()["users"] == len(names)
        leave(broker, crowd)
        destroy_hashes(broker)
        begin = now()
        crowd = log_in_all(address, names)
        record_property("reconnect_seconds", round(now() - begin, 2))
        c = broker.client(names[0], listener, password=password_of("tina"))
        assert c.ask("echo", "well") == "well"
        c.close()
        leave(broker, crowd)


def test_a_verified_password_is_remembered_and_nothing_else_is(make_broker):
    with make_broker() as broker:
        broker.client("tina")
        destroy_hashes(broker)
        broker.client("tina", "v6")          # by another shard, perhaps
        for user, password in (("gustav", password_of("gustav")), ("tina", "wrong"), ("tina", password_of("tina") + " ")):
            c = broker.client(None)
            c.send_frame(login_frame(user, password))
            assert not is_good(c.status("auth_special"))
        broker.client("tina", "unix")


def test_remembering_can_be_turned_off(make_broker):
    with make_broker() as broker:
        assert broker.reload(accounts={"remember": "0s"})["ok"]
        broker.client("tina")
        destroy_hashes(broker)
        c = broker.client(None)
        c.send_frame(login_frame("tina"))
        assert not is_good(c.status("auth_special"))


def make_ann_costly(broker):
    """Gives Ann the password "dear" at the default cost; returns a session of hers."""
    broker.reload(accounts=DEFAULT_COST)
    c = broker.client("ann")
    c.send("builtin", {"command": {"type": "password", "old": password_of("ann"), "new": "dear"}}, "p")
    c.good("p", 30)
    return c


def test_at_the_default_cost_only_the_first_log_in_costs(make_broker):
    with make_broker() as broker:
        make_ann_costly(broker)
        first = broker.client(None)
        first.send_frame(login_frame("ann", "dear"))
        first.good("auth_special", 30)
        # What is verified again cannot be good any more.
        destroy_hashes(broker)
        for _ in range(20):
            broker.client("ann", password="dear")


def test_log_ins_of_strangers_do_not_hold_up_those_who_are_in(make_broker):
    with make_broker() as broker:
        c = make_ann_costly(broker)
        strangers = [broker.client(None) for _ in range(30)]
        for i, s in enumerate(strangers):
            s.send_frame(login_frame("ann", f"guess {i}"))
        for i in range(20):
            assert c.ask("echo", i) == i
        refused = [s.status("auth_special", 60) for s in strangers]
        assert {code_of(f) for f in refused} <= {"authentication_failed", "busy"}


def test_ten_thousand_who_came_at_once_and_say_nothing_stay(make_broker):
    """TCP asks them at once whether they are there, and the kernel drops much of what comes at once."""
    with make_broker(log={"level": "info"}, limits=MANY_OF_ONE) as broker:
        crowd = log_in_all(broker.addresses["v4"], ["tina"] * CROWD)
        before = [segments_in(c) for c in crowd]
        for c, count in zip(crowd, before):
            eventually(lambda: segments_in(c) > count or has_ended(c), 60)
        # All of them, unless the machine has much else to drop.
        assert sum(map(has_ended, crowd)) <= CROWD * 0.01
        assert broker.status()["sessions"] >= CROWD * 0.99
        leave(broker, crowd)


def test_ten_thousand_idle_sessions_cost_little(make_broker):
    with make_broker(log={"level": "info"}, limits=MANY_OF_ONE) as broker:
        address = broker.addresses["v4"]
        warm = log_in_all(address, ["tina"] * 300)
        before = broker.resident_bytes()
        crowd = log_in_all(address, ["tina"] * CROWD)
        grown = (broker.resident_bytes() - before) / CROWD
        assert broker.status()["sessions"] == CROWD + 300
        print(f"{grown:.0f} bytes for each idle session")
        if waiting.slowness == 1:
            assert grown < 1536, f"{grown:.0f} bytes for each idle session"
        c = broker.client("gustav")
        assert c.ask("echo", "well") == "well"
        # And one of them is reached with everybody else.
        _, status = c.request("echo", {"do": [{"command": "sendClients", "users": ["tina"], "data": "all of you"}]}, 30)
        assert is_good(status) and status["payload"]["delivered"] == CROWD + 300
        for connection in crowd[::500] + warm[::100]:
            connection.setblocking(True)
            connection.settimeout(20)
            assert b"all of you" in connection.recv(4096)
        for connection in crowd + warm:
            connection.close()
        eventually(lambda: broker.status()["sessions"] == 1, 30)


def test_one_message_to_a_group_of_two_thousand(make_broker):
    with make_broker(handlers={"echo": python_handler(recipients=5000)}, limits=MANY_OF_ONE) as broker:
        c = broker.client("gustav")
        crowd = log_in_all(broker.addresses["unix"], ["tina"] * 2000)
        sessions = []

        for connection in crowd:
            connection.setblocking(True)
            connection.settimeout(30)
            connection.sendall(frames.encode({"payload": {"type": "builtin", "data": {"command": {"type": "whoami"}}}}))
        for connection in crowd:
            decoder, bodies = frames.Decoder(), []
            while not bodies:
                bodies = decoder.feed(connection.recv(4096))
            sessions.append(json.loads(bodies[0])["payload"]["data"]["session"])
        assert is_good(c.request("echo", {"do": [{"command": "join", "group": "crowd", "sessions": sessions}]}, 30)[1])
        for i in range(10):
            _, status = c.request("echo", {"do": [{"command": "sendGroup", "group": "crowd", "data": i}]}, 30)
            assert status["payload"]["delivered"] == 2000
        for connection in crowd:
            decoder, got = frames.Decoder(), []
            while len(got) < 10:
                got += decoder.feed(connection.recv(65536))
            assert [json.loads(b)["payload"]["data"] for b in got] == list(range(10))
            connection.close()
