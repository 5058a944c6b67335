"""A client that sends HTTP requests without waiting for answers, at random, and knows which answer each may get."""
import json
import random
import socket
import struct
import threading

import eventually as waiting
import websocket_stream as ws
from client import connect
from socketio import PATH

PACKETS = ['42["say","x"]', '421["say",1]', "40", "40/none", "41", "3", "2", "6", "garbage", "", "42[]", '42["a",]', "44", "43", "49", "1",
           '42["s\\u0061y","\\u00e4"]', '451-["b",{"_placeholder":true,"num":0}]\x1ebAQID', '40{"pid":"%s","offset":"1"}']
FRAMES = ["2probe", "5", "40", '42["say","x"]', '421["say"]', "3", "1", '451-["b",{"_placeholder":true,"num":0}]', '40{"pid":"%s","offset":"1"}']


class Wrong(AssertionError):
    """An answer is not that of its request."""


class Request:
    """One request; `statuses` are what it may be answered with."""

    def __init__(self, method, target, statuses, body=b"", origin=None, leaves=False, lines=(), content=None, granted=None):
        self.method = method
        self.target = target
        self.statuses = statuses
        self.origin = origin
        self.leaves = leaves
        self.content = content
        self.granted = granted
        fields = ["Host: home.example", *lines]
        if origin:
            fields.append(f"Origin: {origin}")
        if leaves:
            fields.append("Connection: close")
        if method == "POST":
            fields.append(f"Content-Length: {len(body)}")
        self.bytes = "\r\n".join([f"{method} {target} HTTP/1.1", *fields, "", ""]).encode() + body

    def __repr__(self):
        return f"{self.bytes[:200]!r}"

    def check(self, status, headers, body):
        def expect(condition, what):
            if not condition:
                raise Wrong(f"{what}: {self!r} was answered {status} {headers} {body[:200]!r}")
        expect(status in self.statuses, f"not one of {self.statuses}")
        if status in (200, 204, 304) or headers.get("content-type") == "application/json":
            expect((headers["connection"] == "close") == self.leaves or status == 400, "the connection's end is that of another request")
        if self.origin and status in (200, 204):
            expect(headers.get("access-control-allow-origin") == self.origin, "not the origin's answer")
        if not self.origin:
            expect("access-control-allow-origin" not in headers, "a grant that nobody asked for")
        expect(("access-control-allow-methods" in headers) == (self.method == "OPTIONS" and bool(self.origin) and status == 204), "a preflight's lines")
        if self.granted and status == 204:
            expect(headers.get("access-control-allow-headers") == self.granted, "the headers of another preflight")
        if self.content is not None and status == 200:
            expect(int(headers["content-length"]) == len(self.content), "the length of another file")
            expect(body == (b"" if self.method == "HEAD" else self.content), "the content of another file")


