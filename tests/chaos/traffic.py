#!/usr/bin/python3
"""A process with some clients that send numbered orders to handlers of all servers. It is told what to do in lines of JSON
on its standard input, and says on its standard output what it has done:

    {"do": "silence", "until": T}   nobody says anything until then, then all do
    {"do": "drop" | "leave" | "slow", "count": n, "seconds": s}
    {"do": "calm"}                  no new orders
    {"do": "probe"}                 each client, when it is there, gives orders that must go well     -> "probed"
    {"do": "finish"}                all leave when they have all their statuses; the process ends     -> "finished"
"""
import dataclasses
import json
import os
import random
import selectors
import sys
import time

import engine
import orders
from connection import Connection
from journal import Journal

LIMIT = 40.0     # seconds until a status that is still missing is missing
BURSTS = 0.04    # the share of turns in which much is sent at once
BURST = (10, 30)
PER_TURN = 1 - BURSTS + BURSTS * sum(BURST) / 2


@dataclasses.dataclass
class Slot:
    """A place for one client after the other: each that is lost is followed by another."""

    name: str
    server: str
    addresses: dict
    transport: str
    user: str
    joins: list
    pause: float          # between two orders, on average
    connection: Connection | None = None
    before: Connection | None = None     # one that is away
    lives: int = 0
    not_before: float = 0.0
    next_order: float = 0.0
    next_ping: float = 0.0
    next_loss: float = 0.0    # of one whose session outlives its connection


