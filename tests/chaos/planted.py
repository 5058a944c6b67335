"""Faults that are made on purpose, to see that the ledger finds them: a proxy before a client that understands what the
broker sends, and loses a delivery, doubles it, or exchanges two."""
import collections
import json
import pathlib
import socket
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import frames  # noqa: E402

KINDS = ("lost", "doubled", "exchanged")
SETTLED = 10     # deliveries to a connection, after which nobody can say that it was not there yet
OFTEN = 3        # of one channel: others will come


class Planter:
    """Passes on what clients say, and what they are told but for one fault of this kind, which comes after `after`
    deliveries. `has_planted` says what was changed, as soon as it was."""

    def __init__(self, target, kind, after=10):
        self.target = target
        self.kind = kind
        self.left = after
        self.has_planted = None
        self.lock = threading.Lock()
        self.sockets = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.start(self.accept)

    def start(self, work, *arguments):
        threading.Thread(target=work, args=arguments, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return   # closed
            try:
                server = socket.create_connection(("127.0.0.1", self.target))
            except OSError:
                client.close()
                continue
            self.sockets += [client, server]
            self.start(self.pass_on, client, server, lambda data: [data])
            self.start(self.pass_on, server, client, Mutation(self))

    @staticmethod
    def pass_on(source, target, change):
        try:
            while data := source.recv(1 << 16):
                for piece in change(data):
                    target.sendall(piece)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        if isinstance(change, Mutation):
            change.end()

    def close(self):
        self.listener.close()
        for each in self.sockets:
            each.close()


class Mutation:
    """Of what one connection is told."""

    def __init__(self, planter):
        self.planter = planter
        self.decoder = frames.Decoder()
        self.kept = None       # the first of two that are exchanged: (channel, body)
        self.by_channel = collections.Counter()

    def __call__(self, data):
        return [frames.encode(body) for whole in self.decoder.feed(data) for body in self.changed(whole)]

    def end(self):
        """The connection is over: what waited for a second one on it is tried on another."""
        with self.planter.lock:
            if self.kept is not None:
                self.planter.left = 1

    def changed(self, body):
        planter = self.planter
        told = json.loads(body)
        data = told.get("payload", {}).get("data")
        channel = data.get("by") if isinstance(data, dict) else None
        # Replies have a status behind them, which would say more than is wanted here; of what `news` sends to groups, the
        # ledger allows that this connection had not joined yet.
        if channel is None or "id" in told["payload"] or ".news." in channel:
            return [body]
        self.by_channel[channel] += 1
        if self.by_channel.total() <= SETTLED or self.by_channel[channel] < OFTEN:
            return [body]
        with planter.lock:
            if self.kept is not None:
                if self.kept[0] != channel:
                    return [body]
                first, self.kept = self.kept[1], None
                planter.has_planted = f"exchanged two deliveries, the second one of {data['m']}"
                return [body, first]
            planter.left -= 1
            if planter.left != 0:
                return [body]
            if planter.kind == "exchanged":
                self.kept = (channel, body)
                return []
            planter.has_planted = f"{planter.kind} a delivery of {data['m']}"
            return [body, body] if planter.kind == "doubled" else []
