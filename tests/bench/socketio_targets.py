"""Targets that the real socket.io-client is the load of: the socket.io server, and bester's Socket.IO path."""

import json
import pathlib
import subprocess
import sys

from targets import Bester, BenchError, Target, find_program, free_port

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))
from browser import install_packages  # noqa: E402

LIMIT = 120.0  # seconds that one run may take


class SocketioServer(Target):
    """One process of Node."""

    protocol = "socketio"

    def start(self):
        server = self.launch_target([find_program("node"), HERE / "targets/socketio_server.mjs", install_packages()],
                                    stdout=subprocess.PIPE)
        self.port = int(server.stdout.readline() or 0)
        if not self.port:
            raise BenchError(f"the socket.io server did not start\n{self.log_tail()}")


class BesterSocketio(Bester):
    """The broker and the handler behind it; what both take is counted."""

    protocol = "socketio"

    def start(self):
        self.socketio_port = free_port()
        super().start()
        self.port = self.socketio_port

    def config(self):
        config = super().config()
        config["listeners"].append({
            "name": "edge", "transport": "websocket", "address": f"127.0.0.1:{self.socketio_port}",
            "authentication": ["anonymous"],
            "paths": {"/socket.io/": {"frames": "socketio", "namespaces": {"/": "echo"}}}})
        return config


def run_socketio_load(options, workload, target):
    handlers = str(target.helper_pid) if target.helper_pid else ""
    command = [find_program("node"), HERE / "load/socketio_load.mjs", install_packages(), f"http://127.0.0.1:{target.port}",
               target.pid, handlers, workload.load.removeprefix("socketio-"), options.warmup_ms, options.measure_ms]
    try:
        done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=LIMIT, check=False)
    except subprocess.TimeoutExpired as error:
        raise BenchError(f"the load did not end within {LIMIT:g} s\n{target.log_tail()}") from error
    if done.returncode != 0:
        raise BenchError(f"{done.stderr.strip()}\n{target.log_tail()}")
    return json.loads(done.stdout)


SOCKETIO_TARGETS = {"socket.io": SocketioServer, "bester-sio": BesterSocketio}
