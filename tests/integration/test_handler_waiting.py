"""Handlers that are late, hang or do not read: deadlines, windows, queues, and what senders are told."""
import time

from broker import FAST, now, python_handler, wait_until_dead
from client import code_of, is_good, is_status, statuses
from eventually import eventually


def test_a_late_answer_is_ignored(make_broker):
    with make_broker(handlers={"echo": python_handler(deadline="200ms")}) as broker:
        c = broker.client("tina")
        pid = broker.pid_of("echo")
        begin = now()
        c.send("echo", {"act": "hold"}, "h")
        status = c.bad("h", "handler_timeout")
        assert now() - begin >= 0.18 and status["header"]["error"]["temporary"] is True
        assert c.ask("echo", {"act": "release"}) == "released"
        c.expect_nothing_before_ping()
        assert broker.counters()["answers_unknown"] == 1 and broker.pid_of("echo") == pid


def test_a_handler_that_hangs_is_restarted(make_broker):
    entry = python_handler(deadline="1s", silence_timeout="400ms", restart=FAST)
    with make_broker(handlers={"echo": entry, "other": python_handler()}) as broker:
        c = broker.client("tina")
        pid = broker.pid_of("echo")
        c.send("echo", {"act": "hang"}, "h")
        c.send("echo", 1, "behind")
        assert c.ask("other", "unaffected") == "unaffected"
        got = statuses(c, {"h", "behind"})
        assert code_of(got["h"]) == "handler_failed"
        assert is_good(got["behind"]) or code_of(got["behind"]) in ("handler_timeout", "handler_failed")
        broker.wait_for_other_pid("echo", pid)
        wait_until_dead(pid)
        assert c.ask("echo", "back") == "back"
        assert broker.instance("echo")["restarts"] == 1


def test_a_handler_that_ignores_sigterm_is_killed_after_the_grace(make_broker):
    entry = python_handler("--ignore-sigterm", deadline="1m", silence_timeout="200ms", hang_signal="SIGTERM", stop_grace="300ms", restart=FAST)
    with make_broker(handlers={"echo": entry}) as broker:
        c = broker.client("tina")
        pid = broker.pid_of("echo")
        c.send("echo", {"act": "hang"}, "h")
        c.bad("h", "handler_failed")
        wait_until_dead(pid)
        broker.wait_for_log("SIGKILL")
        broker.wait_for_other_pid("echo", pid)


def test_what_waits_for_a_handler_that_is_not_ready_is_held_until_the_deadline(make_broker):
    handlers = {"never": python_handler("--no-hello", deadline="300ms", hello_timeout="1m", stop_grace="100ms"),
                "soon": python_handler(deadline="20s", restart={"initial_delay": "200ms"}), "echo": python_handler()}
    with make_broker(handlers=handlers, start=False) as broker:
        broker.start(wait_for_handlers=False)
        c = broker.client("tina")
        for i in range(5):
            c.send("soon", i, f"s{i}")     # most likely it has not said hello yet
        for i in range(5):
            c.good(f"s{i}")
        begin = now()
        c.send("never", 1, "n")
        status = c.bad("n", "handler_unavailable")
        assert now() - begin >= 0.28 and status["header"]["error"]["temporary"] is True
        broker.wait_for_handlers("soon")
        pid = broker.pid_of("soon")
        c.send("soon", {"act": "exit", "code": 3}, "x")
        c.bad("x", "handler_failed")
        c.send("soon", "held over the restart", "y")
        c.good("y")
        assert broker.pid_of("soon") != pid


def test_window_full_the_sender_waits_and_nothing_is_lost(make_broker):
    with make_broker(handlers={"echo": python_handler(window=4), "control": python_handler()}, limits={"busy_timeout": "1m"}) as broker:
        senders = [broker.client("tina") for _ in range(4)]
        for c in senders:
            for i in range(10):
                c.send("echo", {"act": "later", "ms": 20, "i": i}, str(i))
        for c in senders:
            assert [c.find(is_status)["payload"]["id"] for _ in range(10)] == [str(i) for i in range(10)]
            assert [f["payload"]["data"]["i"] for f in c.inbox] == list(range(10))
        assert broker.counters()["busy"] == 0


def test_window_full_for_too_long_is_busy(make_broker):
    with make_broker(handlers={"echo": python_handler(window=1, deadline="3s")}, limits={"busy_timeout": "200ms"}, threads=1) as broker:
        c = broker.client("tina")
        other = broker.client("gustav")
        c.send("echo", {"act": "silent"}, "first")
        c.send("echo", 2, "second")
        status = c.bad("second", "busy")  # before the first one's deadline has ended
        assert status["header"]["error"]["temporary"] is True
        other.send("echo", 3, "o")
        other.bad("o", "busy")
        other.expect_nothing_before_ping()
        c.bad("first", "handler_timeout")


