"""Handler processes: their life, what happens when they misbehave, and what their senders are told."""
import json
import os
import pathlib
import signal
import subprocess
import time

import pytest

import frames
from broker import PYTHON, SUPPORT, is_alive, now, python_handler, wait_until_dead
from client import code_of, is_delivery, is_good, is_status
from eventually import eventually

FAST = {"initial_delay": "20ms", "longest_delay": "100ms", "failed_start": "10ms"}


def statuses(c, ids):
    """id -> status, each exactly once, for all the ids."""
    found = {}
    while len(found) < len(ids):
        status = c.find(is_status, 20)
        assert status["payload"]["id"] not in found, f"a second status: {status}"
        found[status["payload"]["id"]] = status
    assert set(found) == set(ids)
    return found


def wait_for_other_pid(broker, name, pid, number=0):
    eventually(lambda: broker.instance(name, number).get("pid") not in (None, pid)
               and broker.instance(name, number)["state"] == "ready", 20, f"another instance of {name}")


# ---- how they are started ----

def test_command_arguments_environment_and_directory(make_broker, tmp_path):
    handlers = {"echo": python_handler("one", "two words", environment={"COLOUR": "green"}, directory=str(tmp_path))}
    with make_broker(handlers=handlers, environment={"SECRET_OF_THE_BROKER": "x"}) as broker:
        c = broker.client("tina")
        got = c.ask("echo", {"act": "environment"})
        assert got["arguments"] == ["one", "two words"] and got["directory"] == str(tmp_path)
        assert got["environment"]["COLOUR"] == "green" and got["environment"]["BESTER_HANDLER"] == "echo"
        assert got["environment"]["BESTER_INSTANCE"] == "0" and got["environment"]["BESTER_TOKEN"]
        assert "SECRET_OF_THE_BROKER" not in got["environment"]


@pytest.mark.skipif(os.getuid() != 0, reason="only root can run a handler as another user")
def test_user(make_broker):
    with make_broker(handlers={"echo": python_handler(user="nobody", directory="/")}, start=False) as broker:
        broker.directory.chmod(0o755)
        broker.start()
        assert broker.client("tina").ask("echo", {"act": "environment"})["uid"] != 0


def test_output_goes_to_the_log_line_by_line(make_broker):
    with make_broker() as broker:
        c = broker.client("tina")
        pid = c.ask("echo", {"act": "envelope"})["pid"]
        c.ask("echo", {"act": "say", "text": "first line\nsecond line\nhalf a "})
        c.ask("echo", {"act": "say", "text": "line, now whole\n", "stderr": False})
        c.ask("echo", {"act": "say", "text": "an error\n", "stderr": True})
        for text in ("first line", "second line", "half a line, now whole", "an error"):
            broker.wait_for_log(text)
            line = next(each for each in broker.log().splitlines() if each.endswith(text))
            assert "echo#0" in line and str(pid) in line
        c.ask("echo", {"act": "say", "text": "control \x1b[31m characters\n"})
        broker.wait_for_log("characters")
        assert "\x1b[31m" not in broker.log()


def test_instances_share_the_load_and_keep_each_sessions_order(make_broker):
    with make_broker(handlers={"echo": python_handler(instances=3)}) as broker:
        served = {}
        all_clients = [broker.client("tina") for _ in range(30)]
        for c in all_clients:
            mine = {c.ask("echo", {"act": "envelope"})["instance"] for _ in range(4)}
            assert len(mine) == 1
            served.setdefault(mine.pop(), []).append(c)
        assert set(served) == {"echo#0", "echo#1", "echo#2"}, {k: len(v) for k, v in served.items()}
        for c in all_clients:
            c.send_bytes(b"".join(frames.encode({"payload": {"type": "echo", "data": i}}) for i in range(100)))
        for c in all_clients:
            assert [c.data() for _ in range(100)] == list(range(100))


def test_one_process_serves_several_types_with_deadlines_of_their_own(make_broker):
    handlers = {"many": python_handler(types=["a", "b"], deadline="20s", deadlines={"b": "200ms"})}
    with make_broker(handlers=handlers) as broker:
        c = broker.client("tina")
        for type in ("a", "b"):
            assert c.ask(type, type) == type
        c.ask("a", {"act": "later", "ms": 500})
        assert 19_000 < c.ask("a", {"act": "envelope"})["frame"]["deadline"] <= 20_000
        c.send("b", {"act": "later", "ms": 500}, "late")
        c.bad("late", "handler_timeout")


def start_by_hand(broker, name, *arguments):
    environment = {**os.environ, "BESTER_HANDLER": name, "BESTER_SOCKET": str(broker.directory / "run" / "handlers.sock")}
    return subprocess.Popen([PYTHON, "-S", "-E", str(SUPPORT / "handler.py"), *arguments], env=environment)


