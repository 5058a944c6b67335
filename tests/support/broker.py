"""The real broker in a directory of its own, on free ports, with its log printed when a test fails."""
import copy
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

import client as clients
import eventually as waiting
import frames
import tls_files
from eventually import eventually

SUPPORT = pathlib.Path(__file__).resolve().parent
PYTHON = "/usr/bin/python3"
USERS = ("tina", "gustav", "ann")
COST = {"argon2_memory": "8KiB", "argon2_operations": 1}
# For entries whose instances are meant to be lost: back at once.
FAST = {"initial_delay": "20ms", "longest_delay": "100ms", "failed_start": "10ms"}
SANITIZER = re.compile(r"(?:ERROR|WARNING): \w*Sanitizer|: runtime error: |SUMMARY: \w*Sanitizer")


def python_handler(*arguments, **entry):
    """A config entry for the scriptable handler."""
    return {"command": [PYTHON, "-S", "-E", str(SUPPORT / "handler.py"), *arguments], **entry}


def merge(into, changes):
    for key, value in changes.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict) and key != "handlers":
            merge(into[key], value)
        else:
            into[key] = value
    return into


def make_accounts(bester, path, users=USERS, cost=None):
    """A new account database, made by `bester user add`; `cost={}` is the default one."""
    config = pathlib.Path(str(path) + ".config")
    config.write_text(json.dumps({"accounts": {"database": str(path), **(COST if cost is None else cost)}}))
    for user in users:
        subprocess.run([bester, "user", "add", user, "--config", config], check=True, capture_output=True,
                       input=clients.password_of(user) + "\n", text=True, timeout=60)
    config.unlink()


