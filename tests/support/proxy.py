"""A TCP proxy that can be a bad network: it cuts, swallows, holds and delays what goes through it."""
import collections
import selectors
import socket
import struct
import threading
import time

READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE
PIECE = 1 << 16
MOST_KEPT = 1 << 22


class Side:
    """One of the two sockets of a connection, and what waits to be written to it."""

    def __init__(self, pair, connection):
        self.pair = pair
        self.socket = connection
        self.waiting = collections.deque()   # (when, bytes)
        self.kept = 0
        self.other = None
        self.has_ended = False   # it will send no more


class Pair:
    def __init__(self, client, server, budget):
        self.sides = [Side(self, client), Side(self, server)]
        self.sides[0].other, self.sides[1].other = self.sides[1], self.sides[0]
        self.budget = budget
        self.is_open = True


class Proxy:
    """Listens on 127.0.0.1 and passes on to `target`, a port there. A thread of its own does the work; what is
    set here (`delay` in seconds, `is_refusing`, …) holds from now on, also for connections that are there.

    `budget`: called for each new connection, says after how many bytes, counted in both directions, it is cut, also
    in the middle of a frame; None: never."""

    def __init__(self, target=None, host="127.0.0.1"):
        self.target = target
        self.host = host
        self.delay = 0.0
        self.is_refusing = False
        self.budget = lambda: None
        self.cuts = 0
        self.accepted = 0
        self.passed = 0
        self.mode = "pass"
        self.pairs = set()
        self.jobs = collections.deque()
        self.stopping = False
        self.selector = selectors.DefaultSelector()
        self.listener = socket.create_server((host, 0), backlog=256)
        self.listener.setblocking(False)
        self.port = self.listener.getsockname()[1]
        self.wake_out, self.wake_in = socket.socketpair()
        self.wake_out.setblocking(False)
        self.selector.register(self.listener, READ, None)
        self.selector.register(self.wake_out, READ, None)
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    # ---- from the test ----

    def cut(self, reset=True):
        """Ends the connections that are there, abruptly or in the orderly way."""
        self.call(lambda: [self.end(pair, reset) for pair in list(self.pairs)])

    def swallow(self):
        """Takes everything and passes on nothing, as if the way were gone."""
        self.set_mode("swallow")

    def hold(self):
        """Reads nothing more, so that both ends get stuck."""
        self.set_mode("hold")

    def release(self):
        self.set_mode("pass")

    def refuse(self, refusing=True):
        """No new connections; cuts those that are there."""
        self.is_refusing = refusing
        if refusing:
            self.cut()

    def connections(self):
        return len(self.pairs)

    def set_mode(self, mode):
        def change():
            self.mode = mode
            for side in [side for pair in self.pairs for side in pair.sides]:
                if mode == "pass" and side.has_ended:
                    self.end(side.pair, False, counted=False)
                self.watch(side)
        self.call(change)

    def close(self):
        if not self.stopping:
            self.call(lambda: setattr(self, "stopping", True))
            self.thread.join(10)

    def call(self, work):
        """Runs it on the proxy's thread, and waits for it."""
        done = threading.Event()
        self.jobs.append((work, done))
        self.wake_in.send(b"x")
        done.wait(10)

    # ---- on its thread ----

    def run(self):
        while not self.stopping:
            for key, events in self.selector.select(self.next_due()):
                if key.fileobj is self.listener:
                    self.accept()
                elif key.fileobj is self.wake_out:
                    self.run_jobs()
                elif key.data.pair.is_open:
                    if events & WRITE:
                        self.write(key.data)
                    if events & READ and key.data.pair.is_open:
                        self.read(key.data)
            if self.delay:
                for pair in list(self.pairs):
                    for side in pair.sides:
                        if pair.is_open and side.waiting:
                            self.write(side)
        for pair in list(self.pairs):
            self.end(pair, True, counted=False)
        self.run_jobs()
        for each in (self.listener, self.wake_out, self.wake_in, self.selector):
            each.close()

    def next_due(self):
        if not self.delay:
            return None
        due = [side.waiting[0][0] for pair in self.pairs for side in pair.sides if side.waiting]
        return max(0.0, min(due) - time.monotonic()) if due else None

    def run_jobs(self):
        try:
            self.wake_out.recv(4096)
        except BlockingIOError:
            pass
        while self.jobs:
            work, done = self.jobs.popleft()
            work()
            done.set()

    def accept(self):
        try:
            client, _ = self.listener.accept()
        except OSError:
            return
        self.accepted += 1
        if self.is_refusing or self.target is None:
            client.close()
            return
        try:
            server = socket.create_connection((self.host, self.target), timeout=5)
        except OSError:
            client.close()
            return
        pair = Pair(client, server, self.budget())
        self.pairs.add(pair)
        for side in pair.sides:
            side.socket.setblocking(False)
            side.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.watch(side)

    def watch(self, side):
        if not side.pair.is_open:
            return
        reads = self.mode != "hold" and not side.has_ended and side.other.kept < MOST_KEPT
        is_due = side.waiting and (not self.delay or side.waiting[0][0] <= time.monotonic())
        events = (READ if reads else 0) | (WRITE if is_due and self.mode == "pass" else 0)
        known = self.selector.get_map().get(side.socket)
        if known is None:
            if events:
                self.selector.register(side.socket, events, side)
        elif not events:
            self.selector.unregister(side.socket)
        elif known.events != events:
            self.selector.modify(side.socket, events, side)

    def read(self, side):
        try:
            data = side.socket.recv(PIECE)
        except BlockingIOError:
            return
        except OSError:
            data = b""
            if self.mode != "swallow":
                return self.end(side.pair, True, counted=False)
        if not data:
            side.has_ended = True
            if self.mode == "swallow":   # the other end hears nothing of it
                return self.end(side.pair, False, counted=False) if side.other.has_ended else self.watch(side)
            if not side.other.waiting:
                return self.end(side.pair, False, counted=False)
            return self.watch(side)
        if self.mode == "swallow":
            return
        is_over = False
        if side.pair.budget is not None:
            is_over = len(data) >= side.pair.budget
            data = data[:side.pair.budget]
            side.pair.budget -= len(data)
        self.passed += len(data)
        side.other.waiting.append((time.monotonic() + self.delay, data))
        side.other.kept += len(data)
        self.write(side.other)
        if is_over:
            self.end(side.pair, self.cuts % 2 == 0)
        self.watch(side)

    def write(self, side):
        while side.waiting and self.mode == "pass":
            due, data = side.waiting[0]
            if due > time.monotonic() and self.delay:
                break
            try:
                sent = side.socket.send(data)
            except BlockingIOError:
                break
            except OSError:
                return self.end(side.pair, True, counted=False)
            side.kept -= sent
            if sent < len(data):
                side.waiting[0] = (due, data[sent:])
                break
            side.waiting.popleft()
        if side.other.has_ended and not side.waiting and self.mode == "pass":
            return self.end(side.pair, False, counted=False)
        self.watch(side)
        self.watch(side.other)

    def end(self, pair, reset, counted=True):
        if not pair.is_open:
            return
        pair.is_open = False
        self.pairs.discard(pair)
        self.cuts += counted
        for side in pair.sides:
            if self.selector.get_map().get(side.socket) is not None:
                self.selector.unregister(side.socket)
            if reset:
                side.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            side.socket.close()
