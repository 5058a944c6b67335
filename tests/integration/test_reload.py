"""Reload is one transaction that drops nobody; the end drains."""
import json
import os
import pathlib
import signal
import subprocess
import tempfile

import pytest

import frames
from broker import python_handler, wait_until_dead
from client import code_of, is_good, is_status, login_frame
from eventually import eventually
from servers import Authority


class Load:
    """Clients that keep sending; every message must get its good status."""

    def __init__(self, broker, type="echo"):
        self.clients = [broker.client("tina", t) for t in ("v4", "v6", "unix")]
        self.type = type
        self.round = 0

    def run(self, times=1):
        for _ in range(times):
            self.round += 1
            ids = [f"{self.round}/{i}" for i in range(20)]
            for c in self.clients:
                c.send_bytes(b"".join(frames.encode({"payload": {"type": self.type, "data": i, "id": i}}) for i in ids))
            for c in self.clients:
                assert all(is_good(s) for s in (c.status(i) for i in ids))
                assert [f["payload"]["data"] for f in c.inbox] == ids
                c.inbox = []


def paths(answer):
    assert answer["ok"], answer
    return sorted(c["path"] for c in answer["changes"])


def test_handlers_are_added_changed_and_removed_under_load(make_broker):
    with make_broker(handlers={"echo": python_handler("first", deadline="20s"), "old": python_handler()}) as broker:
        load = Load(broker)
        load.run()
        watcher = broker.client("gustav")
        old_pid = broker.pid_of("old")
        watcher.send("old", {"act": "later", "ms": 300}, "in flight")
        eventually(lambda: broker.instance("old")["in_flight"] == 1)
        answer = broker.reload(handlers={"echo": python_handler("first", deadline="20s"), "new": python_handler()})
        assert paths(answer)
        load.run()
        watcher.good("in flight")                     # it finished its work,
        watcher.send("old", 1, "gone")
        watcher.bad("gone", "no_handler")             # and takes no more
        wait_until_dead(old_pid)
        assert watcher.ask("new", "hello") == "hello"
        # A changed command is a new process; the old one serves until it is there.
        pid = broker.pid_of("echo")
        answer = broker.reload(handlers={"echo": python_handler("second", deadline="20s"), "new": python_handler()})
        assert answer["ok"]
        eventually(lambda: load.run() or broker.pid_of("echo") != pid, 20)
        wait_until_dead(pid)
        load.run(3)
        assert watcher.ask("echo", {"act": "environment"})["arguments"] == ["second"]
        assert broker.counters()["handler_failures"] == 0
        assert broker.status()["sessions"] == 4


def test_more_and_fewer_instances_under_load(make_broker):
    with make_broker(handlers={"echo": python_handler(deadline="20s")}) as broker:
        load = Load(broker)
        pid = broker.pid_of("echo")
        assert broker.reload(handlers={"echo": python_handler(deadline="20s", instances=3)})["ok"]
        eventually(lambda: load.run() or [i["state"] for i in broker.handler("echo")["instances"]] == ["ready"] * 3, 20)
        assert broker.pid_of("echo") == pid
        assert broker.reload(handlers={"echo": python_handler(deadline="20s", instances=1)})["ok"]
        eventually(lambda: load.run() or len(broker.handler("echo")["instances"]) == 1, 20)
        load.run(3)
        assert broker.counters()["handler_failures"] == 0


def test_a_type_moves_to_another_handler(make_broker):
    handlers = {"a": python_handler(types=["t", "u"]), "b": python_handler()}
    with make_broker(handlers=handlers) as broker:
        c = broker.client("tina")
        assert c.ask("t", {"act": "envelope"})["instance"] == "a#0"
        pids = broker.pid_of("a"), broker.pid_of("b")
        assert broker.reload(handlers={"a": python_handler(types=["u"]), "b": python_handler(types=["b", "t"])})["ok"]
        assert c.ask("t", {"act": "envelope"})["instance"] == "b#0" and c.ask("u", {"act": "envelope"})["instance"] == "a#0"
        assert pids == (broker.pid_of("a"), broker.pid_of("b"))     # no process was restarted for it


