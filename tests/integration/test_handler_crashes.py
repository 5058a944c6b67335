"""Handlers that crash, talk nonsense or cannot start: their messages fail, others notice nothing, they come back."""
import os
import signal

import pytest

import frames
from broker import FAST, python_handler, wait_until_dead
from client import code_of, is_delivery, is_good, statuses
from eventually import eventually


@pytest.mark.parametrize("act, reason", [
    ({"act": "crash"}, "SIGKILL"), ({"act": "crash", "signal": int(signal.SIGSEGV)}, "SIGSEGV"), ({"act": "exit", "code": 7}, "7"),
    ({"act": "exit", "code": 0}, ""), ({"act": "half"}, ""),
    ({"act": "raw", "hex": b"nonsense".hex(), "framed": True}, "protocol error"),
    ({"act": "raw", "hex": "00000000"}, "protocol error"), ({"act": "raw", "hex": "ffffffff"}, "protocol error"),
    ({"act": "raw", "hex": b'{"kind":"answer"}'.hex(), "framed": True}, "protocol error"),
    ({"act": "raw", "hex": b'{"kind":"what"}'.hex(), "framed": True}, "protocol error"),
    ({"act": "close_channel", "channel": 0}, ""),
])
def test_whatever_breaks_an_instance_its_messages_fail_and_it_comes_back(make_broker, act, reason):
    with make_broker(handlers={"echo": python_handler(restart=FAST, stop_grace="300ms"), "other": python_handler()}) as broker:
        c = broker.client("tina")
        watcher = broker.client("gustav")
        pid = broker.pid_of("echo")
        c.send("echo", {"act": "hold"}, "held")
        c.send("echo", act, "act")
        got = statuses(c, {"held", "act"})
        assert {code_of(s) for s in got.values()} == {"handler_failed"}
        assert all(s["header"]["error"]["temporary"] for s in got.values())
        assert watcher.ask("other", "well") == "well"
        broker.wait_for_other_pid("echo", pid)
        wait_until_dead(pid)
        assert c.ask("echo", "back") == "back"
        c.expect_nothing_before_ping()
        broker.wait_for_log(reason)


def test_answers_twice_and_unknown_ids_are_counted_and_ignored(make_broker):
    with make_broker() as broker:
        c = broker.client("tina")
        assert c.ask("echo", {"act": "twice"}) == "once"
        assert c.ask("echo", {"act": "unknown_id"}) == "right"
        c.expect_nothing_before_ping()
        assert broker.counters()["answers_unknown"] == 2


def test_after_what_never_comes_is_a_protocol_error(make_broker, threads):
    # `after` names other channels, and one shard has none.
    with make_broker(threads=max(2, threads), handlers={"echo": python_handler(restart=FAST, deadline="20s")}) as broker:
        c = broker.client("tina")
        pid = broker.pid_of("echo")
        c.send("echo", {"act": "after_never"}, "n")
        c.bad("n", "handler_failed", 10)
        broker.wait_for_other_pid("echo", pid)
        broker.wait_for_log("protocol error")


def test_the_crash_log_names_the_messages_that_were_held(make_broker):
    with make_broker(handlers={"echo": python_handler(restart=FAST)}) as broker:
        c = broker.client("tina")
        c.send("echo", {"act": "hold"}, "h1")
        c.send("echo", {"act": "crash"}, "c1")
        statuses(c, {"h1", "c1"})
        line = broker.wait_for_log("with 2 messages")
        assert '"echo" of tina with id "h1"' in line and '"c1"' in line


@pytest.mark.parametrize("kill", range(3))
def test_kill_9_under_load_every_message_gets_exactly_one_status(make_broker, kill):
    with make_broker(handlers={"echo": python_handler(instances=2, restart=FAST, deadline="20s")}) as broker:
        senders = [broker.client("tina", t) for t in ("v4", "v6", "unix") for _ in range(4)]
        ids = [str(i) for i in range(200)]
        batch = b"".join(frames.encode({"payload": {"type": "echo", "data": int(i), "id": i}}) for i in ids)
        victims = [broker.pid_of("echo", 0), broker.pid_of("echo", 1)]
        for i, c in enumerate(senders):
            c.send_bytes(batch)
            if i in (3, 7):
                os.kill(victims.pop(), signal.SIGKILL)
        good = failed = 0
        for c in senders:
            got = statuses(c, ids)
            for id, status in got.items():
                replies = [f for f in c.inbox if f["payload"].get("id") == id]
                if is_good(status):
                    good += 1
                    assert len(replies) == 1
                else:
                    failed += 1
                    assert code_of(status) == "handler_failed"
            c.inbox = []
            c.expect_nothing_before_ping()
        assert good + failed == 12 * 200 and good > 0


