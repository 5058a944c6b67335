"""Every limit of the config's `limits`, hit for real."""
import re
import select
import socket
import struct
import subprocess

import pytest

import frames
from broker import now, python_handler
from client import code_of, is_delivery, is_good, is_status, login_frame
from eventually import eventually


def flood(broker, sender, user, size, times):
    """Lets the handler push to a user that may not read."""
    return sender.request("echo", {"act": "push", "times": times, "commands": [
        {"command": "sendClients", "users": [user], "type": "flood", "data": "x" * size}]})


def test_counters_count_what_their_names_say(make_broker):
    with make_broker(server={"connections": 8}) as broker:
        def counted(act, **expected):
            """What act() counts, among these and those that would be wrong."""
            before = broker.counters()
            act()
            names = {*expected, "sessions_opened", "sessions_closed", "messages_bad", "requests_refused", "connections_refused",
                     "authentications_failed"}

            def difference():
                now = broker.counters()
                return {name: now[name] - before[name] for name in names if now[name] != before[name]}
            eventually(lambda: difference() == expected, 20, lambda: f"{act}: {difference()}, not {expected}")

        def health_check(listener):
            with socket.create_connection(tuple(getattr(broker.addresses[listener], "below", broker.addresses[listener]))):
                pass

        def request(path):
            with socket.create_connection(tuple(broker.addresses["web"].below)) as made:
                made.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
                assert made.recv(100)

        def log_in(password):
            with broker.client() as client:
                client.send_frame(login_frame("tina", password))
                client.status("auth_special")
        for listener in ("v4", "tls", "web", "wss"):
            counted(lambda: health_check(listener), connections_opened=1, connections_closed=1)
        for path in ("/nowhere", "/"):
            counted(lambda: request(path), connections_opened=1, connections_closed=1, requests_refused=1)
        counted(lambda: broker.client("tina").close(), connections_opened=1, connections_closed=1, sessions_opened=1, sessions_closed=1)
        counted(lambda: log_in("wrong"), connections_opened=1, connections_closed=1, authentications_failed=1)
        several = [broker.client("tina") for _ in range(8)]
        counted(lambda: broker.client().expect_closed(), connections_refused=1)
        counted(several[0].close, connections_closed=1, sessions_closed=1)


def test_who_does_not_log_in_in_time_is_told_and_closed(make_broker, transport):
    with make_broker(limits={"authentication_timeout": "300ms"}) as broker:
        begin = now()
        silent = broker.client(None, transport)
        slow = broker.client(None, transport)
        slow.send_bytes(frames.encode(login_frame("tina"))[:20])
        done = broker.client("gustav", transport)
        for c in (silent, slow):
            c.bad("close_special", "authentication_timeout")
            assert c.expect_closed() == []
        assert now() - begin >= 0.25
        done.expect_nothing_before_ping()
        eventually(lambda: broker.status()["shards"][0]["connections"] <= 1)


def test_who_asked_in_time_and_got_no_answer_is_told_that_the_broker_is_busy(make_broker, transport):
    # Passwords of strangers cost as much as others: here, about a second each.
    with make_broker(limits={"authentication_timeout": "200ms"}) as broker:
        assert broker.reload(accounts={"argon2_memory": "64MiB", "argon2_operations": 40})["ok"]
        c = broker.client(None, transport)
        c.send_frame(login_frame("stranger"))
        status = c.bad("auth_special", "busy")
        assert status["header"]["error"]["retry_after_ms"] >= 1000
        assert c.expect_closed() == []
        counters = broker.counters()
        assert counters["logins_put_off"] == 1 and counters["authentications_failed"] == 0
        broker.client(None, transport).bad("close_special", "authentication_timeout")


def test_above_the_unanswered_limit_the_socket_is_not_read_and_nothing_is_lost(make_broker, transport):
    with make_broker(limits={"unanswered": 8}) as broker:
        c = broker.client("tina", transport)
        c.send_bytes(b"".join(frames.encode({"payload": {"type": "echo", "data": {"act": "hold", "i": i}, "id": f"{i}"}})
                              for i in range(100)))
        control = broker.client("gustav", transport)
        eventually(lambda: len(control.ask("echo", {"act": "seen"})) >= 8)
        # It gets no more than the limit while nothing is answered.
        for _ in range(5):
            assert len(control.ask("echo", {"act": "seen"})) == 8
        while len([s for s in c.inbox if is_status(s)]) < 100:
            control.ask("echo", {"act": "release"})
            until = now() + 0.02
            try:
                while True:
                    c.inbox += c.read_frames(until)
            except AssertionError:
                pass
        assert [s["payload"]["id"] for s in c.inbox if is_status(s)] == [str(i) for i in range(100)]
        assert [d["payload"]["data"]["i"] for d in c.inbox if is_delivery(d)] == list(range(100))