def test_deadlines_and_windows_change(make_broker):
    with make_broker() as broker:
        c = broker.client("tina")
        assert broker.reload(handlers={"echo": python_handler(deadline="200ms")})["ok"]
        c.send("echo", {"act": "later", "ms": 1000}, "l")
        c.bad("l", "handler_timeout")
        assert broker.reload(handlers={"echo": python_handler(deadline="20s", window=2)})["ok"]
        eventually(lambda: c.ask("echo", {"act": "envelope"})["welcome"]["window"] <= 2)


def test_between_process_and_one_shot(make_broker):
    with make_broker() as broker:
        c = broker.client("tina")
        pid = broker.pid_of("echo")
        assert broker.reload(handlers={"echo": {"socket": str(broker.directory / "none.sock")}})["ok"]
        c.send("echo", 1, "o")
        c.bad("o", "handler_unavailable")
        wait_until_dead(pid)
        assert broker.reload(handlers={"echo": python_handler()})["ok"]
        assert c.ask("echo", 2) == 2


def test_limits_change_for_sessions_that_are_open(make_broker):
    with make_broker() as broker:
        c = broker.client("tina")
        assert len(c.ask("echo", "x" * 5000)) == 5000
        assert paths(broker.reload(limits={"message_size": "2KiB"})) == ["limits.message_size"]
        c.send("echo", "x" * 5000, "l")
        c.bad("error_special", "too_large")
        assert broker.reload(limits={"message_size": "3MiB", "authentication_timeout": "100ms"})["ok"]
        big = broker.client("tina")
        big.send("dummy", "x" * (2 << 20), "big")
        big.good("big")
        broker.client(None).bad("close_special", "authentication_timeout")


def test_log_level_and_accounts_change(make_broker):
    with make_broker() as broker:
        assert paths(broker.reload(log={"level": "error"}, accounts={"remember": "1m"})) == ["accounts.remember", "log.level"]
        broker.wait_for_log("reload: log.level")
        size = len(broker.log())
        broker.reload()
        broker.client("tina")
        assert broker.log()[size:] == ""
        broker.reload(log={"level": "info"})
        broker.reload()
        broker.wait_for_log("reload: 0 changes")


def test_a_bad_file_changes_nothing(make_broker):
    with make_broker() as broker:
        before = broker.status()["config"]
        load = Load(broker)
        broker.config_path.write_text(json.dumps({**broker.config, "handlers": {}, "limts": {}, "limits": {"message_size": "much"}}))
        code, out, err = broker.cli("reload", "--socket", broker.control_path)
        assert code == 1 and "limts" in err + out and "limits.message_size" in err + out
        broker.config_path.write_text("{ nonsense")
        assert broker.control({"request": "reload"})["error"]["code"] == "config_invalid"
        broker.config_path.unlink()
        assert broker.control({"request": "reload"})["error"]["code"] == "config_invalid"
        load.run()
        assert broker.status()["config"]["digest"] == before["digest"]
        broker.write_config()
        assert broker.control({"request": "reload"})["changes"] == []


@pytest.mark.parametrize("change", [{"server": {"name": "elsewhere"}}, {"server": {"threads": 7}}, {"listeners": [{"address": "127.0.0.1:1"}]},
                                    {"accounts": {"database": "other.db"}}, {"control": {"socket": "other.sock"}}])
def test_what_needs_a_restart_is_refused_whole(make_broker, change):
    with make_broker() as broker:
        digest = broker.status()["config"]["digest"]
        answer = broker.reload(limits={"message_size": "2KiB"}, **change)
        assert answer["error"]["code"] == "needs_restart", answer
        assert broker.status()["config"]["digest"] == digest
        assert len(broker.client("tina").ask("echo", "x" * 5000)) == 5000


