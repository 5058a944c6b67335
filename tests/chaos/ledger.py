"""The ledger: what the journals tell, by message, by connection and by process. What must be true of it is in rules.py."""
import collections
import dataclasses

import orders

FOREVER = float("inf")


@dataclasses.dataclass
class Connection:
    name: str
    server: str
    user: str
    transport: str
    dialled: float
    opened: float = FOREVER      # it is logged in
    session: str | None = None
    ended: float = FOREVER
    end: dict | None = None      # the event; None: its process was killed, or it stands
    proved: float = -FOREVER     # all that was there for it before has been read
    losses: list = dataclasses.field(default_factory=list)    # events: lost, and perhaps gone on with

    @property
    def process(self):
        return self.name.split(".")[0]


@dataclasses.dataclass
class Message:
    number: str
    sent: dict
    connection: Connection
    index: int                                         # among those of its connection
    statuses: list = dataclasses.field(default_factory=list)
    taken: list = dataclasses.field(default_factory=list)     # by handlers, in the order of time
    told: list = dataclasses.field(default_factory=list)      # answers and pushes of handlers
    got: list = dataclasses.field(default_factory=list)       # deliveries
    reports: list = dataclasses.field(default_factory=list)

    @property
    def order(self):
        return self.sent["o"]

    @property
    def status(self):
        return self.statuses[0] if self.statuses else None

    @property
    def is_good(self):
        return bool(self.statuses) and self.statuses[0]["good"]

    @property
    def code(self):
        return self.statuses[0]["code"] if self.statuses else None

    @property
    def place(self):
        """(server, handler, order) of the last part."""
        return orders.place_of(self.order, self.sent["s"], self.sent["h"])

    @property
    def address(self):
        return orders.address_of(self.order, self.sent["s"], self.connection.name)

    @property
    def is_direct(self):
        """One handler of its own server executes it, and the deliveries are for sessions there."""
        order = self.order
        return "inner" not in order and (order["op"] not in ("user", "push") or order["to"][0] == self.sent["s"])

    def takes_at(self, server, handler):
        return [took for took in self.taken if took["s"] == server and took["h"] == handler]


@dataclasses.dataclass
class Process:
    """Of a handler."""

    pid: int
    server: str
    handler: str
    up: float
    down: dict | None = None    # the event; None: it was killed, or stands


@dataclasses.dataclass
class Violation:
    rule: str
    text: str
    at: float
    message: Message | None = None
    connection: str | None = None

    def __str__(self):
        return f"{self.rule}: {self.text}"


class Book:
    def __init__(self, events):
        self.events = events
        self.connections = {}
        self.sessions = {}          # id -> Connection
        self.messages = {}
        self.processes = {}
        self.faults = []            # {"kind", "target", "begun", "ended"}
        self.joined = collections.defaultdict(dict)    # connection -> group -> when it was told so
        self.strays = []            # (event, why): what belongs to nothing
        self.single = collections.defaultdict(list)    # other events by kind
        for event in events:
            getattr(self, "on_" + event["e"], self.keep)(event)
        for connection in self.connections.values():
            if connection.session:
                self.sessions[connection.session] = connection

    def keep(self, event):
        self.single[event["e"]].append(event)

    # ---- clients ----

    def on_dial(self, event):
        self.connections[event["c"]] = Connection(event["c"], event["s"], event["user"], event["tr"], event["t"])

    def on_open(self, event):
        self.connections[event["c"]].opened = event["t"]

    def on_ready(self, event):
        self.connections[event["c"]].session = event["session"]

    def on_pong(self, event):
        connection = self.connections[event["c"]]
        connection.proved = max(connection.proved, event["since"])

    def on_end(self, event):
        connection = self.connections[event["c"]]
        connection.ended, connection.end = event["t"], event

    def on_away(self, event):
        self.connections[event["c"]].losses.append(event)

    def on_gone(self, event):
        for connection in self.connections.values():
            if connection.process == event["p"] and connection.ended == FOREVER:
                connection.ended = event["t"]

    def on_sent(self, event):
        connection = self.connections[event["c"]]
        self.messages[event["m"]] = Message(event["m"], event, connection, int(event["m"].rsplit(":", 1)[1]))

    def on_status(self, event):
        message = self.messages.get(event["m"])
        if message is None or message.connection.name != event["c"] or not message.sent["id"]:
            return self.strays.append((event, "a status for what this connection did not ask"))
        message.statuses.append(event)
        # What was there for this connection before it asked was written before this answer.
        message.connection.proved = max(message.connection.proved, message.sent["t"])
        if event["good"] and message.order["op"] == "join":
            self.joined[event["c"]].setdefault(message.order["to"], event["t"])

    def on_got(self, event):
        message = self.messages.get(event["m"])
        if message is None:
            return self.strays.append((event, "a delivery of what nobody sent"))
        message.got.append(event)

    # ---- handlers ----

    def on_up(self, event):
        self.processes[event["pid"]] = Process(event["pid"], event["s"], event["h"], event["t"])

    def on_down(self, event):
        if event["pid"] in self.processes:
            self.processes[event["pid"]].down = event

    def on_took(self, event):
        message = self.messages.get(event["m"])
        if message is None:
            return self.strays.append((event, "a handler got what nobody sent"))
        message.taken.append(event)

    def on_told(self, event):
        if event["m"] in self.messages:
            self.messages[event["m"]].told.append(event)

    def on_report(self, event):
        if event["tag"] in self.messages:
            self.messages[event["tag"]].reports.append(event)
        else:
            self.strays.append((event, "a report for what was not asked"))

    # ---- faults ----

    def on_fault(self, event):
        for known in self.faults:
            if known["n"] == event["n"]:
                known["ended"] = event["ended"]

    def on_strikes(self, event):
        self.faults.append({"n": event["n"], "kind": event["kind"], "target": event["target"], "begun": event["t"],
                            "ended": event["t"] + event["seconds"] + 1.0})

    def on_died(self, event):
        """It was noticed a little later; what its end brought with it is no fault of its own."""
        self.keep(event)
        self.faults.append({"n": None, "kind": "died", "target": event["s"], "begun": event["t"] - 3, "ended": event["t"]})

    def faults_between(self, begin, end, concerns=lambda fault: True):
        return [fault for fault in self.faults if fault["begun"] <= end and fault["ended"] >= begin and concerns(fault)]

    # ---- recipients ----

    def is_for(self, address, connection, when=FOREVER):
        """May this connection get what is for this address? Of groups: had it asked to join by then?"""
        kind = address[0]
        if kind == "connection":
            return connection.name == address[1]
        if kind == "user":
            return (connection.server, connection.user) == address[1:]
        if kind == "session":
            return connection.session == address[1]
        return connection.server == address[1] and self.has_joined(connection, address[2], when)

    def has_joined(self, connection, group, when):
        return self.joined.get(connection.name, {}).get(group, FOREVER) <= when

    def candidates(self, address):
        """All connections that could be meant, whatever the time."""
        if address[0] == "connection":
            found = self.connections.get(address[1])
            return [found] if found else []
        if address[0] == "session":
            found = self.sessions.get(address[1])
            return [found] if found else []
        if address[0] == "user":
            return [c for c in self.by_place.get(address[1:], [])]
        return [c for c in self.by_server.get(address[1], [])]

    def index(self):
        """For `candidates`; after all events."""
        self.by_place = collections.defaultdict(list)
        self.by_server = collections.defaultdict(list)
        for connection in self.connections.values():
            self.by_place[(connection.server, connection.user)].append(connection)
            self.by_server[connection.server].append(connection)
        return self


def open_book(events):
    return Book(events).index()