def test_the_default_unanswered_limit_is_256(make_broker):
    with make_broker() as broker:
        c = broker.client("tina")
        c.send_bytes(b"".join(frames.encode({"payload": {"type": "echo", "data": {"act": "hold", "i": i}, "id": f"{i}"}})
                              for i in range(300)))
        control = broker.client("gustav")
        eventually(lambda: len(control.ask("echo", {"act": "seen"})) >= 256)
        for _ in range(5):
            assert len(control.ask("echo", {"act": "seen"})) == 256
        control.ask("echo", {"act": "release"})
        eventually(lambda: len(control.ask("echo", {"act": "seen"})) == 300)
        control.ask("echo", {"act": "release"})
        for i in range(300):
            c.good(str(i))


def test_a_slow_consumer_is_told_and_cut_off_and_others_are_unaffected(make_broker, transport):
    with make_broker(limits={"queue_bytes": "64KiB"}) as broker:
        slow = broker.client("gustav", transport)
        other = broker.client("ann", transport)
        sender = broker.client("tina", transport)
        eventually(lambda: flood(broker, sender, "gustav", 20_000, 50) and broker.counters()["slow_consumers"] == 1)
        _, status = sender.request("echo", {"do": [{"command": "sendClients", "users": ["gustav"], "data": 1}]})
        assert is_good(status) and status["payload"]["delivered"] == 0
        other.expect_nothing_before_ping()
        came = slow.expect_closed()
        assert code_of(came[-1]) == "slow_consumer" and came[-1]["payload"]["id"] == "close_special"
        assert all(f["payload"]["type"] == "flood" for f in came[:-1])
        assert broker.counters()["slow_consumers"] == 1
        eventually(lambda: all(s["queued_bytes"] < 200_000 for s in broker.status()["shards"]))


def test_a_slow_consumer_by_number_of_messages(make_broker):
    with make_broker(limits={"queue_messages": 20, "queue_bytes": "64MiB"}) as broker:
        slow = broker.client("gustav", "unix")
        sender = broker.client("tina")
        eventually(lambda: flood(broker, sender, "gustav", 30_000, 20) and broker.counters()["slow_consumers"] == 1)
        assert code_of(slow.expect_closed()[-1]) == "slow_consumer"


def test_memory_stays_bounded_however_many_do_not_read(make_broker):
    with make_broker(limits={"queue_bytes": "256KiB"}) as broker:
        sender = broker.client("tina")
        sender.ask("echo", 1)
        before = broker.resident_bytes()
        silent = [broker.client("gustav", "unix") for _ in range(40)]
        most = 0
        for _ in range(30):
            flood(broker, sender, "gustav", 100_000, 10)
            most = max(most, broker.resident_bytes())
        # 300 messages of 100 kB to 40 sessions are 1.2 GB; the queues may hold 10 MB of it.
        assert broker.counters()["slow_consumers"] == 40
        assert most - before < 64 << 20, f"grew by {(most - before) >> 20} MiB"
        assert len(silent) == 40


def test_who_takes_nothing_is_cut_off_after_the_write_timeout(make_broker, transport):
    with make_broker(limits={"write_timeout": "400ms", "queue_bytes": "16MiB"}) as broker:
        stuck = broker.client("gustav", transport)
        sender = broker.client("tina", transport)
        eventually(lambda: flood(broker, sender, "gustav", 100_000, 40) and broker.counters()["write_timeouts"] == 1)
        assert all(f["payload"]["type"] == "flood" for f in stuck.expect_closed())
        broker.wait_for_log("write_timeout")
        sender.expect_nothing_before_ping()


@pytest.mark.parametrize("message", [{"type": "echo", "data": "x" * 128, "id": "i"}, {"type": "echo", "data": "x" * 1000, "id": "i"},
                                     {"type": "dummy", "id": "i"}, {"type": "nobody", "id": "i"}], ids=["echo", "large", "ping", "bad"])
def test_who_does_not_read_its_answers_is_not_read_either(make_broker, transport, message):
    """One's own flood of requests is held back by one's own unread answers: nobody is a slow consumer."""
    with make_broker(limits={"unanswered": 200, "write_timeout": "5m"}) as broker:
        c = broker.client("tina", transport)
        c.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 64 * 1024)
        c.socket.setblocking(False)
        batch = frames.encode({"payload": message}) * 100
        sent = 0
        rest = b""

        def is_stuck():
            """The broker takes no more, and has answered all that it took."""
            return not select.select([], [c.socket], [], 0.3)[1]
        while not is_stuck():
            rest = rest or batch
            try:
                rest = rest[c.socket.send(rest):]
            except BlockingIOError:
                continue
            sent += 0 if rest else 100
            assert sent < 400_000, "the broker read everything although nothing was taken"
        received = 0
        while received < sent:
            c.inbox = []
            received += sum(map(is_status, c.read_frames(now() + 10)))
        assert broker.counters()["slow_consumers"] == 0
        c.send_bytes(rest)


