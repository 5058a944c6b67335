"""Targets of the pairs workloads: one server, or two that are joined, and a handler between sender and receiver."""

import functools
import json
import pathlib
import subprocess
import tempfile

from targets import STOP_LIMIT, BenchError, Bester, Nats, Relay, find_program, free_port

PAIRS = 64
PASSWORD = "bench"
# Log-ins are not the subject.
COST = {"argon2_operations": 1, "argon2_memory": "8KiB"}


class Files:
    """Accounts of all ends of pairs, and certificates of two servers: made once, gone with the benchmark."""

    def __init__(self, binaries):
        self.holder = tempfile.TemporaryDirectory(prefix="bench-pairs-")
        self.directory = pathlib.Path(self.holder.name)
        self.bester = str(binaries / "bester")
        self.accounts = self.directory / "accounts.db"
        config = self.directory / "accounts.json"
        config.write_text(json.dumps({"accounts": {"database": str(self.accounts), **COST}}))
        for number in range(PAIRS):
            for end in "sr":
                self.run("user", "add", f"{end}{number:03x}", "--config", config, input=PASSWORD + "\n")
        self.run("ca", "init", "--directory", self.directory / "ca")
        self.run("ca", "issue", "alpha", "beta", "--directory", self.directory / "ca")

    def run(self, *words, **options):
        done = subprocess.run([self.bester, *map(str, words)], capture_output=True, text=True, timeout=60, **options)
        if done.returncode != 0:
            raise BenchError(f"bester {' '.join(map(str, words))}: {done.stdout}{done.stderr}")

    def trust(self, server):
        ca = self.directory / "ca"
        return {"certificate": str(ca / f"{server}.crt"), "key": str(ca / f"{server}.key"), "authority": str(ca / "ca.crt")}


files = functools.cache(Files)


class BesterLocal(Bester):
    """Sender, handler and receiver on one broker."""

    handler_arguments = ()

    def start(self):
        self.port = free_port()
        self.launch_target(self.serve("alpha", self.port, self.handler_arguments))
        self.wait_for(lambda: self.is_ready("alpha"), "bester")
        self.find_helper("bench_pairs_handler")

    def serve(self, name, port, handler_arguments=None, **more):
        """The command that runs a broker with this config; without arguments for it, it has no handler."""
        handlers = {}
        if handler_arguments is not None:
            handlers["pairs"] = {"command": [str(self.binaries / "bench_pairs_handler"), *handler_arguments],
                                 "types": ["pass"]}
        path = self.directory / f"{name}.json"
        path.write_text(json.dumps({
            "server": {"name": name, "threads": 1, "runtime_directory": str(self.directory / name)},
            "accounts": {"database": str(files(self.binaries).accounts), **COST},
            "listeners": [{"name": "main", "transport": "tcp", "address": f"127.0.0.1:{port}"}],
            "handlers": handlers, **more}, indent=2))
        return [self.binaries / "bester", "serve", "--config", path]

    def status(self, name):
        done = subprocess.run([self.binaries / "bester", "status", "--json", "--config", self.directory / f"{name}.json"],
                              capture_output=True, text=True, timeout=STOP_LIMIT)
        return json.loads(done.stdout) if done.returncode == 0 else None

    def is_ready(self, name):
        status = self.status(name)
        return status and all(one["state"] == "ready" for each in status["handlers"] for one in each["instances"])


class BesterLink(BesterLocal):
    """Sender and handler on one broker, the receiver on another, over TLS."""

    handler_arguments = ("@beta",)
    is_plain = False

    def start(self):
        self.port, self.receiver_port, link = free_port(), free_port(), free_port()
        beta = self.serve("beta", self.receiver_port, **self.peering("beta", link, {"alpha": {}}))
        alpha = self.serve("alpha", self.port, self.handler_arguments,
                           **self.peering("alpha", None, {"beta": {"addresses": [f"127.0.0.1:{link}"]}}))
        self.launch_second(beta)
        self.wait_for(lambda: self.is_ready("beta"), "the second bester")
        self.launch_target(alpha)
        self.wait_for(lambda: self.is_ready("alpha") and self.is_linked("alpha") and self.is_linked("beta"), "the link")
        self.find_helper("bench_pairs_handler")

    def peering(self, name, port, peers):
        trust = {"allow_plain": True} if self.is_plain else files(self.binaries).trust(name)
        more = {"types": ["*"], **({"transport": "plain"} if self.is_plain else {})}
        return {"peering": {**trust, **({"listen": [f"127.0.0.1:{port}"]} if port else {})},
                "peers": {server: {**entry, **more} for server, entry in peers.items()}}

    def is_linked(self, name):
        return all(peer["state"] == "linked" for peer in self.status(name)["peering"]["peers"])


class BesterLinkPlain(BesterLink):
    is_plain = True


class BesterLocalQuiet(BesterLocal):
    protocol = "bester-quiet"


class BesterLinkQuiet(BesterLink):
    protocol = "bester-quiet"


class NatsRoute(Nats):
    """Two servers joined by a route; sender and responder at one, the receiver at the other."""

    def start(self):
        self.port, self.receiver_port = free_port(), free_port()
        first, second = free_port(), free_port()
        server = find_program("nats-server")

        def command(port, cluster, other):
            return [server, "-a", "127.0.0.1", "-p", port, "--cluster_name", "bench",
                    "--cluster", f"nats://127.0.0.1:{cluster}", "--routes", f"nats://127.0.0.1:{other}"]

        self.launch_target(command(self.port, first, second))
        self.wait_for(self.accepts, "nats-server")
        self.launch_second(command(self.receiver_port, second, first))
        self.wait_for(lambda: self.accepts(self.receiver_port), "the second nats-server")
        self.launch_responder()


class RelayPairs(Relay):
    """The relay brings what a sender sends, by the echo process, to its receiver."""

    arguments = ("--pairs",)


class RelayHop(RelayPairs):
    """The same with one more process between the relay and the receivers."""

    def start(self):
        super().start()
        hop = self.launch_second([self.binaries / "bench_hop", 0, self.port], stdout=subprocess.PIPE)
        self.receiver_port = int(hop.stdout.readline() or 0)
        if not self.receiver_port:
            raise BenchError(f"the hop did not start\n{self.log_tail()}")


PAIR_TARGETS = {
    "relay-pairs": RelayPairs, "relay-hop": RelayHop, "nats-local": Nats, "nats-route": NatsRoute,
    "bester-local": BesterLocal, "bester-link": BesterLink, "bester-link-plain": BesterLinkPlain,
    "bester-local-quiet": BesterLocalQuiet, "bester-link-quiet": BesterLinkQuiet,
}
