#!/usr/bin/python3
"""A handler process that executes orders (orders.py) in the raw handler protocol, and keeps a journal of what it took and
told. Arguments: the journals' directory, the folder of orders.py."""
import heapq
import itertools
import os
import selectors
import signal
import socket
import struct
import sys
import time
import traceback

DIRECTORY, SOURCE = sys.argv[1:3]
sys.path.insert(0, SOURCE)

import json  # noqa: E402

import journal as journals  # noqa: E402
import orders  # noqa: E402


def encode(body, change=lambda text: text):
    data = change(json.dumps(body, separators=(",", ":"))).encode()
    return struct.pack("<I", len(data)) + data


class Channel:
    def __init__(self):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.connect(os.environ["BESTER_SOCKET"])
        self.buffer = bytearray()
        self.out = bytearray()
        self.stamps = itertools.count(1)
        self.executed = 0        # frames that were sent here and are executed
        self.is_drained = False

    def cut(self):
        """The complete frames at the front of the buffer."""
        at = 0
        while len(self.buffer) - at >= 4:
            (length,) = struct.unpack_from("<I", self.buffer, at)
            if len(self.buffer) - at < 4 + length:
                break
            yield json.loads(bytes(self.buffer[at + 4:at + 4 + length]))
            at += 4 + length
        del self.buffer[:at]