class Swarm:
    """Connections at random to one listener with files and a Socket.IO path that takes every origin. `files` maps targets
    to contents. What went wrong first is in `wrong`."""

    def __init__(self, address, files, seed, connections, workers=6):
        self.address = address
        self.files = files
        self.connections = connections
        self.sids = []
        self.secrets = []
        self.polled = []
        self.is_over = threading.Event()
        self.lock = threading.Lock()
        self.wrong = None
        self.counts = {"answers": 0, "polls": 0, "upgrades": 0, "closed": 0, "reset": 0}
        chance = random.Random(seed)
        self.threads = [threading.Thread(target=self.work, args=(random.Random(chance.random()), n)) for n in range(workers)]

    def run(self):
        answering = threading.Thread(target=self.answer_polls)
        answering.start()
        for each in self.threads:
            each.start()
        for each in self.threads:
            each.join()
        self.is_over.set()
        answering.join()
        if self.wrong:
            raise self.wrong

    def work(self, chance, worker):
        try:
            for number in range(self.connections):
                if self.wrong:
                    return
                Connection(self, chance, f"{worker}-{number}").run()
        except BaseException as error:   # the first one is raised by the test's own thread
            with self.lock:
                self.wrong = self.wrong or error

    def answer_polls(self):
        """So that no poll waits for the next ping: a CONNECT that is refused is told to it."""
        while not self.is_over.wait(0.02):
            with self.lock:
                polled, self.polled = self.polled, []
            for sid in polled:
                try:
                    with connect(self.address) as other:
                        body = b"40/none"
                        other.sendall(f"POST {PATH}?EIO=4&transport=polling&sid={sid} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                                      f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
                        while other.recv(1 << 16):
                            pass
                except OSError:
                    pass

    def count(self, what):
        with self.lock:
            self.counts[what] += 1

    def learn(self, body):
        """Ids of sessions, and secrets to come back with, that a body tells."""
        for name, known in (('"sid":"', self.sids), ('"pid":"', self.secrets)):
            for part in body.decode("latin1").split(name)[1:]:
                with self.lock:
                    known.append(part.split('"')[0])
                    del known[:-30]

    def any_of(self, chance, known, otherwise=""):
        with self.lock:
            return chance.choice(known) if known else otherwise


class Connection:
    def __init__(self, swarm, chance, name):
        self.swarm = swarm
        self.chance = chance
        self.name = name
        self.number = 0
        self.socket = connect(swarm.address)
        self.socket.settimeout(30 * waiting.slowness)
        self.buffer = b""
        self.own = None   # the id of the session that it opened

    def run(self):
        chance = self.chance
        try:
            for _ in range(chance.randint(1, 6)):
                sent = [self.request() for _ in range(chance.choice([1, 1, 2, 3, 6]))]
                if not self.send_all(sent):
                    return
                if chance.random() < 0.08:
                    return self.reset()
                for asked in sent:
                    if not self.read_answer(asked):
                        return
        except (ConnectionResetError, BrokenPipeError):
            # The broker answered that it ends, and closed before it had read what came behind that.
            self.swarm.count("reset")
        finally:
            self.socket.close()

    def reset(self):
        self.swarm.count("reset")
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def send_all(self, requests):
        data = b"".join(each.bytes for each in requests)
        while data:
            size = self.chance.randint(1, len(data)) if self.chance.random() < 0.3 else len(data)
            self.socket.sendall(data[:size])
            data = data[size:]
        return True

    def request(self):
        chance = self.chance
        self.number += 1
        kind = chance.random()
        sid = self.own if self.own and chance.random() < 0.7 else self.swarm.any_of(chance, self.swarm.sids)
        origin = f"http://o{self.name}-{self.number}.example" if chance.random() < 0.5 else None
        form = {"origin": origin, "leaves": chance.random() < 0.04}
        target = f"{PATH}?EIO=4&transport=polling"
        if kind < 0.15 or (not sid and kind < 0.55):
            return Request("GET", target, (200, 503), **form)
        target += f"&sid={sid}"
        if kind < 0.35:
            self.swarm.count("polls")
            with self.swarm.lock:
                self.swarm.polled.append(sid)
            return Request("GET", target, (200, 400), **form)
        if kind < 0.55:
            packets = [chance.choice(PACKETS) for _ in range(chance.choice([1, 1, 1, 2, 4]))]
            body = "\x1e".join(each.replace("%s", self.swarm.any_of(chance, self.swarm.secrets, "00")) for each in packets).encode()
            return Request("POST", target, (200, 400), body, **form)
        if kind < 0.66:
            name = f"x-{self.name}-{self.number}"
            return Request("OPTIONS", target, (204,), lines=[f"Access-Control-Request-Headers: {name}"], granted=name if origin else None, **form)
        if kind < 0.70:
            return Request("HEAD", target, (400,), **form)
        form["origin"] = None
        if kind < 0.88:
            target, content = chance.choice(list(self.swarm.files.items()))
            method = chance.choice(["GET", "GET", "HEAD"])
            return Request(method, target, (200, 503), content=content, **form)
        if kind < 0.91:
            return Request(chance.choice(["GET", "HEAD"]), "/nowhere", (404,), lines=["Origin: http://elsewhere.example"])
        if kind < 0.93:
            return Request("BREW", "/coffee", (501,))
        if kind < 0.96:
            return self.upgrade(f"{PATH}?EIO=4&transport=websocket" + (f"&sid={sid}" if chance.random() < 0.7 else ""), origin)
        return self.upgrade("/talk", None)

    def upgrade(self, target, origin):
        lines = ["Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="]
        if self.chance.random() < 0.3:
            lines.append("Sec-WebSocket-Extensions: permessage-deflate")
        return Request("GET", target, (101, 400, 503), lines=lines, origin=origin)

    def more(self):
        data = self.socket.recv(1 << 16)
        self.buffer += data
        return bool(data)

    def read_answer(self, asked):
        """False: the connection ends here, or speaks WebSocket."""
        while b"\r\n\r\n" not in self.buffer:
            if not self.more():
                raise Wrong(f"the connection ended without a word: {asked!r}, there was {self.buffer[:300]!r}")
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        status, *fields = head.decode("latin1").split("\r\n")
        if not status.startswith("HTTP/1.1 "):
            raise Wrong(f"no answer: {head[:300]!r} to {asked!r}")
        status = int(status.split()[1])
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in fields)}
        if status == 101:
            asked.check(status, headers, b"")
            return self.talk()
        size = 0 if asked.method == "HEAD" or status in (204, 304) else int(headers["content-length"])
        while len(self.buffer) < size:
            if not self.more():
                raise Wrong(f"half an answer: {head!r} {len(self.buffer)} bytes")
        body, self.buffer = self.buffer[:size], self.buffer[size:]
        asked.check(status, headers, body)
        self.swarm.count("answers")
        if body[:1] == b"0":
            self.own = json.loads(body[1:])["sid"]
        self.swarm.learn(body)
        if headers["connection"] != "close":
            return True
        self.swarm.count("closed")
        if self.more() or self.buffer:
            raise Wrong(f"{self.buffer[:300]!r} came after the last answer, {head!r}")
        return False

    def talk(self):
        self.swarm.count("upgrades")
        chance = self.chance
        for _ in range(chance.randint(0, 10)):
            said = chance.choice(FRAMES).replace("%s", self.swarm.any_of(chance, self.swarm.secrets, "00"))
            self.socket.sendall(ws.frame(ws.TEXT, said.encode()) + (ws.frame(2, b"\1\2") if chance.random() < 0.2 else b""))
        return False
