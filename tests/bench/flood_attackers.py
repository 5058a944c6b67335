#!/usr/bin/python3
"""One flood, as a process of its own: opens as many connections as it is told, from many addresses of this machine, and
says on each what the flood is made of, as much as the broker takes, until its standard input ends. Argument: JSON with
`kind`, `connections`, `ports`, `seed`. Prints how many connections it opened, how many were ended by the broker and how many bytes
it sent."""
import errno
import itertools
import json
import random
import resource
import select
import socket
import struct
import sys
import time

import cost_rows as rows
import frames
import websocket_stream as ws
import tls_files
from attacked_broker import ENGINE

LOG_IN = frames.encode({"payload": {"type": "dummy"}})
POLL = rows.request("GET", f"{ENGINE}?EIO=4&transport=polling", close=False)


def half_frame(size):
    return struct.pack("<I", size) + b'{"payload":{"type":"echo","data":"' + b"x" * (size - 100)


def half_message(size):
    return ws.header(ws.TEXT, size) + b'{"payload":{"type":"echo","data":"' + b"x" * (size - 100)


def mixture(chance):
    """Requests of all kinds in one piece, some of them cut."""
    body = b"4" * chance.choice((1, 100, 20_000))
    some = (POLL, rows.request("GET", "/small.bin", close=False), rows.request("HEAD", "/big.bin", close=False), rows.request("GET", "/nothing", close=False),
            rows.request("POST", f"{ENGINE}?EIO=4&transport=polling&sid={chance.randbytes(17).hex()}", body, close=False),
            rows.request("OPTIONS", ENGINE, close=False), ws.request("/") + ws.frame(ws.PING) * 3, ws.request(f"{ENGINE}?EIO=4&transport=websocket"))
    said = b"".join(chance.choices(some, k=chance.randint(1, 20)))
    return said[:chance.randint(1, len(said))] if chance.random() < 0.2 else said


ALL, A_LITTLE, NOTHING = 1 << 16, 1 << 10, 0
# kind: (listener, what each connection says first, what it says again and again (bytes, or a function of a random.Random),
# pause between that in seconds, how many bytes it reads at a time; less than ALL: then only)
KINDS = {
    "connections that say nothing": ("tcp", b"", b"", 1, ALL),
    "half frames before the log-in": ("tcp", half_frame(60_000), b"", 1, ALL),
    "half frames after it": ("open", LOG_IN + half_frame(900_000), b"", 1, ALL),
    "half WebSocket messages before it": ("web", ws.request("/") + half_message(60_000), b"", 1, ALL),
    "half WebSocket messages after it": ("web", ws.request("/") + ws.frame(ws.TEXT, LOG_IN[4:]) + half_message(900_000), b"", 1, ALL),
    "half bodies": ("web", rows.request("POST", f"{ENGINE}?EIO=4&transport=polling", b"x" * 60_000)[:-100], b"", 1, ALL),
    "slow bodies": ("web", rows.request("POST", f"{ENGINE}?EIO=4&transport=polling", b"x" * 1000)[:-1000], b"x", 0.5, ALL),
    "big heads": ("web", b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X-Filler: " + b"y" * 7_000, b"", 1, ALL),
    "pipelined polls": ("web", POLL * 50, POLL * 50, 0, ALL),
    "pipelined polls, never read": ("web", POLL * 50, POLL * 50, 0, NOTHING),
    "requests for big files, never read": ("web", rows.request("GET", "/big.bin", close=False) * 20, rows.request("GET", "/big.bin", close=False), 0.2, NOTHING),
    "files, read slowly": ("web", rows.request("GET", "/big.bin", close=False), b"", 0.5, A_LITTLE),
    "mixed requests, pipelined": ("web", b"", mixture, 0.1, ALL),
    "mixed requests, pipelined and never read": ("web", b"", mixture, 0.1, NOTHING),
    "messages, answers never read": ("open", LOG_IN, frames.encode({"payload": {"type": "echo", "data": "x" * 500, "id": "1"}}) * 50, 0, NOTHING),
    "messages to no handler": ("open", LOG_IN, frames.encode({"payload": {"type": "nobody", "id": "1"}}) * 200, 0, ALL),
    "pings of a WebSocket": ("web", ws.request("/"), ws.frame(ws.PING) * 2000, 0, ALL),
    "ClientHellos": ("tls", tls_files.first_flight(), b"", 1, ALL),
    "garbage": ("tcp", random.Random(1).randbytes(4000), b"", 1, ALL),
}


class Connection:
    def __init__(self, made, first):
        self.socket = made
        self.unsent = first
        self.next_ms = 0.0


class Attackers:
    def __init__(self, settings):
        listener, self.first, self.again, self.pause, self.reads = KINDS[settings["kind"]]
        self.port = settings["ports"][listener]
        self.most = settings["connections"]
        self.sources = itertools.cycle(f"127.0.0.{n}" for n in range(2, 250))
        self.all = {}
        self.poll = select.epoll()
        self.chance = random.Random(settings["seed"])
        self.counts = {"opened": 0, "ended by the broker": 0, "bytes sent": 0}

    def run(self):
        self.poll.register(0, select.EPOLLIN)
        print("begun", flush=True)
        while True:
            for _ in range(20):
                if len(self.all) < self.most and not self.open():
                    break
            for number, events in self.poll.poll(0.05, 500):
                if number == 0:
                    print(json.dumps(self.counts), flush=True)
                    return
                if number in self.all:
                    self.serve(self.all[number], events)
            now = time.monotonic()
            for each in list(self.all.values()):
                if each.next_ms > now:
                    continue
                if self.again and not each.unsent:
                    each.unsent = self.again(self.chance) if callable(self.again) else self.again
                elif self.reads != A_LITTLE:
                    continue
                each.next_ms = now + self.pause
                self.serve(each, select.EPOLLIN if self.reads == A_LITTLE else select.EPOLLOUT)

    def open(self):
        made = socket.socket()
        made.setblocking(False)
        if self.reads < ALL:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        try:
            made.bind((next(self.sources), 0))
            code = made.connect_ex(("127.0.0.1", self.port))
        except OSError:
            code = errno.EADDRNOTAVAIL
        if code not in (0, errno.EINPROGRESS):
            made.close()
            return False
        self.all[made.fileno()] = Connection(made, self.first)
        self.poll.register(made, select.EPOLLIN | select.EPOLLOUT if self.reads == ALL else select.EPOLLOUT)
        self.counts["opened"] += 1
        return True

    def serve(self, connection, events):
        try:
            if events & select.EPOLLIN and not connection.socket.recv(self.reads):
                return self.lost(connection)
            if events & (select.EPOLLERR | select.EPOLLHUP):
                return self.lost(connection)
            if connection.unsent:
                sent = connection.socket.send(connection.unsent)
                connection.unsent = connection.unsent[sent:]
                self.counts["bytes sent"] += sent
        except BlockingIOError:
            pass
        except OSError:
            return self.lost(connection)
        wanted = (select.EPOLLIN if self.reads == ALL else 0) | (select.EPOLLOUT if connection.unsent else 0)
        self.poll.modify(connection.socket, wanted)

    def lost(self, connection):
        self.counts["ended by the broker"] += 1
        del self.all[connection.socket.fileno()]
        self.poll.unregister(connection.socket)
        connection.socket.close()


if __name__ == "__main__":
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    Attackers(json.loads(sys.argv[1])).run()
