"""The broker's UNIX sockets in the file system: only what is left over is replaced, only what was made is removed."""
import json
import os
import signal
import socket
import stat

import pytest

from eventually import eventually


def config_of(broker, name, **changes):
    """A second config: of a broker that could run beside this one."""
    config = json.loads(broker.config_path.read_text())
    config["listeners"] = [{"address": "127.0.0.1:0"}]
    config["handlers"] = {}
    config["server"]["runtime_directory"] = str(broker.directory / name)
    for key, value in changes.items():
        config[key] = value
    path = broker.directory / f"{name}.json"
    path.write_text(json.dumps(config))
    return path


def unix_listener(path):
    return [{"name": "other", "transport": "unix", "address": str(path)}]


@pytest.fixture(scope="module")
def shared(make_broker):
    with make_broker() as broker:
        yield broker


def test_a_listener_never_deletes_a_file_that_is_no_socket(broker):
    """A mistyped address must not cost the account database."""
    precious = broker.directory / "precious"
    precious.write_text("precious")
    link = broker.directory / "link"
    link.symlink_to(precious)
    for path in (precious, link):
        config = config_of(broker, "second", listeners=unix_listener(path))
        code, out, err = broker.cli("check", "--config", config)
        assert code != 0 and "not a socket" in out + err, (out, err)
        code, _, err = broker.cli("serve", "--config", config)
        assert code != 0 and "not a socket" in err and str(path) in err, err
        assert precious.read_text() == "precious" and link.is_symlink()
    link.unlink()


def test_a_file_that_comes_after_the_check_stays_too(broker):
    """As handlers.sock and control.sock: what lies there when the broker starts is looked at, not only by the check."""
    run = broker.directory / "third"
    run.mkdir()
    for name in ("handlers.sock", "control.sock"):
        (run / name).write_text("precious")
        code, _, err = broker.cli("serve", "--config", config_of(broker, "third", control={"socket": str(run / "control.sock")}))
        assert code != 0 and "not a socket" in err, err
        assert (run / name).read_text() == "precious"
        (run / name).unlink()


def test_a_frozen_broker_keeps_its_sockets_and_nobody_waits_for_it(make_broker):
    """Its backlogs are full and nobody answers: it lives all the same, and the second start does not hang."""
    with make_broker() as broker:
        path = str(broker.directory / "clients.sock")
        config = config_of(broker, "second", listeners=unix_listener(path))
        os.kill(broker.process.pid, signal.SIGSTOP)
        waiting = []
        try:
            while True:  # until its backlog is full
                client = socket.socket(socket.AF_UNIX)
                client.setblocking(False)
                waiting.append(client)
                if client.connect_ex(path) != 0:
                    break
            code, _, err = broker.cli("serve", "--config", config)
            assert code != 0 and "another process listens there" in err, err
            assert stat.S_ISSOCK(os.lstat(path).st_mode)
        finally:
            os.kill(broker.process.pid, signal.SIGCONT)
            for client in waiting:
                client.close()
        eventually(lambda: broker.client("tina", "unix").ask("echo", "still here") == "still here")


def test_a_stop_removes_its_own_sockets_and_nothing_else(make_broker):
    with make_broker() as broker:
        ours, replaced, taken = (broker.directory / name for name in ("clients.sock", "open.sock", "run/handlers.sock"))
        replaced.unlink()
        replaced.write_text("precious")
        taken.unlink()
        other = socket.socket(socket.AF_UNIX)
        other.bind(str(taken))
        broker.stop()
        assert not ours.exists() and not (broker.directory / "run" / "control.sock").exists()
        assert replaced.read_text() == "precious"
        assert stat.S_ISSOCK(os.lstat(taken).st_mode)
        other.close()


def test_what_a_killed_broker_left_is_replaced(make_broker):
    with make_broker() as broker:
        broker.kill9()
        assert (broker.directory / "clients.sock").exists()
        broker.start()
        assert broker.client("tina", "unix").ask("echo", 1) == 1


def test_refused_hellos_do_not_fill_the_disk(make_broker):
    """A process that can reach handlers.sock can send a wrong hello as often as it likes."""
    with make_broker() as broker:
        path = str(broker.directory / "run" / "handlers.sock")
        hello = json.dumps({"kind": "hello", "protocol": 1, "handler": "echo", "token": "wrong"}).encode()
        count = 2000
        for _ in range(count):
            with socket.socket(socket.AF_UNIX) as stranger:
                stranger.connect(path)
                stranger.sendall(len(hello).to_bytes(4, "little") + hello)
                while stranger.recv(4096):
                    pass
        lines = [line for line in broker.log().splitlines() if "refused a connection of pid" in line]
        assert 0 < len(lines) < count / 2
        # The next one says how many there were.
        def told():
            with socket.socket(socket.AF_UNIX) as stranger:
                stranger.connect(path)
                stranger.sendall(len(hello).to_bytes(4, "little") + hello)
                stranger.recv(4096)
            return "more like this left out before" in broker.log()
        eventually(told)