def test_a_handler_attaches_by_hand(make_broker):
    with make_broker(handlers={"echo": {"start": "manual", "deadline": "300ms"}}) as broker:
        c = broker.client("tina")
        c.send("echo", "early", "e")
        c.bad("e", "handler_unavailable")
        process = start_by_hand(broker, "echo")
        try:
            eventually(lambda: broker.instance("echo")["state"] == "ready")
            assert broker.pid_of("echo") == process.pid
            assert c.ask("echo", "by hand") == "by hand"
            c.ask("echo", {"act": "later", "ms": 700})   # its deadline is not enforced
            second = start_by_hand(broker, "echo")
            assert second.wait(20) != 0                   # there is one instance, and it is taken
            process.kill()
            process.wait()
            eventually(lambda: broker.instance("echo")["state"] == "waiting")
            process = start_by_hand(broker, "echo")
            eventually(lambda: broker.instance("echo")["state"] == "ready")
            assert c.ask("echo", "again") == "again"
        finally:
            process.kill()
            process.wait()


def test_nobody_attaches_to_what_the_broker_starts_itself(make_broker):
    with make_broker() as broker:
        assert start_by_hand(broker, "echo").wait(20) != 0
        assert start_by_hand(broker, "unknown").wait(20) != 0
        assert broker.client("tina").ask("echo", 1) == 1


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user to try it")
def test_another_user_may_not_attach_by_hand(make_broker):
    with make_broker(handlers={"echo": {"start": "manual"}}) as broker:
        broker.directory.chmod(0o755)
        environment = {"BESTER_HANDLER": "echo", "BESTER_SOCKET": str(broker.directory / "run" / "handlers.sock")}
        script = broker.directory / "handler.py"
        script.write_bytes((SUPPORT / "handler.py").read_bytes())
        script.chmod(0o755)
        process = subprocess.Popen([PYTHON, str(script)], env=environment, user=65534, group=65534, cwd="/", stderr=subprocess.PIPE)
        assert process.wait(20) != 0
        assert broker.instance("echo")["state"] == "waiting"


# ---- deadlines, windows, waiting ----

def test_a_late_answer_is_ignored(make_broker):
    with make_broker(handlers={"echo": python_handler(deadline="200ms")}) as broker:
        c = broker.client("tina")
        pid = broker.pid_of("echo")
        begin = now()
        c.send("echo", {"act": "hold"}, "h")
        while now() - begin < 0.15:   # it answers others: it does not hang
            c.ask("echo", 1)
        status = c.bad("h", "handler_timeout")
        assert now() - begin >= 0.18 and status["header"]["error"]["temporary"] is True
        assert c.ask("echo", {"act": "release"}) == "released"
        c.expect_nothing_before_ping()
        assert broker.counters()["answers_unknown"] == 1 and broker.pid_of("echo") == pid


def test_a_handler_that_hangs_is_restarted(make_broker):
    with make_broker(handlers={"echo": python_handler(deadline="300ms", restart=FAST), "other": python_handler()}) as broker:
        c = broker.client("tina")
        pid = broker.pid_of("echo")
        c.send("echo", {"act": "hang"}, "h")
        c.send("echo", 1, "behind")
        assert c.ask("other", "unaffected") == "unaffected"
        got = statuses(c, {"h", "behind"})
        assert code_of(got["h"]) == "handler_timeout"
        assert is_good(got["behind"]) or code_of(got["behind"]) in ("handler_timeout", "handler_failed")
        wait_for_other_pid(broker, "echo", pid)
        wait_until_dead(pid)
        assert c.ask("echo", "back") == "back"
        assert broker.instance("echo")["restarts"] == 1


def test_who_answers_others_does_not_hang_whatever_their_shard(make_broker):
    with make_broker(handlers={"echo": python_handler(deadline="300ms", restart=FAST)}) as broker:
        pid = broker.pid_of("echo")
        all_clients = [broker.client("tina") for _ in range(6)]
        all_clients[0].send("echo", {"act": "silent"}, "s")
        begin = now()
        while now() - begin < 0.6:
            for c in all_clients[1:]:
                c.ask("echo", 1)
        all_clients[0].bad("s", "handler_timeout")
        assert broker.pid_of("echo") == pid and broker.instance("echo")["restarts"] == 0