def test_no_more_wait_for_a_handler_than_may(make_broker):
    with make_broker(handlers={"echo": python_handler(window=1, waiting=2, deadline="20s")}, limits={"busy_timeout": "20s"}, threads=1) as broker:
        control = broker.client("ann")
        senders = [broker.client("tina") for _ in range(5)]
        senders[0].send("echo", {"act": "later", "ms": 600}, "x")
        eventually(lambda: broker.handler("echo")["instances"][0]["in_flight"] == 1)
        for i, c in enumerate(senders[1:3]):
            c.send("echo", 1, "x")
            eventually(lambda: broker.handler("echo")["waiting"] == i + 1)
        for c in senders[3:]:
            c.send("echo", 1, "x")
            c.bad("x", "busy")
        control.expect_nothing_before_ping()
        for c in senders[:3]:
            c.good("x")


def test_a_message_too_large_for_the_handler_is_refused(make_broker):
    with make_broker(handlers={"echo": python_handler(message_size="8KiB")}) as broker:
        c = broker.client("tina")
        c.send("echo", "x" * 9000, "l")
        c.bad("l", "too_large")
        assert len(c.ask("echo", "x" * 6000)) == 6000


def test_the_least_message_size_leaves_room_for_data(make_broker):
    with make_broker(handlers={"echo": python_handler(message_size="4KiB")}) as broker:
        c = broker.client("tina")
        assert c.ask("echo", "x" * (4096 - 1024 - 2)) == "x" * (4096 - 1024 - 2)
        c.send("echo", "x" * (4096 - 1024 - 1), "l")
        c.bad("l", "too_large")
        c.expect_nothing_before_ping()


def test_a_handler_that_does_not_read_makes_senders_wait_then_busy(make_broker):
    entry = python_handler(queue_bytes="128KiB", message_size="128KiB", deadline="1500ms", restart=FAST, stop_grace="200ms")
    with make_broker(handlers={"echo": entry, "other": python_handler()}, limits={"busy_timeout": "300ms"}) as broker:
        senders = [broker.client("tina", "unix") for _ in range(8)]
        senders[0].ask("echo", {"act": "stop_reading", "ms": 60_000})
        ids = [str(i) for i in range(20)]
        for c in senders:
            for id in ids:
                c.send("echo", {"act": "exact", "text": "1", "weight": "x" * 60_000}, id)
        codes = set()
        for c in senders:
            assert broker.client("gustav").ask("other", 1) == 1
            for status in statuses(c, ids).values():
                codes.add("good" if is_good(status) else code_of(status))
        assert "busy" in codes and codes <= {"busy", "handler_timeout", "handler_failed", "good"}, codes


def test_a_flood_of_pushes_does_not_starve_others(make_broker):
    with make_broker(handlers={"echo": python_handler(), "other": python_handler()}) as broker:
        c = broker.client("tina")
        other = broker.client("gustav")
        c.send("echo", {"act": "push", "times": 20_000, "commands": [{"command": "sendClients", "users": ["nobody"], "type": "t", "data": 1}]}, "f")
        for i in range(20):
            assert other.ask("other", i, limit=10) == i
        c.good("f", 30)
        eventually(lambda: broker.counters()["pushes"] == 20_000)


def test_messages_leave_room_for_the_reports_of_a_handler_that_reads(make_broker):
    """A report that finds the queue full of messages would end a handler that does nothing wrong."""
    count = 60
    with make_broker(handlers={"echo": python_handler(queue_bytes="1MiB", message_size="512KiB", deadline="60s")}, threads=1) as broker:
        c, pid = broker.client("tina"), broker.instance("echo")["pid"]
        commands = [{"command": "sendClients", "users": ["nobody"], "report": f"r{number}"} for number in range(20)]
        for number in range(count):
            c.send("echo", {"do": commands, "pad": "x" * 300_000}, f"m{number}")
        for number in range(count):
            c.good(f"m{number}", 60)
        assert broker.instance("echo")["pid"] == pid
        assert broker.counters()["handler_failures"] == 0


def test_reports_that_are_not_read_fill_the_queue_and_fail_the_instance(make_broker):
    entry = python_handler("--events", "clients", queue_bytes="32KiB", message_size="32KiB", restart=FAST, stop_grace="200ms")
    with make_broker(handlers={"echo": entry}) as broker:
        pid = broker.pid_of("echo")
        broker.client("tina").ask("echo", {"act": "stop_reading", "ms": 60_000})
        until = time.monotonic() + 30
        while broker.instance("echo").get("pid") == pid and time.monotonic() < until:
            for _ in range(50):
                with broker.client("gustav", "unix"):
                    pass
        broker.wait_for_other_pid("echo", pid)
        broker.wait_for_log("queue_bytes")
        assert broker.client("tina").ask("echo", "back") == "back"
