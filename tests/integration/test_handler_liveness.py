"""An instance is ended for hanging only when it hangs: late, forgotten and slow answers cost their own message."""
import signal
import time

import pytest

from broker import FAST, is_alive, python_handler, wait_until_dead
from client import code_of, is_good, statuses
from eventually import eventually

BOTH = pytest.mark.parametrize("options", [(), ("--ping",)], ids=["plain", "ping"])


def lives_on(broker, pid, name="echo"):
    return broker.pid_of(name) == pid and broker.instance(name)["restarts"] == 0


@BOTH
def test_a_forgotten_message_on_a_quiet_handler_costs_itself_only(make_broker, options):
    entry = python_handler(*options, deadline="300ms", ping_interval="200ms", restart=FAST)
    with make_broker(handlers={"echo": entry}) as broker:
        pid = broker.pid_of("echo")
        c, other = broker.client("tina"), broker.client("gustav")
        c.send("echo", {"act": "silent"}, "f")
        c.bad("f", "handler_timeout")
        other.send("echo", {"act": "hold"}, "held")
        other.bad("held", "handler_timeout")
        assert lives_on(broker, pid) and c.ask("echo", "still here") == "still here"
        broker.wait_for_log('no answer within the deadline to "echo" of tina with id "f"')


def test_a_long_job_costs_its_own_message_and_no_other(make_broker):
    entry = python_handler("--ping", deadline="3s", restart=FAST)
    with make_broker(handlers={"echo": entry, "next": python_handler()}) as broker:
        pid = broker.pid_of("echo")
        c, other = broker.client("tina"), broker.client("gustav")
        begin = time.monotonic()
        c.send("echo", {"act": "block", "ms": 4_500}, "long")
        time.sleep(max(0, begin + 2.5 - time.monotonic()))
        assert other.ask("next", "unaffected") == "unaffected"
        other.send("echo", "behind it", "quick")
        c.bad("long", "handler_timeout")
        assert other.find(lambda f: f["payload"].get("id") == "quick" and "data" in f["payload"])["payload"]["data"] == "behind it"
        other.good("quick")
        assert lives_on(broker, pid)
        assert broker.counters()["answers_unknown"] == 1    # the late one, which is ignored


@BOTH
def test_a_message_with_little_time_left_is_no_verdict_on_a_new_instance(make_broker, options):
    # It waits for the instance to start, and then has less time left than its job takes.
    slow = python_handler(*options, "--pause", "1.2", deadline="2s", restart=FAST)
    with make_broker(handlers={"echo": slow}, start=False) as broker:
        broker.start(wait_for_handlers=False)
        senders = [broker.client("tina") for _ in range(5)]
        for c in senders:
            c.send("echo", {"act": "later", "ms": 1_700}, "l")
        assert {code_of(c.status("l")) for c in senders} <= {"handler_timeout", "handler_unavailable"}
        broker.wait_for_handlers("echo")
        assert senders[0].ask("echo", "here") == "here"
        assert broker.instance("echo")["restarts"] == 0


def test_who_pushes_is_alive(make_broker):
    entry = python_handler("--ping", deadline="300ms", ping_interval="100ms", ping_timeout="500ms", silence_timeout="500ms", restart=FAST)
    with make_broker(handlers={"echo": entry}) as broker:
        pid = broker.pid_of("echo")
        c = broker.client("tina")
        c.send("echo", {"act": "push_for", "ms": 2_000}, "p")
        c.bad("p", "handler_timeout")
        eventually(lambda: broker.counters()["pushes"] >= 100)
        assert lives_on(broker, pid)


def test_who_does_not_answer_a_ping_is_ended_and_what_it_held_is_named(make_broker):
    entry = python_handler("--ping", deadline="400ms", ping_interval="100ms", ping_timeout="600ms", restart=FAST)
    with make_broker(handlers={"echo": entry, "other": python_handler()}) as broker:
        pid = broker.pid_of("echo")
        c = broker.client("tina")
        c.send("echo", {"act": "hang"}, "culprit")
        c.bad("culprit", "handler_timeout")
        # Its deadline has passed long before; the log names it all the same.
        wait_until_dead(pid)
        broker.wait_for_other_pid("echo", pid)
        log = broker.log()
        line = next(text for text in log.splitlines() if "hangs: it did not answer a ping" in text)
        assert '"echo" of tina with id "culprit" (held ' in line, line
        assert "killed by signal 6 (SIGABRT)" in log
        assert broker.counters()["handler_hangs"] >= 1 and broker.instance("echo")["restarts"] == 1
        assert c.ask("echo", "back") == "back" and c.ask("other", 1) == 1


def test_a_message_that_it_holds_when_it_is_ended_fails(make_broker):
    entry = python_handler("--ping", deadline="1m", ping_interval="100ms", ping_timeout="300ms", hang_signal="SIGKILL", restart=FAST)
    with make_broker(handlers={"echo": entry}) as broker:
        pid = broker.pid_of("echo")
        c = broker.client("tina")
        c.send("echo", {"act": "hang"}, "h")
        c.bad("h", "handler_failed")
        broker.wait_for_other_pid("echo", pid)
        broker.wait_for_log("killed by signal 9")