def test_a_handler_that_ignores_sigterm_is_killed_after_the_grace(make_broker):
    entry = python_handler("--ignore-sigterm", deadline="200ms", stop_grace="300ms", restart=FAST)
    with make_broker(handlers={"echo": entry}) as broker:
        c = broker.client("tina")
        pid = broker.pid_of("echo")
        c.send("echo", {"act": "hang"}, "h")
        c.bad("h", "handler_timeout")
        wait_until_dead(pid)
        broker.wait_for_log("SIGKILL")
        wait_for_other_pid(broker, "echo", pid)


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
        begin = now()
        status = c.bad("second", "busy")
        assert status["header"]["error"]["temporary"] is True and now() - begin < 2
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


# ---- crashes ----

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
        wait_for_other_pid(broker, "echo", pid)
        wait_until_dead(pid)
        assert c.ask("echo", "back") == "back"
        c.expect_nothing_before_ping()
        assert reason in broker.log()


def test_answers_twice_and_unknown_ids_are_counted_and_ignored(make_broker):
    with make_broker() as broker:
        c = broker.client("tina")
        assert c.ask("echo", {"act": "twice"}) == "once"
        assert c.ask("echo", {"act": "unknown_id"}) == "right"
        c.expect_nothing_before_ping()
        assert broker.counters()["answers_unknown"] == 2


def test_the_crash_log_names_the_messages_that_were_held(make_broker):
    with make_broker(handlers={"echo": python_handler(restart=FAST)}) as broker:
        c = broker.client("tina")
        c.send("echo", {"act": "hold"}, "h1")
        c.send("echo", {"act": "crash"}, "c1")
        statuses(c, {"h1", "c1"})
        lines = [each for each in broker.log().splitlines() if "with 2 messages" in each]
        assert lines and '"echo" of tina with id "h1"' in lines[0] and '"c1"' in lines[0]


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
    with make_broker(handlers={"echo": entry}, limits={"unanswered": 1000}) as broker:
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


# ---- back-off ----

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


# ---- stop, drain, restart ----

def test_a_handler_may_leave_by_itself(make_broker):
    with make_broker(handlers={"echo": python_handler("--keep-on-drain", restart=FAST)}) as broker:
        c = broker.client("tina")
        c.send("echo", {"act": "hold"}, "held")
        pid = c.ask("echo", {"act": "draining"})
        c.send("echo", "for the next one", "next")
        # It still holds one message: nothing ends before that is answered. SIGKILL would answer it, too.
        assert is_alive(pid)
        os.kill(pid, signal.SIGTERM)
        got = statuses(c, {"held", "next"})
        assert code_of(got["held"]) == "handler_failed" and is_good(got["next"])
        wait_until_dead(pid)


def test_leaving_without_holding_anything_fails_nothing(make_broker):
    with make_broker(handlers={"echo": python_handler(restart=FAST)}) as broker:
        c = broker.client("tina")
        for _ in range(3):
            pid = c.ask("echo", {"act": "draining"})
            for i in range(20):
                assert c.ask("echo", i) == i
            wait_until_dead(pid)
        assert broker.counters()["handler_failures"] == 0


def test_drain_by_hand_and_restart(make_broker):
    with make_broker(handlers={"echo": python_handler(deadline="400ms"), "hold": python_handler("--keep-on-drain", deadline="20s")}) as broker:
        c = broker.client("tina")
        pid = broker.pid_of("hold")
        c.send("hold", {"act": "later", "ms": 400}, "later")
        code, _, err = broker.cli("handlers", "drain", "hold", "--socket", broker.control_path)
        assert code == 0, err
        c.good("later")
        wait_until_dead(pid)
        eventually(lambda: broker.handler("hold")["state"] == "stopped")
        broker.cli("handlers", "drain", "echo", "--socket", broker.control_path)
        eventually(lambda: broker.handler("echo")["state"] == "stopped")
        c.send("echo", 1, "nobody")
        c.bad("nobody", "handler_unavailable")
        for name in ("echo", "hold"):
            assert broker.cli("handlers", "restart", name, "--socket", broker.control_path)[0] == 0
        broker.wait_for_handlers()
        assert c.ask("echo", 2) == 2 and c.ask("hold", 3) == 3
        assert broker.counters()["handler_failures"] == 0


def test_restart_by_hand_under_load_loses_nothing(make_broker):
    with make_broker(handlers={"echo": python_handler(instances=2, deadline="20s")}) as broker:
        senders = [broker.client("tina", t) for t in ("v4", "v6", "unix")]
        pids = {broker.pid_of("echo", 0), broker.pid_of("echo", 1)}
        assert broker.control({"request": "handlers", "action": "restart", "handler": "echo"})["ok"]
        round = 0
        after = 0
        while after < 3:
            ids = [f"{round}/{i}" for i in range(30)]
            for c in senders:
                c.send_bytes(b"".join(frames.encode({"payload": {"type": "echo", "data": i, "id": id}}) for i, id in enumerate(ids)))
            for c in senders:
                assert all(is_good(s) for s in statuses(c, ids).values())
                assert [f["payload"]["data"] for f in c.inbox] == list(range(30))
                c.inbox = []
            round += 1
            instances = broker.handler("echo")["instances"]
            done = len(instances) == 2 and all(i["state"] == "ready" and i["pid"] not in pids for i in instances)
            after += done
            assert round < 3000
        for pid in pids:
            wait_until_dead(pid)
        assert broker.counters()["handler_failures"] == broker.counters()["handler_retries"] == 0