class Handler:
    def __init__(self):
        self.name = os.environ["BESTER_HANDLER"]
        self.pid = os.getpid()
        self.selector = selectors.DefaultSelector()
        self.channels = []
        self.held = 0        # late answers that are still to be given
        self.timers = []     # (when, number, channel, answer)
        self.number = itertools.count()
        first, welcome = self.connect({"token": os.environ["BESTER_TOKEN"]})
        self.server = welcome["server"]
        self.journal = journals.Journal(f"{DIRECTORY}/handler-{self.server}-{self.name}-{self.pid}.jsonl")
        self.take(first, welcome)
        for shard in range(1, welcome["shards"]):
            self.take(*self.connect({"key": welcome["key"], "shard": shard}))
        self.journal.write("up", s=self.server, h=self.name, pid=self.pid, i=int(os.environ["BESTER_INSTANCE"]))
        signal.signal(signal.SIGTERM, lambda *_: self.leave("told to end"))

    def connect(self, proof):
        channel = Channel()
        channel.socket.sendall(encode({"kind": "hello", "protocol": 1, "handler": self.name, "ping": True, **proof}))
        while True:
            for welcome in channel.cut():
                if welcome["kind"] != "welcome":
                    sys.exit(f"refused: {welcome}")
                return channel, welcome
            data = channel.socket.recv(1 << 16)
            if not data:
                sys.exit("the channel was closed in the hello")
            channel.buffer += data

    def take(self, channel, welcome):
        channel.shard = welcome["shard"]
        channel.name = f"{self.server}.{self.name}.{self.pid}.{channel.shard}"
        channel.socket.setblocking(False)
        self.channels.append(channel)
        self.selector.register(channel.socket, selectors.EVENT_READ, channel)

    def leave(self, why):
        self.journal.write("down", s=self.server, h=self.name, pid=self.pid, why=why)
        os._exit(0)

    # ---- the stream ----

    def send(self, channel, body):
        channel.out += encode(body)
        self.flush(channel)

    def execute(self, channel, body, number):
        """Sends an answer or a push. Some, as the message's number has it, are written in other ways that mean the same: after
        what was sent on the other channels, and with escapes in the names of users."""
        if number % 4 == 0:
            body["after"] = {str(each.shard): each.executed for each in self.channels if each is not channel}
        channel.executed += 1
        has_escapes = number % 3 == 0
        channel.out += encode(body, lambda text: text.replace('["user', '["us\\u0065r') if has_escapes else text)
        self.flush(channel)

    def flush(self, channel):
        try:
            while channel.out:
                del channel.out[:channel.socket.send(channel.out)]
        except BlockingIOError:
            pass
        except OSError:
            self.leave("a channel was closed")
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if channel.out else 0)
        if self.selector.get_key(channel.socket).events != events:
            self.selector.modify(channel.socket, events, channel)

    def read(self, channel):
        try:
            data = channel.socket.recv(1 << 18)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.leave("drained" if channel.is_drained else "a channel was closed")
        channel.buffer += data
        for frame in channel.cut():
            self.on_frame(channel, frame)

    def run(self):
        while True:
            limit = max(0.0, self.timers[0][0] - time.monotonic()) if self.timers else None
            for key, events in self.selector.select(limit):
                if events & selectors.EVENT_WRITE:
                    self.flush(key.data)
                if events & selectors.EVENT_READ:
                    self.read(key.data)
            while self.timers and self.timers[0][0] <= time.monotonic():
                _, _, channel, answer = heapq.heappop(self.timers)
                self.held -= 1
                answer(channel)
            if self.held == 0 and all(each.is_drained and not each.out for each in self.channels):
                self.leave("drained")

    # ---- frames ----

    def on_frame(self, channel, frame):
        kind = frame["kind"]
        if kind == "message":
            self.on_message(channel, frame)
        elif kind == "ping":
            self.send(channel, {"kind": "pong"})
        elif kind == "drain":
            channel.is_drained = True
        elif kind == "report":
            self.journal.write("report", pid=self.pid, tag=frame["report"], delivered=frame["delivered"],
                               failed=frame.get("failed", []))
        elif kind in ("refused", "error"):
            self.journal.write(kind, pid=self.pid, h=self.name, s=self.server, frame=frame)

    def on_message(self, channel, message):
        data = message["data"]
        if isinstance(data, list) and len(data) == 2 and data[0] == "order":   # an event of Socket.IO
            data = message["data"] = data[1]
        if not isinstance(data, dict) or "order" not in data:
            # Of the hostile clients: not in the ledger.
            return self.execute(channel, {"kind": "answer", "id": message["id"]}, 1)
        sender = message["from"]
        self.journal.write("took", s=self.server, h=self.name, pid=self.pid, ch=channel.name, m=data["m"], user=sender.get("user"),
                           session=sender.get("session"), home=sender.get("server"), time=message["time"],
                           deadline=message["deadline"], key=message.get("key"), whole=orders.is_whole(data))
        order = data["order"]
        if order["op"] == "late":
            self.held += 1
            when = time.monotonic() + order["after"] / 1000
            heapq.heappush(self.timers, (when, next(self.number), channel, lambda c: self.answer(c, message, order)))
        else:
            self.answer(channel, message, order)

    def answer(self, channel, message, order):
        data = message["data"]
        body = {"kind": "answer", "id": message["id"], "commands": []}
        if order["op"] == "push":
            push = self.stamped(channel, data, {"command": "sendClients", "users": [self.name_of(order["to"])], "type": "push"})
            push["report"] = data["m"]
            self.journal.write("told", pid=self.pid, m=data["m"], op="push", s=self.server, h=self.name, push=True)
            self.execute(channel, {"kind": "push", "commands": [push]}, data["crc"])
        elif order["op"] == "refuse":
            body["error"] = {"code": orders.REFUSAL, "reason": "as it was told to"}
        else:
            body["commands"].append(self.command(channel, data, order))
        self.journal.write("told", pid=self.pid, m=data["m"], op=order["op"], s=self.server, h=self.name, push=False)
        self.execute(channel, body, data["crc"])

    def command(self, channel, data, order):
        op = order["op"]
        if op in ("reply", "late"):
            return self.stamped(channel, data, {"command": "reply"})
        if op == "user":
            return self.stamped(channel, data, {"command": "sendClients", "users": [self.name_of(order["to"])]})
        if op == "session":
            return self.stamped(channel, data, {"command": "sendClients", "sessions": [order["to"]]})
        if op == "group":
            return self.stamped(channel, data, {"command": "sendGroup", "group": order["to"]})
        if op == "join":
            return {"command": "join", "group": order["to"]}
        passed = {**data, "order": order["inner"]}
        if op == "next":
            return {"command": "sendHandler", "handler": "next", "data": passed}
        assert op == "far", order
        return {"command": "sendServers", "servers": [order["to"]], "data": passed}

    def name_of(self, recipient):
        server, user = recipient
        return user if server == self.server else f"{user}@{server}"

    def stamped(self, channel, data, command):
        """With data that says which message it is of, and its place among all that this channel sent."""
        command["data"] = {"m": data["m"], "by": channel.name, "x": next(channel.stamps), "fill": data["fill"], "crc": data["crc"]}
        return command


if __name__ == "__main__":
    handler = Handler()
    try:
        handler.run()
    except Exception:
        handler.journal.write("odd", c=f"{handler.name} of {handler.server}", what=traceback.format_exc()[-2000:])
        raise
