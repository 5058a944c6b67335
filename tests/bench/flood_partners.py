#!/usr/bin/python3
"""One flood of a hostile partner, as a process of its own: a handler that may attach to the broker, or a server with a
good certificate. It says what the flood is made of, as much as the broker takes, and comes back when it is ended, until
its standard input ends. Argument: JSON with `kind`, `handler_socket`, `peer_port`, `files` (of the server's certificate).
Prints the same as flood_attackers.py."""
import collections
import itertools
import json
import os
import select
import socket
import ssl
import struct
import sys
import threading
import time

import cost_rows_partners as rows
import frames
import link_peer
from eventually import eventually

LIMIT = 10
AT_ONCE = 1 << 16
WAITS = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


# ---- how a connection begins ----

def attach(settings):
    """A channel of the entry to which handlers attach by hand; None while the one before has not left."""
    made = stranger(settings)
    made.sendall(frames.encode({"kind": "hello", "protocol": 1, "handler": "bare"}))
    decoder, said = frames.Decoder(), []
    while not said:
        data = made.recv(AT_ONCE)
        if not data:
            break
        said = decoder.feed(data)
    if said and json.loads(said[0])["kind"] == "welcome":
        return made, None
    made.close()
    return None


def stranger(settings):
    made = socket.socket(socket.AF_UNIX)
    made.settimeout(LIMIT)
    made.connect(settings["handler_socket"])
    return made


def strange_handler(settings):
    return stranger(settings), None


def strange_server(settings):
    return socket.create_connection(("127.0.0.1", settings["peer_port"]), timeout=LIMIT), None


def link(settings):
    made = link_peer.dial(settings["peer_port"], "friend", settings["files"], "home", features=["discovery"])
    made.begin_flow()
    return made.socket, made


# ---- what it says ----

def message(make):
    return lambda link, number: link_peer.flow_frame(link_peer.MESSAGE, link.name, link.other, link.flow, number, make(number))


def news(link, number):
    """Of a server of which nobody has heard."""
    return link_peer.advert(f"other{number % 5000}", time.time_ns() // 1000, ["friend"] + [f"neighbour{i}" for i in range(20)])


def half(size):
    return struct.pack("<I", size) + b"x" * (size // 2)


commands = frames.encode(rows.push(*[rows.to_nobody] * 500))
huge = frames.encode(rows.push({**rows.to_nobody, "data": "x" * 900_000}))
query = frames.encode({"kind": "query", "id": 1, "query": "isClient", "user": "nobody"}) * 200
READS, NEVER_READS = True, False
# kind: (how many connections at a time, how each begins, what it says again and again (bytes, a function of a link and a
# number for the body of a frame; or None: it ends at once), what it says once before, whether it reads)
KINDS = {
    "a handler's commands": (1, attach, commands, b"", READS),
    "a handler's huge frames": (1, attach, huge, b"", READS),
    "a handler's queries, answers never read": (1, attach, query, b"", NEVER_READS),
    "half a frame of a handler": (1, attach, b"", half(1_000_000), READS),
    "half hellos of handlers": (100, strange_handler, b"", half(4_000), READS),
    "a handler that comes and goes": (1, attach, None, b"", READS),
    "a server's news of others": (1, link, news, b"", READS),
    "a server's huge frames": (1, link, message(lambda n: link_peer.deliver("t", ["nobody"], "x" * 900_000)), b"", READS),
    "a server's messages, results never read": (1, link, message(lambda n: link_peer.submit("echo", "eve", "x" * 500, n)), b"", NEVER_READS),
    "half a frame of a server": (1, link, b"", half(1_000_000), READS),
    "half handshakes of servers": (100, strange_server, b"", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc", READS),
    "a server that dials again and again": (4, link, None, b"", READS),
}


class Attacker(threading.Thread):
    """One connection at a time, again and again."""

    def __init__(self, settings):
        super().__init__(daemon=True)
        self.settings = settings
        _, self.begin, self.again, self.first, self.reads = KINDS[settings["kind"]]
        self.counts = collections.Counter()

    def run(self):
        while True:
            try:
                begun = self.begin(self.settings)
            except (OSError, AssertionError):
                begun = None
            if not begun:
                time.sleep(0.02)
                continue
            self.counts["opened"] += 1
            connection, link = begun
            with connection:
                if self.again is not None:
                    self.talk(connection, link)

    def talk(self, connection, link):
        connection.setblocking(False)
        unsent = self.first
        for number in itertools.count(1):
            if not unsent:
                unsent = self.again if isinstance(self.again, bytes) else frames.encode(self.again(link, number))
            while unsent or not self.again:
                select.select([connection] if self.reads else [], [connection] if unsent else [], [], 0.2)
                try:
                    if unsent:
                        sent = connection.send(unsent[:AT_ONCE])
                        self.counts["bytes sent"] += sent
                        unsent = unsent[sent:]
                except WAITS:
                    pass
                except OSError:
                    return self.lost()
                try:
                    if self.reads and not connection.recv(AT_ONCE):
                        return self.lost()
                except WAITS:
                    pass
                except OSError:
                    return self.lost()

    def lost(self):
        self.counts["ended by the broker"] += 1


def main():
    settings = json.loads(sys.argv[1])
    attackers = [Attacker(settings) for _ in range(KINDS[settings["kind"]][0])]
    for each in attackers:
        each.start()
    eventually(lambda: any(each.counts["opened"] for each in attackers), LIMIT, "there is a connection")
    print("begun", flush=True)
    sys.stdin.read()
    print(json.dumps({name: sum(each.counts[name] for each in attackers) for name in ("opened", "ended by the broker", "bytes sent")}), flush=True)
    os._exit(0)   # the threads have no end


if __name__ == "__main__":
    main()
