"""Handler processes: how they are started, attach by hand, and what a hello must say."""
import os
import subprocess

import pytest

import client as clients
import frames
from broker import PYTHON, SUPPORT, python_handler
from eventually import eventually


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
            assert "deadline" not in c.ask("echo", {"act": "envelope"})["frame"]
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


@pytest.fixture(scope="module")
def shared_manual(make_broker):
    with make_broker(handlers={"echo": python_handler(), "manual": {"start": "manual"}}) as broker:
        yield broker


@pytest.mark.parametrize("hello, code", [
    ({"kind": "hello", "protocol": 2, "handler": "manual"}, "protocol_mismatch"),
    ({"kind": "hello", "protocol": 1, "handler": "nobody"}, "handler_unknown"),
    ({"kind": "hello", "protocol": 1, "handler": "echo"}, "not_permitted"),
    ({"kind": "hello", "protocol": 1, "handler": "echo", "token": "guess"}, "bad_token"),
    ({"kind": "hello", "protocol": 1, "handler": "manual", "key": "guess", "shard": 0}, "bad_token"),
    ({"kind": "push"}, "bad_hello"), ({}, "bad_hello"), (b"nonsense", "bad_hello"),
    ({"kind": "hello", "protocol": 1}, "bad_hello"),
])
def test_a_bad_hello_is_refused(shared_manual, hello, code):
    broker = shared_manual
    with clients.Client(str(broker.directory / "run" / "handlers.sock")) as channel:
        channel.send_frame(hello)
        error = channel.receive()
        assert error["kind"] == "error" and error["code"] == code and error["reason"], error
        assert channel.expect_closed() == []
