#!/usr/bin/python3
"""A process of strangers without an account: they pipeline, send halves and floods, and do not read. Argument: JSON with
`seed` and `servers`. Lines on its standard input say until when it is to be silent; it ends when that ends, and says then
what it did how often."""
import base64
import collections
import json
import pathlib
import random
import select
import socket
import struct
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import websocket_stream as ws  # noqa: E402

ENGINE = "/socket.io/?EIO=4&transport=polling"
MOST_HELD = 40


def request(method, target, body=None, **headers):
    lines = {"Host": "x", **{name.replace("_", "-"): value for name, value in headers.items()}}
    if body is not None:
        lines["Content-Length"] = len(body)
    return (f"{method} {target} HTTP/1.1\r\n" + "".join(f"{n}: {v}\r\n" for n, v in lines.items()) + "\r\n").encode() + (body or b"")


class Attackers:
    def __init__(self, settings):
        self.chance = random.Random(settings["seed"])
        self.servers = settings["servers"]
        self.held = collections.deque()     # (until, socket)
        self.counts = collections.Counter()
        self.sids = collections.deque(maxlen=40)
        self.pids = collections.deque(maxlen=20)

    def run(self):
        attacks = sorted(name for name in dir(self) if name.startswith("attack_"))
        while self.goes_on():
            name = self.chance.choice(attacks)
            server = self.chance.choice(self.servers)
            try:
                getattr(self, name)(server)
                self.counts[name.removeprefix("attack_")] += 1
            except OSError:
                self.counts["turned away"] += 1
            self.let_go()
        print(json.dumps(self.counts), flush=True)

    def goes_on(self):
        """After a pause, which is longer if all are to be silent."""
        pause = self.chance.uniform(0.02, 0.2)
        while select.select([0], [], [], pause)[0]:
            line = sys.stdin.readline()
            if not line:
                return False
            pause = max(0.0, json.loads(line)["until"] - time.monotonic())
        return True

    # ---- means ----

    def open(self, server, listener="web"):
        """A socket that waits for nothing longer than a moment."""
        address = server[listener]
        made = socket.socket(socket.AF_UNIX if isinstance(address, str) else socket.AF_INET)
        made.settimeout(0.5)
        try:
            made.connect(address if isinstance(address, str) else ("127.0.0.1", address))
        except OSError:
            made.close()
            raise
        made.settimeout(0.2)
        return made

    def put(self, connection, data):
        """As much of it as is taken without waiting."""
        connection.setblocking(False)
        try:
            while data:
                data = data[connection.send(data):]
        except BlockingIOError:
            pass
        finally:
            connection.settimeout(0.2)

    def read(self, connection):
        try:
            return connection.recv(1 << 16)
        except TimeoutError:
            return b""

    def hold(self, connection):
        """Stays open for a while, and is read by nobody."""
        self.held.append((time.monotonic() + self.chance.uniform(0.5, 4), connection))

    def let_go(self):
        while self.held and (self.held[0][0] < time.monotonic() or len(self.held) > MOST_HELD):
            _, connection = self.held.popleft()
            if self.chance.random() < 0.5:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.close()

    def sid(self, connection):
        self.put(connection, request("GET", ENGINE))
        answer = self.read(connection)
        self.note(answer)
        return answer.split(b'"sid":"')[1].split(b'"')[0].decode() if b'"sid":"' in answer else "none"

    def note(self, answer):
        for mark, into in ((b'"sid":"', self.sids), (b'"pid":"', self.pids)):
            for part in answer.split(mark)[1:]:
                into.append(part.split(b'"')[0].decode("latin1"))

    # ---- pipelining ----

    def attack_pipelined_poll(self, server):
        """A poll that waits, another request at once, and from elsewhere what ends the poll."""
        first = self.open(server)
        sid = self.sid(first)
        second = self.chance.choice([
            request("GET", "/nowhere", Origin="http://x"), request("HEAD", "/index.html", Connection="close"),
            request("GET", "/big.bin"), request("OPTIONS", ENGINE, Origin="http://y"), b"GET / HT"])
        self.put(first, request("GET", f"{ENGINE}&sid={sid}") + second)
        other = self.open(server)
        self.put(other, request("POST", f"{ENGINE}&sid={sid}", self.chance.choice([b"40", b"1", b"41", b"garbage"])))
        self.note(self.read(other))
        other.close()
        self.read(first)
        self.hold(first)

    def attack_random_pipeline(self, server):
        connection = self.open(server)
        for _ in range(self.chance.randint(1, 4)):
            burst = b"".join(self.random_request() for _ in range(self.chance.randint(1, 6)))
            cut = self.chance.randint(0, len(burst)) if self.chance.random() < 0.4 else len(burst)
            self.put(connection, burst[:cut])
            self.put(connection, burst[cut:])
            answer = self.read(connection)
            self.note(answer)
            if b" 101 " in answer:
                for _ in range(self.chance.randint(1, 8)):
                    self.put(connection, ws.frame(ws.TEXT, self.packet().encode()))
                break
        self.hold(connection)

    def packet(self):
        pid = self.chance.choice(self.pids or ["00"])
        return self.chance.choice(['42["say","x"]', '421["say",1]', "40", f'40{{"pid":"{pid}","offset":"1"}}', "41", "3", "1", "2probe", "5",
                                   '451-["b",{"_placeholder":true,"num":0}]\x1ebAQID', '42["s\\u0061y","\\u00e4"]', "42", "42[]", "43", "garbage"])

    def random_request(self):
        sid = self.chance.choice(self.sids) if self.sids and self.chance.random() < 0.9 else ""
        target = ENGINE + (f"&sid={sid}" if sid else "")
        headers = {}
        if self.chance.random() < 0.3:
            headers["Origin"] = "http://x"
        if self.chance.random() < 0.05:
            headers["Connection"] = "close"
        dice = self.chance.random()
        if dice < 0.45:
            return request("GET", target if dice < 0.3 else ENGINE, **headers)
        if dice < 0.8:
            return request("POST", target, "\x1e".join(self.packet() for _ in range(self.chance.choice([1, 1, 2, 4]))).encode(), **headers)
        if dice < 0.9:
            return request(self.chance.choice(["OPTIONS", "HEAD"]), target, **headers)
        if dice < 0.95:
            return request("GET", self.chance.choice(["/nothing", "/index.html", "/../x", "/"]), **headers)
        key = base64.b64encode(self.chance.randbytes(16)).decode()
        return ws.request(target.replace("polling", "websocket"), Sec_WebSocket_Key=key)

    # ---- halves ----

    def attack_half_frame(self, server):
        connection = self.open(server, self.chance.choice(["tcp", "unix"]))
        self.put(connection, struct.pack("<I", self.chance.choice([3, 900, 60_000, 1_000_000])) + b'{"payload":{"type":"')
        self.hold(connection)

    def attack_half_post(self, server):
        connection = self.open(server)
        sid = self.sid(connection)
        whole = request("POST", f"{ENGINE}&sid={sid}", b"42" + b"x" * self.chance.choice([10, 5_000, 500_000]))
        self.put(connection, whole[:self.chance.randint(1, len(whole) - 1)])
        self.hold(connection)

    def attack_half_tls(self, server):
        connection = self.open(server, self.chance.choice(["tls", "peers"]))
        hello = bytes.fromhex("1603010200010001fc0303") + self.chance.randbytes(500)
        self.put(connection, hello[:self.chance.randint(1, len(hello))])
        self.hold(connection)

    def attack_half_websocket(self, server):
        connection = self.open(server)
        self.put(connection, ws.request("/"))
        self.read(connection)
        self.put(connection, self.chance.choice([
            ws.header(ws.TEXT, 100_000) + b"{" * 50_000, ws.frame(ws.TEXT, b'{"payl', is_final=False),
            ws.frame(ws.TEXT, b'{"payload":{"type":"dummy"}}') + ws.header(ws.TEXT, 5) + b"{", ws.header(ws.PING, 100) + b"x"]))
        self.hold(connection)

    def attack_half_request(self, server):
        connection = self.open(server)
        whole = request("GET", "/index.html", X_Long="y" * 2000)
        self.put(connection, whole[:self.chance.randint(1, len(whole) - 1)])
        self.hold(connection)

    def attack_slow_body(self, server):
        connection = self.open(server)
        sid = self.sid(connection)
        self.put(connection, request("POST", f"{ENGINE}&sid={sid}", b"")[:-4].replace(b"Content-Length: 0", b"Content-Length: 1000") + b"\r\n\r\n")
        for _ in range(5):
            self.put(connection, b"4")
        self.hold(connection)

    def attack_half_hello_of_a_handler(self, server):
        connection = self.open(server, "handlers")
        self.put(connection, self.chance.choice([struct.pack("<I", 100) + b'{"kind":"hello"', struct.pack("<I", 2) + b"{}"]))
        self.hold(connection)

    # ---- floods ----

    def attack_head_flood(self, server):
        self.flood(server, request("HEAD", "/big.bin"), 300)

    def attack_options_flood(self, server):
        self.flood(server, request("OPTIONS", ENGINE, Origin="http://x"), 300)

    def attack_file_flood(self, server):
        self.flood(server, request("GET", "/big.bin"), 20)

    def flood(self, server, one, count):
        connection = self.open(server)
        self.put(connection, one * count)
        self.hold(connection)

    def attack_garbage(self, server):
        connection = self.open(server, self.chance.choice(["tcp", "tls", "web", "unix", "peers"]))
        self.put(connection, self.chance.randbytes(self.chance.choice([1, 5, 100, 5000])))
        self.hold(connection)

    def attack_guess_and_half(self, server):
        """A log-in that fails, more behind it."""
        connection = self.open(server, "tcp")
        body = b'{"header":{"authentication":{"username":"nobody","password":"x"}},"payload":{"type":"plain","id":"1"}}'
        self.put(connection, (struct.pack("<I", len(body)) + body) * 3 + b"\x05")
        self.hold(connection)


if __name__ == "__main__":
    Attackers(json.loads(sys.argv[1])).run()