def nested(levels):
    data = "bottom"
    for _ in range(levels):
        data = [data]
    return data


@pytest.mark.parametrize("depth", [4, 64, 500])
def test_what_is_as_deep_as_it_may_be_comes_back(make_broker, depth):
    """In a handler's answer it lies a level deeper than in the client's frame; the answer is none the worse for that."""
    with make_broker(limits={"json_depth": depth}) as broker:
        pid = broker.pid_of("echo")
        tina, gustav = broker.client("tina"), broker.client("gustav")
        if depth >= 64:   # the log-in is three deep, and so are the commands of the second message
            letter = {"do": [{"command": "sendClients", "users": ["gustav"], "data": nested(depth - 5)}]}
            assert is_good(tina.request("echo", letter)[1]) and gustav.data("echo") == nested(depth - 5)
        assert tina.ask("echo", nested(depth - 2)) == nested(depth - 2)
        tina.send("echo", nested(depth - 1), "too deep")
        assert code_of(tina.find(lambda f: is_status(f))) == "bad_message"
        assert broker.pid_of("echo") == pid


def test_above_the_connection_limit_one_is_told(make_broker, transport):
    with make_broker(server={"connections": 3}) as broker:
        kept = [broker.client("tina", transport) for _ in range(3)]
        if transport in ("tls", "web", "wss"):   # there is no room for a handshake either
            with pytest.raises(OSError):
                broker.client(None, transport)
        else:
            late = broker.client(None, transport)
            late.send_bytes(b"in a hurry")
            late.bad("close_special", "too_many_connections")
            late.send_bytes(b" and not reading")
            assert late.socket.recv(1) == b"", "a proper end, no reset"
        eventually(lambda: broker.counters()["connections_refused"] == 1, what=broker.counters)
        kept.pop().close()
        eventually(lambda: sum(s["connections"] for s in broker.status()["shards"]) == 2)
        broker.client("gustav", transport).expect_nothing_before_ping()


def test_tcp_keepalive_is_set_as_configured(make_broker):
    with make_broker(limits={"keepalive_idle": "7s", "keepalive_timeout": "4s"}) as broker:
        for transport in ("v4", "v6"):
            c = broker.client("tina", transport)
            mine, its = c.socket.getsockname()[1], c.socket.getpeername()[1]
            shown = subprocess.run(["ss", "-tnoH", f"sport = :{its} and dport = :{mine}"], capture_output=True, text=True, check=True).stdout
            # "7sec", and below that "6.912ms", which are seconds too.
            left = re.search(r"timer:\(keepalive,([\d.]+)(?:sec|ms),0\)", shown)
            assert left and 0 < float(left.group(1)) <= 7.0, shown


def test_limits_of_depth_and_size_are_the_configured_ones(make_broker):
    with make_broker(limits={"json_depth": 5, "message_size": "1KiB"}) as broker:
        c = broker.client("tina")
        c.send("echo", [[1]], "ok")
        c.good("ok")
        c.send("echo", [[[[[1]]]]], "deep")
        c.bad("error_special", "bad_message")
        c.send_bytes(struct.pack("<I", 1025))
        c.bad("error_special", "too_large")


def test_ten_thousand_messages_of_many_sessions(make_broker):
    """Everything at once, nothing lost, nothing doubled."""
    with make_broker(handlers={"echo": python_handler(instances=2)}) as broker:
        all_clients = [broker.client("tina", t) for t in ("v4", "v6", "unix") for _ in range(5)]
        for round in range(10):
            for c in all_clients:
                c.send_bytes(b"".join(frames.encode({"payload": {"type": "echo", "data": i, "id": f"{round}/{i}"}})
                                      for i in range(60)))
            for c in all_clients:
                statuses = [c.find(is_status)["payload"]["id"] for _ in range(60)]
                assert statuses == [f"{round}/{i}" for i in range(60)]
                assert [f["payload"]["data"] for f in c.inbox] == list(range(60))
                c.inbox = []


def test_a_client_that_vanishes_leaves_nothing(make_broker, transport):
    with make_broker() as broker:
        for _ in range(20):
            c = broker.client("tina", transport)
            c.send("echo", {"act": "hold"}, "x")
            if transport != "unix":
                c.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            c.close()
        control = broker.client("gustav", transport)
        eventually(lambda: broker.status()["sessions"] == 1 or control.ask("echo", {"act": "release"}) is None)
        control.ask("echo", {"act": "release"})
        control.ask("echo", 1)
        eventually(lambda: all(s["unanswered"] == 0 for s in broker.status()["shards"]))