def test_sighup_reloads(make_broker):
    with make_broker() as broker:
        c = broker.client("tina")
        digest = broker.status()["config"]["digest"]
        broker.config["handlers"]["more"] = python_handler()
        broker.write_config()
        broker.process.send_signal(signal.SIGHUP)
        eventually(lambda: broker.status()["config"]["digest"] != digest)
        assert c.ask("more", 1) == 1
        broker.config_path.write_text("{")
        broker.process.send_signal(signal.SIGHUP)
        broker.wait_for_log("nothing was changed")
        assert c.ask("echo", 1) == 1


@pytest.mark.parametrize("how", ["reload", "SIGHUP", "SIGUSR1"])
def test_a_log_file_that_was_moved_away_is_opened_anew(make_broker, how):
    with make_broker(start=False) as broker:
        file = broker.directory / "b.log"
        moved = broker.directory / "b.log.1"
        broker.config["log"]["file"] = str(file)
        broker.write_config()
        broker.start()
        eventually(lambda: "listening" in file.read_text() or file.stat().st_size > 0)
        file.rename(moved)
        if how == "reload":
            assert broker.reload()["ok"]
        else:
            broker.process.send_signal(signal.Signals[how])
        eventually(file.exists, what="there is a new log file")
        size = moved.stat().st_size
        assert broker.reload(limits={"message_size": "2MiB"})["ok"]
        eventually(lambda: "limits.message_size" in file.read_text())
        assert moved.stat().st_size == size, "nothing goes into the old one"
        # Where none can be opened, the log goes on in the file that is open; a pipe without a reader holds up nothing.
        for make, remove in ((file.mkdir, file.rmdir), (lambda: os.mkfifo(file), file.unlink)):
            if file.exists():
                file.unlink()
            make()
            broker.process.send_signal(signal.SIGUSR1)
            broker.process.send_signal(signal.SIGHUP)
            assert is_good(broker.client("tina").request("echo", 1)[1]) and broker.status()["pid"]
            remove()
        assert broker.reload()["ok"]
        eventually(file.exists)


def test_a_failed_start_says_why_also_when_the_log_is_a_file(make_broker):
    with make_broker() as broker, make_broker(start=False) as second:
        second.config["log"]["file"] = str(second.directory / "b.log")
        host, port = broker.addresses["v4"]
        second.config["listeners"] = [{"address": f"{host}:{port}"}]
        second.write_config()
        code, out, err = second.cli("serve", "--config", second.config_path)
        assert code == 1 and "Address already in use" in err, (code, out, err)
        assert "Address already in use" in (second.directory / "b.log").read_text()
        # A pipe that somebody reads, as a container's output is, will do for a log.
        second.config["log"]["file"] = "/dev/stdout"
        second.write_config()
        code, out, err = second.cli("serve", "--config", second.config_path)
        assert code == 1 and "Address already in use" in out, (code, out, err)


@pytest.fixture
def folder_in_memory():
    if subprocess.run(["stat", "-f", "-c", "%T", "/dev/shm"], capture_output=True, text=True, check=False).stdout.strip() != "tmpfs":
        pytest.skip("/dev/shm is not in memory here")
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        yield pathlib.Path(folder)


def test_verified_passwords_are_remembered_over_a_restart(make_broker, folder_in_memory):
    with make_broker(start=False, server={"runtime_directory": str(folder_in_memory / "run")}) as broker:
        broker.control_path = str(folder_in_memory / "run" / "control.sock")
        file = folder_in_memory / "run" / "remembered-logins"
        broker.start()
        for user in ("tina", "gustav"):
            broker.client(user)
        broker.stop()
        assert file.stat().st_mode & 0o777 == 0o600
        broker.cli("user", "passwd", "gustav", "--config", broker.config_path, input="another\n")
        broker.start()
        broker.wait_for_log("accounts: 1 verified log-in remembered from before the restart")
        assert broker.client("tina").ask("echo", 1) == 1
        with broker.client() as client:
            client.send_frame(login_frame("gustav"))
            client.bad("auth_special", "authentication_failed")
        broker.stop()
        broker.config["accounts"]["remember_restarts"] = False
        broker.write_config()
        broker.start()
        assert not file.exists()
        assert broker.client("tina").ask("echo", 1) == 1


