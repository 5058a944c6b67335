"""Two network namespaces with a way between them that loses, delays, reorders and doubles packets as told: what `tc netem`
does, without the kernel module, which many machines lack. Brokers run in them as far apart as one machine allows."""
import contextlib
import ctypes
import fcntl
import functools
import heapq
import itertools
import os
import random
import selectors
import struct
import subprocess
import threading
import time

import pytest

TUNSETIFF = 0x400454CA
TUN_WITHOUT_HEADER = 0x0001 | 0x1000


def run(*words):
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=30)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, words))}: {done.stderr.strip()}")
    return done.stdout


@functools.lru_cache
def why_not():
    """Why there can be no such namespaces here; None: there can."""
    try:
        with Cable():
            return None
    except (OSError, RuntimeError) as error:
        return str(error)


def needs_namespaces():
    return pytest.mark.skipif(why_not() is not None, reason=f"no network namespaces here: {why_not()}")


class Cable:
    """Two namespaces, with the addresses 10.201.0.1 and .2; a thread carries the packets. A context.

    Addresses are known inside only. Names of devices are not: each is made outside and moved in, while other
    processes make theirs."""

    made = itertools.count()

    def __init__(self):
        number = next(self.made)
        self.names = [f"bester-{os.getpid()}-{number}-{side}" for side in "lr"]
        self.devices = [f"bt{os.getpid()}{side}{number % 1000}" for side in "lr"]
        self.addresses = ["10.201.0.1", "10.201.0.2"]
        self.files = []
        self.chance = random.Random(1)
        self.calm()
        self.is_over = threading.Event()
        self.thread = threading.Thread(target=self.carry, daemon=True)

    # ---- weather; holds from the next packet on ----

    def calm(self):
        self.loss = self.delay = self.jitter = self.doubled = 0.0

    def disturb(self, loss=0.0, delay=0.0, jitter=0.0, doubled=0.0):
        """Shares of packets, and seconds in each direction; jitter above the packets' distance reorders them."""
        self.loss, self.delay, self.jitter, self.doubled = loss, delay, jitter, doubled

    def cut(self):
        """What is sent vanishes: neither end is told."""
        self.disturb(loss=1.0)

    # ---- making it ----

    def __enter__(self):
        try:
            for name, device, address, other in zip(self.names, self.devices, self.addresses, self.addresses[::-1]):
                run("ip", "netns", "add", name)
                made = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
                self.files.append(made)
                fcntl.ioctl(made, TUNSETIFF, struct.pack("16sH22x", device.encode(), TUN_WITHOUT_HEADER))
                run("ip", "link", "set", device, "netns", name)
                self.inside(name, "ip", "address", "add", address, "peer", other, "dev", device)
                self.inside(name, "ip", "link", "set", "lo", "up")
                self.inside(name, "ip", "link", "set", device, "up")
        except BaseException:
            self.remove()
            raise
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.is_over.set()
        self.thread.join(10)
        self.remove()

    def remove(self):
        for each in self.files:
            os.close(each)
        self.files.clear()
        for name in self.names:
            subprocess.run(["ip", "netns", "delete", name], capture_output=True, timeout=30, check=False)

    @staticmethod
    def inside(name, *words):
        return run("ip", "netns", "exec", name, *words)

    @contextlib.contextmanager
    def inside_of(self, side):
        """Sockets that this thread makes meanwhile are in that namespace, and stay there."""
        libc = ctypes.CDLL(None, use_errno=True)
        with open("/proc/thread-self/ns/net") as here, open(f"/run/netns/{self.names[side]}") as there:
            def enter(which):
                if libc.setns(which.fileno(), 0) != 0:
                    raise OSError(ctypes.get_errno(), "setns")
            enter(there)
            try:
                yield
            finally:
                enter(here)

    def move_in(self, broker, side):
        """This broker, not started yet, will run there."""
        wrapper = broker.directory / "bester"
        wrapper.write_text(f'#!/bin/sh\nexec ip netns exec {self.names[side]} "{broker.bester}" "$@"\n')
        wrapper.chmod(0o755)
        broker.bester = str(wrapper)

    # ---- the thread ----

    def carry(self):
        waiting = []   # (when, number, to, packet)
        number = 0
        with selectors.DefaultSelector() as selector:
            for i in (0, 1):
                selector.register(self.files[i], selectors.EVENT_READ, self.files[1 - i])
            while not self.is_over.is_set():
                left = max(0.0, waiting[0][0] - time.monotonic()) if waiting else 0.1
                for key, _ in selector.select(min(left, 0.1)):
                    for packet in self.read(key.fd):
                        for _ in range(self.copies()):
                            number += 1
                            when = time.monotonic() + self.delay + self.chance.random() * self.jitter
                            heapq.heappush(waiting, (when, number, key.data, packet))
                while waiting and waiting[0][0] <= time.monotonic():
                    _, _, to, packet = heapq.heappop(waiting)
                    self.write(to, packet)

    def copies(self):
        if self.chance.random() < self.loss:
            return 0
        return 2 if self.chance.random() < self.doubled else 1

    @staticmethod
    def read(fd, most=64):
        packets = []
        try:
            while len(packets) < most:
                packets.append(os.read(fd, 1 << 16))
        except OSError:
            pass
        return packets

    @staticmethod
    def write(fd, packet):
        try:
            os.write(fd, packet)
        except OSError:
            pass   # it is full: the packet is lost