class Traffic:
    def __init__(self, settings):
        self.chance = random.Random(settings["seed"])
        self.journal = Journal(settings["journal"])
        self.types = settings["types"]
        self.window = settings["window"]
        self.slots = [Slot(f"{settings['name']}.{i}", **each, addresses=settings["addresses"][each["server"]])
                      for i, each in enumerate(settings["slots"])]
        self.selector = selectors.DefaultSelector()
        self.silent_until = 0.0
        self.mode = "busy"
        self.limit = 0.0
        self.probes = {}       # slot name -> connection that has sent them
        self.commands = b""
        os.set_blocking(0, False)
        self.selector.register(0, selectors.EVENT_READ, None)

    # ---- what it is told ----

    def read_commands(self):
        try:
            data = os.read(0, 1 << 16)
        except BlockingIOError:
            return
        if not data:
            sys.exit(3)   # nobody is interested any more
        *lines, self.commands = (self.commands + data).split(b"\n")
        for line in lines:
            told = json.loads(line)
            getattr(self, "do_" + told.pop("do"))(**told)

    def do_silence(self, until):
        self.silent_until = until
        for slot in self.slots:
            slot.next_order = slot.next_ping = until

    def do_drop(self, count):
        for each in self.some(count):
            each.drop()

    def do_leave(self, count):
        for each in self.some(count):
            if each.slot.transport not in engine.PATHS:   # which has no farewell that waits for statuses
                each.leave()

    def do_slow(self, count, seconds):
        for each in self.some(count):
            each.paused_until = time.monotonic() + seconds

    def do_calm(self):
        self.mode = "calm"

    def do_probe(self):
        self.mode = "probe"
        self.limit = time.monotonic() + LIMIT

    def do_finish(self):
        self.mode = "finish"
        self.limit = time.monotonic() + LIMIT

    def some(self, count):
        ready = [slot.connection for slot in self.slots if slot.connection and slot.connection.state == "ready"]
        return self.chance.sample(ready, min(count, len(ready)))

    @staticmethod
    def say(what, **more):
        os.write(1, json.dumps({"said": what, **more}).encode() + b"\n")

    # ---- the loop ----

    def run(self):
        while self.mode != "ended":
            for key, events in self.selector.select(0.01):
                if key.fileobj == 0:
                    self.read_commands()
                    continue
                connection = key.data
                if events & selectors.EVENT_WRITE:
                    connection.flush()
                if events & selectors.EVENT_READ:
                    connection.read()
            now = time.monotonic()
            for slot in self.slots:
                self.step(slot, now)
            getattr(self, "mode_" + self.mode, lambda _: None)(now)

    def step(self, slot, now):
        connection = slot.connection
        if connection is None or connection.is_over:
            if connection is not None:
                slot.before = connection if connection.state == "away" else connection.before
            slot.connection = None
            if now >= max(slot.not_before, self.silent_until) and self.mode != "finish":
                self.open(slot, now)
            return
        if connection.state == "ready" and now >= connection.paused_until:
            if self.mode == "busy" and now >= slot.next_order:
                self.give_orders(slot, now)
            if slot.transport == "recovering" and self.mode == "busy" and now >= max(slot.next_loss, self.silent_until):
                slot.next_loss = now + self.chance.uniform(2, 6)
                connection.drop()
                return
            if now >= slot.next_ping and self.mode != "finish":
                slot.next_ping = now + self.chance.uniform(0.3, 0.7)
                connection.ping()
        self.watch(connection, now)

    def open(self, slot, now):
        slot.lives += 1
        try:
            slot.connection = Connection(f"{slot.name}.{slot.lives}", slot, self.journal, slot.before)
            slot.not_before = now + self.chance.uniform(0.1, 0.4)
            slot.next_order = now
        except (OSError, AssertionError):
            slot.not_before = time.monotonic() + self.chance.uniform(0.3, 0.8)

    def watch(self, connection, now):
        """Registers what its socket is waited for. A closed one has left the selector by itself."""
        if connection.is_over:
            return
        file = connection.socket.fileno()
        events = (selectors.EVENT_READ if now >= connection.paused_until else 0) | (selectors.EVENT_WRITE if connection.has_more_to_send() else 0)
        known = self.selector.get_map().get(file)
        if known is not None and known.data is not connection:   # an older connection had this number
            self.selector.unregister(file)
            known = None
        if known is None and events:
            self.selector.register(file, events, connection)
        elif known is not None and not events:
            self.selector.unregister(file)
        elif known is not None and known.events != events:
            self.selector.modify(file, events, connection)

    def give_orders(self, slot, now):
        slot.next_order = now + self.chance.expovariate(1 / slot.pause)
        count = self.chance.randint(*BURST) if self.chance.random() < BURSTS else 1
        for _ in range(min(count, self.window - len(slot.connection.outstanding))):
            if slot.connection.state == "ready":
                self.give_order(slot)

    def give_order(self, slot):
        handler = "plain" if slot.transport in engine.PATHS else self.chance.choices(self.types, [4, 4, 2, 1][:len(self.types)])[0]
        order = orders.random_order(self.chance, slot.server, handler, self.sessions_at(slot.server), orders.GROUPS)
        size = self.chance.choices([self.chance.randint(0, 200), 5000, 40000], [95, 4, 1])[0]
        filler = self.chance.choice("abcdefghij") * size
        key = self.chance.choice(orders.KEYS) if self.chance.random() < 0.3 and slot.transport not in engine.PATHS else None
        slot.connection.send(handler, order, filler, has_id=self.chance.random() > 0.04, key=key)

    def sessions_at(self, server):
        return [slot.connection.session for slot in self.slots
                if slot.server == server and slot.connection and slot.connection.state == "ready"]

    # ---- the end ----

    def mode_probe(self, now):
        for slot in self.slots:
            connection = slot.connection
            if connection and connection.state == "ready" and self.probes.get(slot.name) is not connection and not connection.outstanding:
                self.probes[slot.name] = connection
                self.probe(slot)
        is_done = all(slot.connection and slot.connection.state == "ready" and self.probes.get(slot.name) is slot.connection
                      and not slot.connection.outstanding for slot in self.slots)
        if is_done or now > self.limit:
            self.mode = "calm"
            self.say("probed", well=is_done)

    def probe(self, slot):
        for handler in ["plain"] if slot.transport in engine.PATHS else self.types:
            orders_of_probe = [{"op": "echo"}] if handler == "echo" else [{"op": "reply"}, {"op": "next", "inner": {"op": "reply"}}]
            if handler == "plain":
                orders_of_probe += [{"op": "far", "to": other, "inner": {"op": "reply"}} for other in orders.SERVERS if other != slot.server]
            for order in orders_of_probe:
                slot.connection.send(handler, order, "probe", is_probe=True)

    def mode_finish(self, now):
        """Statuses first, then a ping that shows that everything has been read, then a farewell."""
        is_over = now > self.limit
        for slot in self.slots:
            connection = slot.connection
            if connection is None or connection.is_over or connection.state == "leaving":
                continue
            if connection.state == "entering":
                connection.ended("given up")
            elif is_over or not connection.outstanding:
                if connection.last_ping is None:
                    connection.last_ping = connection.ping()
                elif connection.pings[connection.last_ping] is None or is_over:
                    connection.leave()
        if now > self.limit + 5:
            for slot in self.slots:
                if slot.connection:
                    slot.connection.ended("stuck")
        if all(slot.connection is None or slot.connection.is_over for slot in self.slots):
            for slot in self.slots:
                if slot.before:
                    slot.before.give_up()
            self.mode = "ended"
            self.say("finished")


if __name__ == "__main__":
    Traffic(json.loads(sys.argv[1])).run()
