"""examples/spectator as a target: a broker, its gateway and its feed, with 1,000 spectators of 200 guilds.

What is produced varies, what is watched does not: the more guilds there are that nobody looks at, the more
the feed makes, and the same 500 updates a second concern guilds that somebody follows."""

import pathlib
import selectors
import socket
import subprocess
import sys
import time

from targets import Bester, BenchError, descendants, free_port

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import websocket_stream as ws  # noqa: E402

SPECTATORS = 1000
FOLLOWED = 200          # guilds, five spectators each
WATCHED = 500           # updates a second in the guilds that are followed
START_LIMIT = 60.0      # seconds, for all spectators
HOST = "127.0.0.1"


class BesterSpectators(Bester):
    """The feed makes `rate` updates a second in as many guilds as keep those of the followed ones the same."""

    protocol = "bester-ws"
    allocates_with_malloc = False
    rate = 10_000

    def start(self):
        self.panel_port = free_port()
        self.key = self.directory / "spectator.key"
        self.run_token("--make-key", self.key)
        super().start()
        self.feed_pid = self.process_named("spectator-feed")
        self.gateway_pid = self.process_named("spectator-handler")
        self.port = self.panel_port
        # Who comes before the gateway is ready is told that it begins anew, and would have to sign in again.
        Spectator(self.panel_port, self.token(), "g1").wait_for_replies()

    def config(self):
        config = super().config()
        config["listeners"].append({
            "name": "panel", "transport": "websocket", "address": f"{HOST}:{self.panel_port}",
            "authentication": ["anonymous"], "paths": {"/v1/spectator": {"type": "spectator"}}})
        config["handlers"]["spectator"] = {
            "command": [str(self.binaries / "spectator-handler")],
            "config": {"token": {"algorithm": "HS256", "key_file": str(self.key)}}}
        config["handlers"]["feed"] = {
            "command": [str(self.binaries / "spectator-feed")], "types": [], "groups": "spectator",
            "config": {"guilds": FOLLOWED * self.rate // WATCHED, "members": 20, "channels": 8, "emoji": 8,
                       "rate": self.rate, "report_every_ms": 0}}
        return config

    def run_token(self, *arguments):
        command = [self.binaries / "spectator-token", *arguments]
        return subprocess.run([str(part) for part in command], check=True, capture_output=True, text=True).stdout.strip()

    def token(self):
        return self.run_token("--key", self.key, "--user", "bench", "--role", "administrator", "--guild", "*=view,log")

    def process_named(self, name):
        for pid in descendants(self.pid):
            if pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0].endswith(b"/" + name.encode()):
                return pid
        raise BenchError(f"bester runs no process {name}\n{self.log_tail()}")


class Spectator:
    """One connection that follows a guild; of what comes only its guild is looked at."""

    def __init__(self, port, token, guild):
        self.socket = socket.create_connection((HOST, port), 10)
        self.socket.sendall(ws.request("/v1/spectator"))
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += self.socket.recv(1)
        if not head.startswith(b"HTTP/1.1 101 "):
            raise BenchError(f"not opened: {head!r}")
        self.frames = ws.Frames()
        self.mark = f'"guild":"{guild}"'.encode()
        self.delivered = 0
        self.replies = 0
        self.ask(f'{{"id":1,"kind":"authenticate","data":{{"token":"{token}"}}}}')
        self.ask(f'{{"id":2,"kind":"spectate","data":{{"guild":"{guild}","log":true}}}}')

    def wait_for_replies(self):
        """Of one alone, that then goes."""
        self.socket.settimeout(START_LIMIT)
        try:
            while self.replies < 2:
                self.read()
        finally:
            self.socket.close()

    def ask(self, text):
        self.socket.sendall(ws.frame(ws.TEXT, text.encode()))

    def read(self):
        data = self.socket.recv(1 << 16)
        if not data:
            raise BenchError("a spectator's connection was closed")
        for kind, payload in self.frames.feed(data):
            if kind != 0x80 | ws.TEXT:
                if kind == 0x80 | ws.PING:
                    self.socket.sendall(ws.frame(ws.PONG, payload))
                    continue
                raise BenchError(f"a frame that begins with {kind:#x}")
            if payload.startswith(b'{"kind":"signed_out"'):
                continue
            if payload.startswith(b'{"id":'):
                if b'"kind":"reply"' not in payload:
                    raise BenchError(f"refused: {payload!r}")
                self.replies += 1
            elif self.mark in payload:
                self.delivered += 1
            else:
                raise BenchError(f"of another guild: {payload!r}")


class Crowd:
    def __init__(self, target):
        token = target.token()
        self.selector = selectors.DefaultSelector()
        self.all = []
        for number in range(SPECTATORS):
            made = Spectator(target.port, token, f"g{number % FOLLOWED + 1}")
            self.selector.register(made.socket, selectors.EVENT_READ, made)
            self.all.append(made)
            self.read_for(0)
        until = time.monotonic() + START_LIMIT
        while any(each.replies < 2 for each in self.all):
            if time.monotonic() > until:
                raise BenchError(f"not all spectators were let in\n{target.log_tail()}")
            self.read_for(0.1)

    def read_for(self, seconds):
        until = time.monotonic() + seconds
        while True:
            for key, _ in self.selector.select(max(0.0, until - time.monotonic())):
                key.data.read()
            if time.monotonic() >= until:
                return

    def delivered(self):
        return sum(each.delivered for each in self.all)

    def close(self):
        for each in self.all:
            each.socket.close()
        self.selector.close()


def cpu_seconds(pid):
    """User and system of all threads, in nanoseconds' precision: the clock that the kernel keeps for a process."""
    return time.clock_gettime(~pid << 3 | 2)


def run_spectators(options, target):
    crowd = Crowd(target)
    try:
        crowd.read_for(options.warmup_ms / 1000)
        pids = {"cpu": target.pid, "feed_cpu": target.feed_pid, "gateway_cpu": target.gateway_pid}
        begin, delivered = time.monotonic(), crowd.delivered()
        before = {name: cpu_seconds(pid) for name, pid in pids.items()}
        # A second and more: what is watched comes evenly, but not to the millisecond.
        crowd.read_for(max(1.0, options.measure_ms / 1000))
        seconds = time.monotonic() - begin
        result = {f"{name}_ms_per_s": 1000 * (cpu_seconds(pid) - before[name]) / seconds for name, pid in pids.items()}
        rate = (crowd.delivered() - delivered) / seconds
    finally:
        crowd.close()
    expected = WATCHED * SPECTATORS / FOLLOWED
    if not 0.8 * expected < rate < 1.2 * expected:
        raise BenchError(f"{rate:.0f} updates a second were delivered and not {expected:.0f}; is the machine too busy?")
    return {"produced": target.rate, "throughput": rate, "cpu_us": 1000 * result["cpu_ms_per_s"] / rate, **result}


def with_rate(rate):
    return type(f"Bester{rate}Produced", (BesterSpectators,), {"rate": rate})


SPECTATOR_TARGETS = {f"produced-{rate}": with_rate(rate) for rate in (1_000, 10_000, 20_000)}