def test_a_reload_says_which_certificates_and_keys_are_new(make_broker, bin_directory, tmp_path):
    authority = Authority(bin_directory / "bester", tmp_path)
    secret = tmp_path / "secret"
    secret.write_text("a secret of more than 32 bytes, as it has to be")
    secret.chmod(0o600)
    files = authority.files("home")
    with make_broker(start=False, tokens={"t": {"algorithms": ["HS256"], "key_file": str(secret)}}) as broker:
        tls = {"certificate": files["certificate"], "key": files["key"]}
        broker.config["listeners"].append({"name": "own", "address": "127.0.0.1:0", "authentication": ["jwt"], "tls": tls})
        broker.write_config()
        broker.start()
        assert paths(broker.reload()) == []
        authority.run("renew", "home")
        assert paths(broker.reload()) == ["listeners[7].tls.certificate"]
        secret.write_text("another secret of more than 32 bytes, as it has to be")
        change, = broker.reload()["changes"]
        assert change["path"] == "tokens.t.key_file" and "another secret" not in json.dumps(change)
        assert paths(broker.reload()) == []
        code, out, _ = broker.cli("reload", "--socket", broker.control_path)
        assert code == 0 and "nothing has changed" in out


def test_the_cli_prints_the_difference(make_broker):
    with make_broker() as broker:
        broker.config["limits"] = {"message_size": "2MiB"}
        broker.write_config()
        code, out, _ = broker.cli("reload", "--socket", broker.control_path)
        assert code == 0 and 'limits.message_size: "1MiB" -> "2MiB"' in out, out
        code, out, _ = broker.cli("reload", "--socket", broker.control_path)
        assert code == 0 and "nothing has changed" in out


# ---- the end ----

def test_sigterm_answers_what_is_in_flight_and_says_good_bye(make_broker):
    with make_broker(handlers={"echo": python_handler("--keep-on-drain")}) as broker:
        busy, idle = broker.client("tina"), broker.client("gustav", "unix")
        half = broker.client(None, "v6")
        for i in range(20):
            busy.send("echo", {"act": "later", "ms": 400, "i": i}, str(i))
        eventually(lambda: broker.instance("echo")["in_flight"] == 20)
        pid = broker.pid_of("echo")
        broker.check_counters()
        broker.process.send_signal(signal.SIGTERM)
        for c in (busy, idle):
            notice = c.find(lambda f: f["header"]["messageType"] == "notice")
            assert notice["header"]["notice"] == "reconnect" and 0 <= notice["payload"]["after"] <= 5000
        busy.send("echo", "too late", "late")
        status = busy.bad("late", "shutting_down")
        assert status["header"]["error"]["temporary"] is True
        came = busy.expect_closed()
        statuses = [f for f in came if is_status(f)]
        assert [s["payload"]["id"] for s in statuses] == [str(i) for i in range(20)] + ["close_special"]
        assert all(is_good(s) for s in statuses[:-1]) and code_of(statuses[-1]) == "shutting_down"
        assert code_of(idle.expect_closed()[-1]) == "shutting_down"
        half.expect_closed()
        assert broker.process.wait(20) == 0
        wait_until_dead(pid)
        assert not os.path.exists(broker.addresses["unix"]) and not os.path.exists(broker.control_path)
        broker.process = None
        broker.check_log()


def test_no_new_connection_is_taken_while_it_drains(make_broker):
    with make_broker() as broker:
        c = broker.client("tina")
        c.send("echo", {"act": "later", "ms": 500}, "l")
        eventually(lambda: broker.instance("echo")["in_flight"] == 1)
        broker.process.send_signal(signal.SIGTERM)
        c.find(lambda f: f["header"]["messageType"] == "notice")
        for listener in ("v4", "unix"):
            with pytest.raises(OSError):
                broker.client(None, listener)
        c.good("l")
        assert broker.process.wait(20) == 0


