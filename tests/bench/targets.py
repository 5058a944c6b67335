"""The programs that the benchmark measures: how each is started, found ready, and stopped."""

import ctypes
import json
import os
import pathlib
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

from ports import free_port  # noqa: E402, F401

START_LIMIT = 20.0  # seconds
STOP_LIMIT = 15.0


class BenchError(Exception):
    """A run that cannot be trusted; says what happened and where the log is."""


def find_program(name):
    found = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
    if not found:
        raise BenchError(f"{name} is not installed: apt-get install {name}")
    return found


def die_with_parent():
    """In the child: be killed if the benchmark itself is killed, so that nothing stays behind."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def descendants(pid):
    found = []
    for children in pathlib.Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, children.read_text().split()):
            found += [child, *descendants(child)]
    return found


def pin(pid, cores):
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        os.sched_setaffinity(int(task.name), cores)


class Target:
    """One measured process and its helper, in a temporary directory of their own; some have a second
    measured process, another server that belongs to the first.

    `cores` and `helper_cores` pin them; None leaves it to the scheduler. `preload` is a library
    for the measured processes alone. Use as a context manager: the end of the block stops it all.
    """

    protocol = None
    # Go and redis (jemalloc) bring allocators of their own, which bench_alloc_counter cannot count.
    allocates_with_malloc = False

    def __init__(self, binaries, directory, cores=None, helper_cores=None, preload=None):
        self.binaries = binaries
        self.directory = pathlib.Path(directory)
        self.cores = cores
        self.helper_cores = helper_cores
        self.preload = preload
        self.port = 0
        self.receiver_port = 0  # of the receivers of pairs, if they are elsewhere
        self.pid = 0
        self.second_pid = 0
        self.also_pids = []     # further processes of the target: what they take is added to what it takes
        self.helper_pid = 0
        self.processes = []

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_):
        self.stop()

    def launch(self, command, log, cores, preload=None, **options):
        environment = dict(os.environ)
        if preload:
            environment.update(LD_PRELOAD=str(preload), BENCH_ALLOC_FILE=str(self.directory / "allocations"))

        def prepare():
            die_with_parent()
            if cores:
                os.sched_setaffinity(0, cores)

        with open(self.directory / log, "wb") as errors:
            options.setdefault("stdout", errors)
            process = subprocess.Popen(
                [str(part) for part in command], stderr=errors, stdin=subprocess.DEVNULL,
                env=environment, preexec_fn=prepare, **options)
        self.processes.append(process)
        return process

    def launch_target(self, command, **options):
        process = self.launch(command, "target.log", self.cores, self.preload, **options)
        self.pid = process.pid
        return process

    def launch_second(self, command, **options):
        process = self.launch(command, "second.log", self.cores, self.preload, **options)
        self.second_pid = process.pid
        return process

    def launch_helper(self, command, **options):
        process = self.launch(command, "helper.log", self.helper_cores, **options)
        self.helper_pid = process.pid
        return process

    def wait_for(self, condition, what):
        deadline = time.monotonic() + START_LIMIT
        while not condition():
            for process in self.processes:
                if process.poll() is not None:
                    raise BenchError(f"{process.args[0]} ended with {process.returncode}\n{self.log_tail()}")
            if time.monotonic() > deadline:
                raise BenchError(f"gave up waiting for {what}\n{self.log_tail()}")
            time.sleep(0.02)

    def accepts(self, port=None):
        try:
            socket.create_connection(("127.0.0.1", port or self.port), 1).close()
            return True
        except OSError:
            return False

    def log_tail(self):
        return "\n".join(
            f"--- {log.name}\n{log.read_text(errors='replace')[-2000:]}" for log in sorted(self.directory.glob("*.log")))

    def allocation_file(self, pid):
        return self.directory / f"allocations.{pid}"

    def stop(self):
        for process in self.processes:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in self.processes:
            try:
                process.wait(STOP_LIMIT)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            if process.stdout:
                process.stdout.close()


class Relay(Target):
    protocol = "relay"
    allocates_with_malloc = True
    arguments = ()

    def start(self):
        path = self.directory / "relay.socket"
        relay = self.launch_target([self.binaries / "bench_relay", 0, path, *self.arguments], stdout=subprocess.PIPE)
        self.wait_for(path.exists, "the relay's socket")
        self.launch_helper([self.binaries / "bench_relay_echo", path])
        self.port = int(relay.stdout.readline() or 0)
        if not self.port:
            raise BenchError(f"the relay did not start\n{self.log_tail()}")


class Nats(Target):
    protocol = "nats"
    arguments = ()

    def start(self):
        self.port = free_port()
        self.launch_target([find_program("nats-server"), "-a", "127.0.0.1", "-p", self.port, *self.arguments])
        self.wait_for(self.accepts, "nats-server")
        self.launch_responder()

    def launch_responder(self):
        responder = self.launch_helper([self.binaries / "bench_nats_responder", self.port], stdout=subprocess.PIPE)
        if responder.stdout.readline() != b"ready\n":
            raise BenchError(f"the NATS responder did not start\n{self.log_tail()}")


class Redis(Target):
    protocol = "redis"

    def start(self):
        self.port = free_port()
        self.launch_target([
            find_program("redis-server"), "--bind", "127.0.0.1", "--port", self.port, "--save", "",
            "--appendonly", "no", "--dir", self.directory])
        self.wait_for(self.accepts, "redis-server")


class Bester(Target):
    protocol = "bester"
    allocates_with_malloc = True
    threads = 1

    def start(self):
        self.port = free_port()
        config = self.directory / "bester.json"
        config.write_text(json.dumps(self.config(), indent=2))
        self.launch_target([self.binaries / "bester", "serve", "--config", config])
        self.wait_for(self.answers, "an echo through bester")
        self.find_helper("echo-handler")

    def config(self):
        return {
            "server": {"name": "bench", "threads": self.threads, "runtime_directory": str(self.directory / "run")},
            "listeners": [{
                "name": "main", "transport": "tcp", "address": f"127.0.0.1:{self.port}",
                "authentication": ["anonymous"]}],
            "handlers": {
                "echo": {"command": [str(self.binaries / "echo-handler")], "types": ["echo"]},
                "fanout": {"command": [str(self.binaries / "bench_fanout_handler")], "types": ["join", "publish"]},
            },
        }

    def answers(self):
        """Logs in and has one message echoed, so that the handler too is known to be there."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1) as client:
                client.settimeout(6)
                body = json.dumps({"payload": {"type": "echo", "data": "ready?", "id": "1"}}).encode()
                client.sendall(struct.pack("<I", len(body)) + body)
                statuses = {}
                while "1" not in statuses:
                    size = struct.unpack("<I", receive(client, 4))[0]
                    message = json.loads(receive(client, size))
                    if message["header"]["messageType"] == "statusReport":
                        statuses[message["payload"].get("id")] = message["header"]["status"]
                return statuses["1"] == "good"
        except OSError:
            return False

    def find_helper(self, name):
        for pid in descendants(self.pid):
            command = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            if os.path.basename(command[0]) == name.encode():
                self.helper_pid = pid
            if self.helper_cores:
                pin(pid, self.helper_cores)
        if not self.helper_pid:
            raise BenchError(f"bester runs no process {name}\n{self.log_tail()}")


class BesterTwoShards(Bester):
    threads = 2


def receive(stream, size):
    data = b""
    while len(data) < size:
        part = stream.recv(size - len(data))
        if not part:
            raise OSError("closed")
        data += part
    return data


TARGETS = {"relay": Relay, "nats": Nats, "redis": Redis, "bester": Bester, "bester-2": BesterTwoShards}
