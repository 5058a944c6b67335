"""What a message orders its handler to do: one form for senders, handlers and checks.

    {"op": "reply"}                          a reply to the sender
    {"op": "user", "to": [server, user]}     sendClients to all sessions of a user, here or elsewhere
    {"op": "session", "to": session}         sendClients to one session
    {"op": "group", "to": group}             sendGroup
    {"op": "join", "to": group}              the sender joins
    {"op": "refuse"}                         an error of the handler's own
    {"op": "push", "to": [server, user]}     sendClients unasked, then an answer without commands
    {"op": "late", "after": ms}              a reply after a while, perhaps after the deadline
    {"op": "next", "inner": order}           sendHandler to `next`, which executes the inner order
    {"op": "far", "to": server, "inner": …}  sendServers to the handler of the same type there
    {"op": "echo"}                           for examples/echo: the data comes back as it is
"""
import zlib

SERVERS = ("alpha", "beta", "gamma")
USERS = tuple(f"user{i}" for i in range(8))
GROUPS = ("g0", "g1")
KEYS = ("room 1", "room 2", "r\u00e4um 3")
REFUSAL = "not_today"
# Handlers of each server that execute orders; `twin` is idempotent, has two instances and a small window.
TYPES = ("plain", "twin", "news")
IDEMPOTENT = ("twin",)
INSTANCES = {"plain": 1, "twin": 2, "news": 1, "next": 1, "echo": 1}
DEADLINE = 2.0          # of the handlers, seconds; the shortest that a reload sets
PEER_DEADLINE = 4.0     # peering.deadline


def checksum(number, filler):
    return zlib.crc32(f"{number}|{filler}".encode())


def is_whole(data):
    return data.get("crc") == checksum(data["m"], data.get("fill", ""))


def place_of(order, server, handler):
    """(server, handler, order) where the order's last part is executed."""
    if order["op"] == "next":
        return place_of(order["inner"], server, "next")
    if order["op"] == "far":
        return place_of(order["inner"], order["to"], handler)
    return server, handler, order


def servers_of(order, server):
    """All servers that have a part in it."""
    found = {server}
    while "inner" in order:
        if order["op"] == "far":
            found.add(order["to"])
        order = order["inner"]
    if order["op"] in ("user", "push"):
        found.add(order["to"][0])
    return found


def address_of(order, server, connection):
    """The recipients of the deliveries: a tuple that a recipient can be compared with; None: nobody."""
    last = order
    while "inner" in last:
        server = last["to"] if last["op"] == "far" else server
        last = last["inner"]
    op = last["op"]
    if op in ("reply", "late", "echo"):
        return ("connection", connection)
    if op in ("user", "push"):
        return ("user", *last["to"])
    if op == "session":
        return ("session", last["to"])
    if op == "group":
        return ("group", server, last["to"])
    return None


def random_order(chance, server, handler, sessions, groups):
    """An order for this handler of this server. `sessions`: ids of sessions there, may be empty."""
    if handler == "echo":
        return {"op": "echo"}
    if handler == "news":
        return {"op": "group", "to": chance.choice(groups)} if chance.random() < 0.8 else far(chance, server, group=True)
    dice = chance.random()
    if dice < 0.22:
        return {"op": "reply"}
    if dice < 0.5:
        return {"op": "user", "to": [chance.choice(SERVERS), chance.choice(USERS)]}
    if dice < 0.58 and sessions:
        return {"op": "session", "to": chance.choice(sessions)}
    if dice < 0.64:
        return {"op": "refuse"}
    if dice < 0.72:
        return {"op": "push", "to": [chance.choice(SERVERS), chance.choice(USERS)]}
    if dice < 0.725:
        return {"op": "late", "after": int(1000 * chance.choice([0.3 * DEADLINE, 2 * DEADLINE]))}
    if dice < 0.82:
        return {"op": "next", "inner": simple(chance)}
    return far(chance, server)


def simple(chance):
    if chance.random() < 0.5:
        return {"op": "reply"}
    return {"op": "user", "to": [chance.choice(SERVERS), chance.choice(USERS)]}


def far(chance, server, group=False):
    to = chance.choice([each for each in SERVERS if each != server])
    inner = {"op": "group", "to": chance.choice(GROUPS)} if group else simple(chance)
    return {"op": "far", "to": to, "inner": inner}
