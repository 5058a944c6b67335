"""Handlers that stop in good order, drained or restarted, and that leave no orphan."""
import os
import signal

import client as clients
import frames
from broker import FAST, is_alive, python_handler, wait_until_dead
from client import code_of, is_good, statuses
from eventually import eventually


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


def test_wanting_to_leave_is_confirmed_on_each_channel(make_broker):
    with make_broker(handlers={"manual": {"start": "manual"}}) as broker:
        path = str(broker.directory / "run" / "handlers.sock")

        def attach(**more):
            channel = clients.Client(path)
            broker.opened.append(channel)
            channel.send_frame({"kind": "hello", "protocol": 1, "handler": "manual", **more})
            return channel, channel.receive()

        first, welcome = attach()
        channels = [first] + [attach(key=welcome["key"], shard=i)[0] for i in range(1, welcome["shards"])]
        eventually(lambda: broker.instance("manual")["state"] == "ready")
        c = broker.client("tina", "unix")
        c.send("manual", "before", "held")
        eventually(lambda: broker.instance("manual")["in_flight"] == 1)
        for channel in channels:
            channel.send_frame({"kind": "draining"})
        holding = None
        for channel in channels:
            frame = channel.receive()
            if frame["kind"] == "message":
                holding, message = channel, frame
                frame = channel.receive()
            assert frame == {"kind": "drain"}
        c.send("manual", "after", "refused")    # nobody is there for it
        holding.send_frame({"kind": "answer", "id": message["id"], "ok": True})
        c.good("held")
        c.bad("refused", "handler_unavailable")
        for channel in channels:
            assert channel.expect_closed() == []


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