def test_the_end_does_not_wait_for_ever(make_broker):
    with make_broker(server={"stop_grace": "400ms"}, handlers={"echo": python_handler("--ignore-sigterm", deadline="1m", stop_grace="300ms")}) as broker:
        c = broker.client("tina")
        c.send("echo", {"act": "hang"}, "h")
        eventually(lambda: broker.instance("echo")["in_flight"] == 1)
        pid = broker.pid_of("echo")
        broker.process.send_signal(signal.SIGTERM)
        came = c.expect_closed()
        assert code_of(came[-1]) == "shutting_down"
        assert broker.process.wait(20) == 0
        wait_until_dead(pid)


def test_a_second_signal_ends_it_at_once(make_broker):
    with make_broker(handlers={"echo": python_handler(deadline="1m")}) as broker:
        c = broker.client("tina")
        c.send("echo", {"act": "hold"}, "h")
        eventually(lambda: broker.instance("echo")["in_flight"] == 1)
        pid = broker.pid_of("echo")
        broker.process.send_signal(signal.SIGTERM)
        broker.wait_for_log("draining")
        broker.process.send_signal(signal.SIGTERM)
        assert broker.process.wait(5) == 0
        wait_until_dead(pid)


def test_stop_by_cli(make_broker):
    with make_broker() as broker:
        c = broker.client("tina")
        code, out, _ = broker.cli("stop", "--socket", broker.control_path)
        assert code == 0 and "has stopped" in out
        assert code_of(c.expect_closed()[-1]) == "shutting_down"
        assert broker.process.wait(5) == 0


# ---- accounts under a running broker ----

def test_an_account_that_is_removed_ends_its_sessions(make_broker):
    with make_broker() as broker:
        config = broker.config_path
        first, other = broker.client("tina"), broker.client("gustav")
        assert broker.cli("user", "add", "new", "--config", config, input="secret of new\n")[0] == 0
        broker.client("new", "v6")
        assert broker.cli("user", "remove", "tina", "--config", config)[0] == 0
        first.bad("close_special", "account_changed")
        first.expect_closed()
        again = broker.client(None)
        again.send_frame({"header": {"authentication": {"username": "tina", "password": "secret of tina"}}, "payload": {"type": "dummy"}})
        again.bad("auth_special", "authentication_failed")
        other.expect_nothing_before_ping()
        assert broker.cli("user", "passwd", "gustav", "--config", config, input="another\n")[0] == 0
        other.bad("close_special", "account_changed")
        # One who changes it himself goes on, and his other sessions do not.
        mine, elsewhere = broker.client("gustav", password="another"), broker.client("gustav", "v6", password="another")
        assert is_good(mine.request("builtin", {"command": {"type": "password", "old": "another", "new": "yet another"}})[1])
        elsewhere.bad("close_special", "account_changed")
        mine.expect_nothing_before_ping()
        # When the command has ended, the old password counts for nothing.
        assert broker.cli("user", "passwd", "gustav", "--config", config, input="yet another, again\n")[0] == 0
        late = broker.client()
        late.send_frame(login_frame("gustav", "yet another"))
        late.bad("auth_special", "authentication_failed")
        mine.bad("close_special", "account_changed")
        mine = broker.client("gustav", password="yet another, again")
        assert broker.reload(accounts={"end_sessions_on_change": False})["ok"]
        assert broker.cli("user", "passwd", "gustav", "--config", config, input="the last one\n")[0] == 0
        broker.client("gustav", password="the last one")
        mine.expect_nothing_before_ping()

        def old_is_refused():
            late = broker.client(None)
            late.send_frame({"header": {"authentication": {"username": "gustav", "password": "secret of gustav"}}, "payload": {"type": "dummy"}})
            return not is_good(late.status("auth_special"))
        eventually(old_is_refused)