class TestBroker:
    """`bester serve` in a temporary directory. Use as a context: the end stops it and checks that it
    ended cleanly, found no error in itself, and that no sanitizer spoke."""

    __test__ = False

    def __init__(self, bin_directory, threads=1, accounts=None, handlers=None, start=True,
                 environment=None, **config):
        self.bester = str(pathlib.Path(bin_directory).resolve() / "bester")
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="bester-"))
        self.control_path = str(self.directory / "run" / "control.sock")
        self.config_path = self.directory / "bester.json"
        self.log_path = self.directory / "log"
        self.environment = environment or {}
        self.process = None
        self.addresses = {}
        self.opened = []
        self.check_at_exit = True
        database = self.directory / "accounts.db"
        if accounts:
            shutil.copy(accounts, database)
        self.config = {
            "server": {"name": "home", "threads": threads, "stop_grace": "10s",
                       "runtime_directory": str(self.directory / "run")},
            "log": {"level": "debug"},
            "accounts": {"database": str(database), **COST},
            # Tests that share a broker fail more often than people do.
            "login": {"user_failures": 500, "address_failures": 500},
            "listeners": [
                {"name": "v4", "address": "127.0.0.1:0"},
                {"name": "v6", "address": "[::1]:0"},
                {"name": "unix", "transport": "unix", "address": str(self.directory / "clients.sock")},
                {"name": "tls", "address": "127.0.0.1:0", "tls": {"certificate": tls_files.usual()[1], "key": tls_files.usual()[2]}},
                {"name": "web", "transport": "websocket", "address": "127.0.0.1:0", "paths": {"/": {}}},
                {"name": "wss", "transport": "websocket", "address": "127.0.0.1:0", "paths": {"/": {}},
                 "tls": {"certificate": tls_files.usual()[1], "key": tls_files.usual()[2]}},
                {"name": "open", "transport": "unix", "address": str(self.directory / "open.sock"),
                 "authentication": ["anonymous"]},
            ],
            "handlers": handlers if handlers is not None else {"echo": python_handler()},
        }
        merge(self.config, copy.deepcopy(config))
        self.write_config()
        if start:
            try:
                self.start()
            except BaseException:
                self.abandon()
                raise

    # ---- life ----

    def write_config(self, config=None):
        self.config_path.write_text(json.dumps(config if config is not None else self.config, indent=1))

    def start(self, wait_for_handlers=True):
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen([self.bester, "serve", "--config", str(self.config_path)], stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log, env={**os.environ, **self.environment})
        self.until_running(self.is_answering, "the broker answers on its control socket")
        for listener in self.status()["listeners"]:
            address = listener["address"]
            if listener["transport"] != "unix":
                host, port = address.rsplit(":", 1)
                address = (host.strip("[]"), int(port))
                if listener["tls"]:
                    address = clients.Secure.at(address, tls_files.usual()[0].certificate)
            if listener["transport"] == "websocket":
                address = clients.Web.at(address)
            self.addresses[listener["name"]] = address
        if wait_for_handlers:
            self.wait_for_handlers()

    def until_running(self, condition, what, limit=20):
        def checked():
            assert self.process.poll() is None, f"the broker ended with {self.process.returncode}:\n{self.log()[-3000:]}"
            return condition()
        return eventually(checked, limit, what)

    def is_answering(self):
        try:
            return self.control({"request": "status"})["ok"]
        except OSError:
            return False

    def wait_for_handlers(self, *names):
        """Until all instances of these handlers (or of all that the broker starts) are ready."""
        def ready():
            for handler in self.status()["handlers"]:
                if handler["start"] != "auto" or (names and handler["name"] not in names):
                    continue
                if any(one["state"] != "ready" for one in handler["instances"]):
                    return False
            return True
        self.until_running(ready, lambda: f"all handlers are ready: {self.status()['handlers']}")

    def stop(self):
        """SIGTERM, and everything that must be true of a clean end."""
        if self.process is None:
            return
        if self.process.poll() is None:
            self.check_counters()
            self.process.send_signal(signal.SIGTERM)
        self.wait_for_end()

    def wait_for_end(self):
        """It has been told to stop."""
        code = self.process.wait(30 * waiting.slowness)
        self.process = None
        assert code == 0, f"the broker ended with {code}"
        self.check_log()

    def check_counters(self):
        counters = self.status()["counters"]
        assert counters["internal_errors"] == 0, counters

    def check_log(self):
        found = SANITIZER.search(self.log())
        assert not found, self.log()[found.start():found.start() + 6000]

    def kill9(self):
        self.process.kill()
        self.process.wait()
        self.process = None

    def abandon(self):
        """Ends whatever still runs and says what the log has; for failed tests."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.process = None
        self.print_log()
        self.remove()

    def print_log(self):
        text = self.log()
        print(f"---- log of the broker in {self.directory} ----\n{text[-20000:]}---- end ----", file=sys.stderr)

    def remove(self):
        for each in self.opened:
            each.close()
        shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is not None:
            self.abandon()
            return
        try:
            self.stop()
        except BaseException:
            self.abandon()
            raise
        self.remove()

    # ---- talking to it ----

    def client(self, user=None, listener="v4", **more):
        """A connected client; logged in, if a user is given. Closed with the broker."""
        made = clients.Client(self.addresses[listener], user, **more)
        self.opened.append(made)
        return made

    def close_clients(self):
        """Between tests that share a broker: everybody leaves, and the broker has noticed."""
        for each in self.opened:
            each.close()
        self.opened.clear()
        eventually(lambda: not any(s["connections"] for s in self.status()["shards"]), 20, "all connections are gone")

    def control(self, request, limit=20):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(limit * waiting.slowness)
            connection.connect(self.control_path)
            connection.sendall(frames.encode(request))
            decoder = frames.Decoder()
            while True:
                data = connection.recv(1 << 16)
                if not data:
                    raise ConnectionError("the control connection was closed")
                for body in decoder.feed(data):
                    return json.loads(body)

    def status(self):
        answer = self.control({"request": "status"})
        assert answer["ok"], answer
        return answer["status"]

    def counters(self):
        return self.status()["counters"]

    def handler(self, name):
        return next(h for h in self.status()["handlers"] if h["name"] == name)

    def instance(self, name, number=0):
        """The instance that serves under this number, or comes up."""
        return [one for one in self.handler(name)["instances"] if one["number"] == number][-1]

    def pid_of(self, name, number=0):
        """When there is one: it may be between two processes."""
        return eventually(lambda: self.instance(name, number).get("pid"), 20, f"an instance of {name}")

    def wait_for_other_pid(self, name, pid, number=0):
        eventually(lambda: self.instance(name, number).get("pid") not in (None, pid)
                   and self.instance(name, number)["state"] == "ready", 20, f"another instance of {name}")

    def cli(self, *arguments, input=None, timeout=30, **environment):
        """A command of a user at a terminal: (exit code, stdout, stderr)."""
        done = subprocess.run([self.bester, *map(str, arguments)], input=input, capture_output=True, text=True,
                              timeout=timeout * waiting.slowness, cwd=self.directory, env={**os.environ, **environment})
        assert not SANITIZER.search(done.stderr), done.stderr
        return done.returncode, done.stdout, done.stderr

    def reload(self, **changes):
        """Changes the config file and lets the broker read it again; returns the control answer."""
        merge(self.config, changes)
        self.write_config()
        return self.control({"request": "reload"})

    def log(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def wait_for_log(self, text, count=1, limit=10):
        """The log is written behind what it tells of. Returns the first line with this text, when there are `count`."""
        eventually(lambda: self.log().count(text) >= count, limit, f"the log says {text!r}")
        return next((line for line in self.log().splitlines() if text in line), None)

    def resident_bytes(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/statm").read_text().split()
        return int(fields[1]) * os.sysconf("SC_PAGE_SIZE")

    def cpu_seconds(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def is_alive(pid):
    """Does a process of this id run (and is no zombie)?"""
    try:
        state = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in "ZX"


def freeze(pid):
    """SIGSTOP, and until each thread stands: those that run when the signal comes go on for a moment."""
    os.kill(pid, signal.SIGSTOP)

    def states():
        return {path.read_text().rsplit(")", 1)[1].split()[0] for path in pathlib.Path(f"/proc/{pid}/task").glob("*/stat")}
    eventually(lambda: states() == {"T"}, what=f"all threads of {pid} stand still")


def wait_until_dead(pid, limit=10):
    eventually(lambda: not is_alive(pid), limit, f"process {pid} is gone")


def now():
    return time.monotonic()