def test_no_orphan_is_left_when_the_broker_is_killed(make_broker):
    handlers = {"echo": python_handler("--ignore-sigterm", "--survive-close", instances=2), "other": python_handler("--survive-close")}
    with make_broker(handlers=handlers) as broker:
        pids = [broker.pid_of("echo", 0), broker.pid_of("echo", 1), broker.pid_of("other")]
        broker.kill9()
        for pid in pids:
            wait_until_dead(pid)
        # And it starts again over what was left behind: sockets, database.
        broker.start()
        assert broker.client("tina", "unix").ask("echo", 1) == 1
        # The new one starts its own processes.
        assert not set(pids) & {broker.pid_of("echo", 0), broker.pid_of("echo", 1)}


# ---- floods ----

def test_a_flood_of_pushes_does_not_starve_others(make_broker):
    with make_broker(handlers={"echo": python_handler(), "other": python_handler()}) as broker:
        c = broker.client("tina")
        other = broker.client("gustav")
        c.send("echo", {"act": "push", "times": 20_000, "commands": [{"command": "sendClients", "users": ["nobody"], "type": "t", "data": 1}]}, "f")
        for i in range(20):
            assert other.ask("other", i, limit=10) == i
        c.good("f", 30)
        eventually(lambda: broker.counters()["pushes"] == 20_000)


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
        wait_for_other_pid(broker, "echo", pid)
        broker.wait_for_log("queue_bytes")
        assert broker.client("tina").ask("echo", "back") == "back"


# ---- protocol errors in the hello ----

@pytest.mark.parametrize("hello, code", [
    ({"kind": "hello", "protocol": 2, "handler": "manual"}, "protocol_mismatch"),
    ({"kind": "hello", "protocol": 1, "handler": "nobody"}, "handler_unknown"),
    ({"kind": "hello", "protocol": 1, "handler": "echo"}, "not_permitted"),
    ({"kind": "hello", "protocol": 1, "handler": "echo", "token": "guess"}, "bad_token"),
    ({"kind": "hello", "protocol": 1, "handler": "manual", "key": "guess", "shard": 0}, "bad_token"),
    ({"kind": "push"}, "bad_hello"), ({}, "bad_hello"), (b"nonsense", "bad_hello"),
    ({"kind": "hello", "protocol": 1}, "bad_hello"),
])
def test_a_bad_hello_is_refused(make_broker, shared_manual, hello, code):
    broker = shared_manual
    import client as clients
    with clients.Client(str(broker.directory / "run" / "handlers.sock")) as channel:
        channel.send_frame(hello)
        error = channel.receive()
        assert error["kind"] == "error" and error["code"] == code and error["reason"], error
        assert channel.expect_closed() == []


@pytest.fixture(scope="module")
def shared_manual(make_broker):
    with make_broker(handlers={"echo": python_handler(), "manual": {"start": "manual"}}) as broker:
        yield broker


def test_after_what_never_comes_is_a_protocol_error(make_broker, threads):
    # `after` names other channels, and one shard has none.
    with make_broker(threads=max(2, threads), handlers={"echo": python_handler(restart=FAST, deadline="20s")}) as broker:
        c = broker.client("tina")
        pid = broker.pid_of("echo")
        c.send("echo", {"act": "after_never"}, "n")
        c.bad("n", "handler_failed", 10)
        wait_for_other_pid(broker, "echo", pid)
        assert "protocol error" in broker.log()


def test_what_json_the_log_never_has_passwords_or_payloads(make_broker):
    with make_broker(log={"level": "trace"}) as broker:
        c = broker.client("tina")
        c.ask("echo", {"text": "the letter itself"})
        c.send_frame(b'{"broken": "the letter itself"')
        c.bad("error_special", "bad_message")
        broker.client(None).send_frame({"header": {"authentication": {"username": "tina", "password": "guessed word"}}, "payload": {"type": "dummy"}})
        eventually(lambda: broker.counters()["authentications_failed"] == 1)
        for secret in ("the letter itself", "guessed word", "secret of tina"):
            assert secret not in broker.log()
        assert json.dumps(broker.status()).find("secret of") < 0
        assert pathlib.Path(broker.log_path).stat().st_size < 100_000