def test_idempotent_messages_are_tried_once_more(make_broker):
    with make_broker(handlers={"echo": python_handler(instances=2, idempotent=True, restart=FAST)}) as broker:
        senders = [broker.client("tina") for _ in range(8)]
        for c in senders:
            c.send("echo", {"act": "hold"}, "h")
        eventually(lambda: sum(i["in_flight"] for i in broker.handler("echo")["instances"]) == 8)
        os.kill(broker.pid_of("echo", 0), signal.SIGKILL)
        held = {i["number"]: i["in_flight"] for i in broker.handler("echo")["instances"]}
        eventually(lambda: broker.instance("echo", 1)["in_flight"] + broker.instance("echo", 0)["in_flight"] == 8 and
                   broker.counters()["handler_retries"] > 0, what=lambda: held)
        for _ in range(8):
            for c in [broker.client("gustav") for _ in range(4)]:
                c.ask("echo", {"act": "release"})
        for c in senders:
            c.good("h")


def test_a_message_that_kills_twice_fails(make_broker):
    with make_broker(handlers={"echo": python_handler(idempotent=True, restart=FAST)}) as broker:
        c = broker.client("tina")
        c.send("echo", {"act": "crash"}, "killer")
        c.bad("killer", "handler_failed")
        assert broker.counters()["handler_retries"] == 1
        assert c.ask("echo", 1) == 1


def test_what_was_not_handed_over_is_given_to_the_next_instance(make_broker):
    """A deaf instance has a full socket: what is still in the broker's queue goes to the next one."""
    entry = python_handler(deadline="30s", window=400, restart=FAST, queue_bytes="64MiB")
    with make_broker(handlers={"echo": entry}, limits={"unanswered": 1000, "queue_bytes": "64MiB"}) as broker:
        c = broker.client("tina", "unix")
        c.ask("echo", {"act": "stop_reading", "ms": 60_000})
        ids = [str(i) for i in range(60)]
        for id in ids:
            c.send("echo", "x" * 100_000, id)
        pid = broker.pid_of("echo")
        eventually(lambda: broker.instance("echo")["in_flight"] == 60 or broker.handler("echo")["waiting"])
        os.kill(pid, signal.SIGKILL)
        got = statuses(c, ids)
        good = [id for id, s in got.items() if is_good(s)]
        failed = [id for id, s in got.items() if not is_good(s)]
        assert len(good) >= 30 and failed, (len(good), len(failed))
        assert all(code_of(got[id]) == "handler_failed" for id in failed)
        assert max(map(int, failed)) < min(map(int, good)), "only the first ones were handed over"
        # The first byte of what has failed had been written.
        assert [f["payload"]["id"] for f in c.inbox if is_delivery(f)] == good


def test_a_handler_that_cannot_start_backs_off_and_is_degraded(make_broker):
    restart = {"initial_delay": "10ms", "longest_delay": "50ms", "failed_start": "10s", "degraded_after": 3}
    handlers = {"bad": python_handler("--exit", "5", "--say", "cannot open my database", deadline="200ms", restart=restart),
                "echo": python_handler()}
    with make_broker(handlers=handlers, start=False) as broker:
        broker.start(wait_for_handlers=False)
        broker.wait_for_handlers("echo")
        eventually(lambda: broker.handler("bad")["state"] == "degraded")
        one = broker.instance("bad")
        assert one["degraded"] and one["restarts"] >= 3 and "5" in one["last_exit"]
        eventually(lambda: broker.instance("bad")["last_output"] == "cannot open my database")
        code, text, _ = broker.cli("status", "--socket", broker.control_path)
        assert code == 0 and "degraded" in text
        broker.wait_for_log("degraded")
        c = broker.client("tina")
        c.send("bad", 1, "b")
        c.bad("b", "handler_unavailable")
        before = broker.instance("bad")["restarts"]
        eventually(lambda: broker.instance("bad")["restarts"] > before)   # it is still tried
        answer = broker.reload(handlers={**broker.config["handlers"], "bad": python_handler(restart=restart)})
        assert answer["ok"], answer
        eventually(lambda: broker.handler("bad")["state"] == "ready")


def test_a_handler_that_never_says_hello_is_restarted(make_broker):
    handlers = {"quiet": python_handler("--no-hello", hello_timeout="150ms", restart=FAST, stop_grace="100ms")}
    with make_broker(handlers=handlers, start=False) as broker:
        broker.start(wait_for_handlers=False)
        eventually(lambda: broker.instance("quiet")["restarts"] >= 2)
        broker.wait_for_log("hello_timeout")