def test_the_consequence_may_be_to_tell_only(make_broker):
    entry = python_handler("--ping", deadline="200ms", ping_interval="100ms", ping_timeout="300ms", hang="tell", restart=FAST)
    with make_broker(handlers={"echo": entry}) as broker:
        pid = broker.pid_of("echo")
        c = broker.client("tina")
        c.send("echo", {"act": "block", "ms": 1_500}, "b")
        c.bad("b", "handler_timeout")
        broker.wait_for_log("it is left alone")
        broker.wait_for_log("it goes on")
        assert c.ask("echo", 1) == 1 and lives_on(broker, pid)
        assert broker.counters()["handler_hangs"] == 1


def test_who_does_not_know_pings_is_ended_after_a_long_silence_only(make_broker):
    entry = python_handler(deadline="200ms", ping_interval="50ms", ping_timeout="50ms", silence_timeout="1s", restart=FAST)
    with make_broker(handlers={"echo": entry}) as broker:
        pid = broker.pid_of("echo")
        c = broker.client("tina")
        c.send("echo", {"act": "block", "ms": 700}, "b")
        c.bad("b", "handler_timeout")
        eventually(lambda: is_good(c.request("echo", 1)[1]))
        assert lives_on(broker, pid)
        c.send("echo", {"act": "hang"}, "h0")
        for i in range(1, 50):          # time counts only while something waits for it
            c.send("echo", i, f"h{i}")
            c.status(f"h{i - 1}")
            if not is_alive(pid):
                break
        broker.wait_for_other_pid("echo", pid)
        broker.wait_for_log("it was silent for 1 s (silence_timeout)")


@BOTH
def test_one_that_serves_some_shards_only_by_chance_is_alive(make_broker, options):
    # Nothing but forgotten messages on one shard, answers on the others.
    entry = python_handler(*options, deadline="200ms", ping_interval="100ms", ping_timeout="500ms", silence_timeout="500ms", restart=FAST)
    with make_broker(handlers={"echo": entry}) as broker:
        pid = broker.pid_of("echo")
        forgotten, *others = [broker.client("tina") for _ in range(6)]
        until = time.monotonic() + 2
        while time.monotonic() < until:
            forgotten.send("echo", {"act": "silent"}, "s")
            for c in others:
                c.ask("echo", 1)
            forgotten.bad("s", "handler_timeout")
        assert lives_on(broker, pid)


@BOTH
def test_a_broker_that_was_stopped_judges_nobody_when_it_goes_on(make_broker, options):
    entry = python_handler(*options, deadline="1s", ping_interval="200ms", ping_timeout="1s", silence_timeout="1s", restart=FAST)
    with make_broker(handlers={"echo": entry}) as broker:
        pid = broker.pid_of("echo")
        c = broker.client("tina")
        for _ in range(3):
            c.send("echo", {"act": "later", "ms": 300}, "l")
            eventually(lambda: broker.instance("echo")["in_flight"] == 1)
            broker.process.send_signal(signal.SIGSTOP)
            time.sleep(2.5)
            broker.process.send_signal(signal.SIGCONT)
            assert is_good(statuses(c, {"l"})["l"])     # the answer was there, and is read first
        assert lives_on(broker, pid)


def test_an_idle_handler_is_not_asked(make_broker):
    entry = python_handler("--ping", ping_interval="100ms", ping_timeout="300ms")
    with make_broker(handlers={"echo": entry}) as broker:
        c = broker.client("tina")
        c.ask("echo", 1)
        time.sleep(1)
        assert c.ask("echo", {"act": "records", "kinds": ["ping"]}) == []
        c.send("echo", {"act": "later", "ms": 600}, "l")
        c.good("l")
        assert c.ask("echo", {"act": "records", "kinds": ["ping"]}) != []


@pytest.mark.parametrize("bytes_sent, words", [
    (b'{"kind":"answer","id":1,"commands":[}', "no JSON as expected at byte 36 (37 bytes): "),
    (b'{"kind":"answer","id":1,"error":{"code":"\xff\xfe"}}', "no UTF-8 at byte 41 (46 bytes): "),
    (b'{"kind":"dance","id":1}', "there is no such `kind` (23 bytes): {\"kind\":\"dance\",\"id\":1}"),
    (b'{"kind":"answer"}', "`id` is missing (17 bytes): "),
    (b'{"kind":"answer","id":1,"data":"two\nlines"}', "\\x0alines"),
])
def test_a_protocol_error_says_where_and_what(make_broker, bytes_sent, words):
    with make_broker(handlers={"echo": python_handler(restart=FAST)}) as broker:
        pid = broker.pid_of("echo")
        c = broker.client("tina")
        c.send("echo", {"act": "raw", "hex": bytes_sent.hex(), "framed": True}, "r")
        c.bad("r", "handler_failed")
        broker.wait_for_other_pid("echo", pid)
        broker.wait_for_log("protocol error: a frame was not understood: ")
        assert words in broker.log(), broker.log()


def test_late_messages_do_not_flood_the_log(make_broker, threads):
    with make_broker(handlers={"echo": python_handler(deadline="200ms", window=1_000)}) as broker:
        c = broker.client("tina")
        for round_number in range(4):
            ids = {f"s{round_number}.{i}" for i in range(200)}
            for each in ids:
                c.send("echo", {"act": "silent"}, each)
            statuses(c, ids)
        broker.wait_for_log("more like \"handler {}: no answer within the deadline to {}{}\"")
        lines = [line for line in broker.log().splitlines() if 'no answer within the deadline to "echo" of tina' in line]
        assert 1 < len(lines) < 700
