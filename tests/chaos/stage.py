"""Three linked brokers with a proxy on each link, and their handlers."""
import os
import pathlib
import sys

SOURCE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(SOURCE.parent / "support"))

import broker as brokers  # noqa: E402
import orders  # noqa: E402
import plan  # noqa: E402
import servers as linked  # noqa: E402
import tls_files  # noqa: E402
from eventually import eventually  # noqa: E402

# A shard that has WebSockets to ask whether they are there never sleeps long: gamma's shards can, when all are silent.
TRANSPORTS = {"alpha": ("tcp", "recovering", "socketio", "web", "tls", "unix"), "beta": ("web", "unix", "recovering", "tcp", "socketio", "tls"), "gamma": ("tls", "tcp", "unix")}
PEERING = {"initial_delay": "20ms", "longest_delay": "200ms", "heartbeat": "3s", "handshake_timeout": "2s",
           "deadline": f"{orders.PEER_DEADLINE:g}s", "resume": "6s"}
RESTART = {"initial_delay": "50ms", "longest_delay": "300ms", "failed_start": "10ms"}


class Stage:
    """`start` brings all up; `brokers` by name, `proxies` by "one-other". A context: its end stops what still
    runs, and removes the brokers' own folders."""

    def __init__(self, bin_directory, directory, threads):
        self.bin = pathlib.Path(bin_directory).resolve()
        self.directory = pathlib.Path(directory)
        self.journals = self.directory / "journals"
        self.journals.mkdir(parents=True)
        self.threads = threads
        self.brokers = {}
        self.proxies = {}
        self.ports = {name: {each: linked.free_port() for each in ("tcp", "tls", "web", "peers")} for name in orders.SERVERS}

    def start(self):
        authority = linked.Authority(self.bin / "bester", self.directory / "authority")
        accounts = self.directory / "accounts.db"
        brokers.make_accounts(str(self.bin / "bester"), accounts, orders.USERS)
        for one, other in plan.LINKS:
            self.proxies[f"{one}-{other}"] = linked.Proxy(self.ports[other]["peers"])
        for name in orders.SERVERS:
            self.brokers[name] = self.make(name, authority, accounts)
        for each in self.brokers.values():
            each.start(wait_for_handlers=False)
        self.wait_until_whole()

    def make(self, name, authority, accounts):
        pages = self.directory / "pages"
        pages.mkdir(exist_ok=True)
        (pages / "big.bin").write_bytes(os.urandom(200_000))
        (pages / "index.html").write_text("<p>chaos</p>")
        ports = self.ports[name]
        listeners = [
            {"name": "tcp", "address": f"127.0.0.1:{ports['tcp']}"},
            {"name": "unix", "transport": "unix", "address": str(self.directory / f"{name}.sock")},
            {"name": "tls", "address": f"127.0.0.1:{ports['tls']}",
             "tls": {"certificate": tls_files.usual()[1], "key": tls_files.usual()[2]}},
            {"name": "web", "transport": "websocket", "address": f"127.0.0.1:{ports['web']}", "files": str(pages),
             "authentication": ["accounts", "anonymous"],
             "paths": {"/": {}, "/io/": {"frames": "socketio", "namespaces": {"/": "plain"}},
                       "/socket.io/": {"frames": "socketio", "namespaces": {"/": "plain"}, "recovery": "5s"}}},
        ]
        peers = {}
        for one, other in plan.LINKS:
            if one == name:
                peers[other] = linked.at(self.proxies[f"{one}-{other}"])
            if other == name:
                peers[one] = {"types": ["*"]}
        made = brokers.TestBroker(
            self.bin, self.threads, accounts, self.handlers(), start=False,
            server={"name": name, "stop_grace": "4s"}, log={"level": "debug"}, listeners=listeners,
            limits={"authentication_timeout": "2s", "write_timeout": "2s", "keepalive_idle": "2s", "keepalive_timeout": "3s"},
            peering={"listen": [f"127.0.0.1:{ports['peers']}"], **PEERING, **authority.files(name)}, peers=peers)
        made.name = name
        return made

    def handlers(self):
        command = [brokers.PYTHON, "-S", "-E", str(SOURCE / "handlers.py"), str(self.journals), str(SOURCE)]
        usual = {"command": command, "deadline": f"{orders.DEADLINE:g}s", "restart": RESTART, "stop_grace": "1s"}
        made = {
            "plain": {**usual},
            "twin": {**usual, "instances": orders.INSTANCES["twin"], "idempotent": True, "window": 8,
                     "ping_interval": "500ms", "ping_timeout": "2s"},
            "news": {**usual},
            "next": {**usual, "types": []},
        }
        if self.has_echo:
            made["echo"] = {"command": [str(self.bin / "echo-handler")], "deadline": f"{orders.DEADLINE:g}s", "restart": RESTART}
        return made

    @property
    def has_echo(self):
        return (self.bin / "echo-handler").exists()

    @property
    def types(self):
        return [*orders.TYPES, *(["echo"] if self.has_echo else [])]

    def addresses(self, name):
        """Of a server's listeners, in words that cross to another process."""
        ports = self.ports[name]
        return {"tcp": ports["tcp"], "tls": ports["tls"], "web": ports["web"], "peers": ports["peers"],
                "unix": str(self.directory / f"{name}.sock"), "authority": str(tls_files.usual()[0].certificate),
                "handlers": str(self.brokers[name].directory / "run" / "handlers.sock")}

    # ---- looking at it ----

    def wait_until_whole(self, limit=30):
        """Until all links stand and all handlers are ready."""
        eventually(lambda: not self.missing(), limit, lambda: f"all links and handlers are there; missing: {self.missing()}")

    def missing(self):
        found = []
        for name, each in self.brokers.items():
            status = each.status()
            states = {peer["name"]: peer["state"] for peer in status["peering"]["peers"]}
            found += [f"{name}: {other} is {states.get(other)}" for other in orders.SERVERS
                      if other != name and states.get(other) != "linked"]
            for handler in status["handlers"]:
                ready = [one["state"] for one in handler["instances"]]
                if ready != ["ready"] * orders.INSTANCES[handler["name"]]:
                    found.append(f"{name}: {handler['name']} is {ready}")
        return found

    def descriptors(self, name):
        """What a broker has open, by kind."""
        found = {}
        directory = pathlib.Path(f"/proc/{self.brokers[name].process.pid}/fd")
        for each in directory.iterdir():
            try:
                kind = os.readlink(each).split(":")[0]
            except FileNotFoundError:
                continue
            kind = kind if kind in ("socket", "pipe", "anon_inode") else "file"
            found[kind] = found.get(kind, 0) + 1
        return found

    def children(self, name):
        """The processes that a broker has started, and zombies of them."""
        pid = str(self.brokers[name].process.pid)
        found = []
        for path in pathlib.Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = path.read_text().rsplit(")", 1)[1].split()
            except (FileNotFoundError, ProcessLookupError):
                continue
            if fields[1] == pid:
                found.append((int(path.parent.name), fields[0]))
        return found

    # ---- the end ----

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for each in self.proxies.values():
            each.close()
        for each in self.brokers.values():
            if each.process is not None and each.process.poll() is None:
                each.process.kill()
                each.process.wait()
            each.remove()

    def keep_logs(self):
        """Copies brokers' logs beside the journals; returns them by name."""
        logs = {name: each.log() for name, each in self.brokers.items()}
        for name, each in self.brokers.items():
            (self.directory / f"{name}.log").write_text(logs[name])
            (self.directory / f"{name}.json").write_text(each.config_path.read_text())
        return logs
