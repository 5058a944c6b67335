"""One broker with an edge of every kind, for programs that measure what strangers can make it do."""
import os
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import broker as brokers  # noqa: E402
import servers as linked  # noqa: E402
import signed_tokens  # noqa: E402
import tls_files  # noqa: E402
import tokens  # noqa: E402
from eventually import eventually  # noqa: E402

ENGINE = "/socket.io/"
FILE_SIZE = 4_096
BIG_FILE_SIZE = 4 << 20


class AttackedBroker:
    """A context: starts the broker of `binaries` with one shard in `directory`, and stops it. `limits` and `config` go to
    its config."""

    is_quick = False   # nothing is measured

    def __init__(self, binaries, directory, limits=None, **config):
        self.binaries = pathlib.Path(binaries).resolve()
        self.directory = pathlib.Path(directory)
        self.authority = linked.Authority(self.binaries / "bester", self.directory / "authority")
        self.peer_port = linked.free_port()
        accounts = self.directory / "accounts.db"
        # The cost of a password is that of the defaults.
        brokers.make_accounts(str(self.binaries / "bester"), accounts, cost={})
        pages = self.directory / "pages"
        pages.mkdir()
        (pages / "small.bin").write_bytes(os.urandom(FILE_SIZE))
        (pages / "big.bin").write_bytes(os.urandom(BIG_FILE_SIZE))
        secret = self.directory / "secret"
        secret.write_text(tokens.SECRET)
        secret.chmod(0o600)
        self.signers = {algorithm: signed_tokens.Signer(self.directory, algorithm) for algorithm in signed_tokens.KINDS}
        self.client_authority = tls_files.Authority("clients")
        issuers = {algorithm: {"algorithms": [algorithm], "key_file": str(signer.public), "issuer": algorithm}
                   for algorithm, signer in self.signers.items()}
        server_files = dict(zip(("certificate", "key"), tls_files.usual()[1:]))
        paths = {"/": {}, "/deflate": {"compression": True}, ENGINE: {"frames": "socketio", "namespaces": {"/": "echo"}}}
        listeners = [
            {"name": "tcp", "address": "127.0.0.1:0", "authentication": ["jwt", "accounts"]},
            {"name": "open", "address": "127.0.0.1:0", "authentication": ["anonymous"]},
            {"name": "tls", "address": "127.0.0.1:0", "tls": server_files},
            {"name": "certified", "address": "127.0.0.1:0", "authentication": ["certificate"],
             "tls": {**server_files, "client_certificates": "optional", "authorities": [str(self.client_authority.certificate)]}},
            {"name": "proxied", "address": "127.0.0.1:0", "authentication": ["anonymous"], "proxies": ["127.0.0.0/8"], "proxy_protocol": True},
            {"name": "forwarded", "transport": "websocket", "address": "127.0.0.1:0", "authentication": ["anonymous"],
             "proxies": ["127.0.0.0/8"], "paths": {"/": {}}},
            {"name": "web", "transport": "websocket", "address": "127.0.0.1:0", "files": str(pages), "authentication": ["anonymous"],
             "paths": paths},
        ]
        self.broker = brokers.TestBroker(
            self.binaries, 1, accounts, {"echo": {"command": [str(self.binaries / "echo-handler")]},
                                         "groups": brokers.python_handler("--events", "clients,groups"),
                                         "bare": {"start": "manual"}}, start=False,
            log={"level": "info"}, login={"user_failures": 500, "address_failures": 500},
            permissions=[{"types": ["*"], "users": ["*"], "anonymous": True}],
            tokens={"bench": {"algorithms": ["HS256"], "key_file": str(secret), "issuer": "bench"}, **issuers}, limits=limits or {},
            listeners=listeners, peering={"listen": [f"127.0.0.1:{self.peer_port}"], "discovery": True, **self.authority.files("home")},
            peers={"friend": {"types": ["*"]}, "second": {"types": ["*"]}}, **config)
        for name in brokers.COST:
            del self.broker.config["accounts"][name]
        self.broker.write_config()

    def __enter__(self):
        try:
            self.broker.start()
        except BaseException:
            self.broker.abandon()
            raise
        return self

    def __exit__(self, kind, *_):
        self.broker.__exit__(kind)

    def port(self, name):
        """The TCP port of a listener, of the other servers' ("peers") as well."""
        if name == "peers":
            return self.peer_port
        address = self.broker.addresses[name]
        return getattr(address, "below", None)[1] if hasattr(address, "below") and address.below else address[1]

    @property
    def pid(self):
        return self.broker.process.pid

    @property
    def handler_socket(self):
        return str(self.broker.directory / "run" / "handlers.sock")

    def cpu_seconds(self):
        """Of all threads, to the nanosecond: the clock that clock_getcpuclockid(3) names."""
        return time.clock_gettime(~self.pid << 3 | 2)

    def until_idle(self):
        """Waits until all connections of clients are gone and, if the numbers matter, the broker does next to nothing any more."""
        eventually(lambda: not any(shard["connections"] for shard in self.broker.status()["shards"]), 60, "all connections are gone")
        if self.is_quick:
            return
        before = [self.cpu_seconds()]

        def is_idle():
            time.sleep(0.05)
            before.append(self.cpu_seconds())
            return before[-1] - before[-2] < 0.001
        eventually(is_idle, 60, "the broker is idle")
