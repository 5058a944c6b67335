#!/usr/bin/python3
"""A handler process that does what the messages' data says, on all channels, in one select loop.

    data                                   what happens
    {"do": [commands]}                     answered with these commands
    {"act": NAME, ...}                     see the method act_NAME
    ["script", {"do" or "act": ...}]       the same, as an event of Socket.IO
    anything else                          echoed: answered with one reply of the same data

Options: --events clients,peers   asked for in the hello
         --exit CODE              ends at once
         --no-hello               connects and says nothing
         --ignore-sigterm         lives until SIGKILL
         --keep-on-drain          holds what it holds in a drain, until it is released
         --say TEXT               a line to stderr at the start
         --ping                   says in the hello that it answers pings, and does
         --ready                  says itself when it is ready, as its `config` wants it
         --pause SECONDS          before it connects
"""
import json
import os
import selectors
import signal
import socket
import struct
import sys
import time


def option(name, default=None):
    if name not in sys.argv:
        return default
    return sys.argv[sys.argv.index(name) + 1]


def encode(body):
    if not isinstance(body, bytes):
        body = json.dumps(body, separators=(",", ":")).encode()
    return struct.pack("<I", len(body)) + body


class Channel:
    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.connect(path)
        self.buffer = bytearray()
        self.out = bytearray()
        self.shard = None
        self.is_open = True

    def read_frame_blocking(self):
        while True:
            frames = self.cut()
            if frames:
                return frames[0]
            data = self.socket.recv(1 << 16)
            if not data:
                sys.exit(f"channel closed in the hello, with {bytes(self.buffer)!r}")
            self.buffer += data

    def cut(self, most=1):
        """Complete frames at the front of the buffer."""
        found = []
        at = 0
        while len(found) < most and len(self.buffer) - at >= 4:
            (length,) = struct.unpack_from("<I", self.buffer, at)
            if len(self.buffer) - at < 4 + length:
                break
            found.append(json.loads(bytes(self.buffer[at + 4:at + 4 + length])))
            at += 4 + length
        del self.buffer[:at]
        return found


class Handler:
    def __init__(self):
        self.selector = selectors.DefaultSelector()
        self.channels = []
        self.records = []        # every frame that is no message: (shard, frame)
        self.seen = []           # data of every message, in order
        self.held = []           # (channel, message)
        self.queries = {}        # id -> (channel, message)
        self.query_count = 0
        self.reads = True
        self.is_draining = False
        self.drained = set()     # shards that will send nothing new
        self.timers = []         # (when, function)
        self.hold_next = False

    # ---- the stream ----

    def connect(self):
        path = os.environ["BESTER_SOCKET"]
        first = Channel(path)
        hello = {"kind": "hello", "protocol": 1, "handler": os.environ["BESTER_HANDLER"]}
        if "BESTER_TOKEN" in os.environ:
            hello["token"] = os.environ["BESTER_TOKEN"]
        events = option("--events")
        if events:
            hello["events"] = events.split(",")
        if "--ping" in sys.argv:
            hello["ping"] = True
        if "--ready" in sys.argv:
            hello["ready"] = True
        first.socket.sendall(encode(hello))
        welcome = first.read_frame_blocking()
        if welcome["kind"] != "welcome":
            sys.exit(f"refused: {welcome}")
        self.welcome = welcome
        self.take(first, welcome)
        for shard in range(1, welcome["shards"]):
            more = Channel(path)
            more.socket.sendall(encode({"kind": "hello", "protocol": 1, "handler": hello["handler"],
                                        "key": welcome["key"], "shard": shard}))
            self.take(more, more.read_frame_blocking())
        if "--ready" in sys.argv:
            self.get_ready()

    def get_ready(self):
        """As the entry's `config` says: "refused" ends the process, and a path waits until that file is there."""
        wish = self.welcome["config"]
        if wish == "refused":
            sys.exit("this config is refused")
        while wish and not os.path.exists(wish):
            time.sleep(0.01)
        self.channels[-1].socket.setblocking(True)
        self.channels[-1].socket.sendall(encode({"kind": "ready"}))
        self.channels[-1].socket.setblocking(False)

    def take(self, channel, welcome):
        assert welcome["kind"] == "welcome", welcome
        channel.shard = welcome["shard"]
        channel.sent_counted = 0
        self.records.append((channel.shard, welcome))
        channel.socket.setblocking(False)
        self.channels.append(channel)
        self.selector.register(channel.socket, selectors.EVENT_READ, channel)

    def send(self, channel, body):
        if not channel.is_open:
            return
        if isinstance(body, dict) and body.get("kind") in ("answer", "push"):
            channel.sent_counted += 1
        channel.out += encode(body)
        self.flush(channel)

    def flush(self, channel):
        while channel.out and channel.is_open:
            try:
                sent = channel.socket.send(channel.out)
            except BlockingIOError:
                break
            except OSError:
                self.lost(channel)
                return
            del channel.out[:sent]
        self.watch(channel)

    def watch(self, channel):
        if not channel.is_open:
            return
        events = (selectors.EVENT_READ if self.reads else 0) | (selectors.EVENT_WRITE if channel.out else 0)
        try:
            current = self.selector.get_key(channel.socket).events
        except KeyError:
            current = 0
        if events == current:
            return
        if current == 0:
            self.selector.register(channel.socket, events, channel)
        elif events == 0:
            self.selector.unregister(channel.socket)
        else:
            self.selector.modify(channel.socket, events, channel)

    def lost(self, channel):
        if channel.is_open:
            channel.is_open = False
            try:
                self.selector.unregister(channel.socket)
            except KeyError:
                pass
            channel.socket.close()
        if "--survive-close" not in sys.argv:
            sys.exit(0)

    def read(self, channel):
        try:
            data = channel.socket.recv(1 << 18)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.lost(channel)
            return
        channel.buffer += data
        for frame in channel.cut(1 << 30):
            self.on_frame(channel, frame)

    def run(self):
        for channel in self.channels:   # what came right behind the welcome
            for frame in channel.cut(1 << 30):
                self.on_frame(channel, frame)
        while True:
            limit = None
            if self.timers:
                limit = max(0.0, min(t for t, _ in self.timers) - time.monotonic())
            for key, events in self.selector.select(limit):
                channel = key.data
                if events & selectors.EVENT_WRITE:
                    self.flush(channel)
                if events & selectors.EVENT_READ and channel.is_open and self.reads:
                    self.read(channel)
            due = [t for t in self.timers if t[0] <= time.monotonic()]
            self.timers = [t for t in self.timers if t not in due]
            for _, act in due:
                act()
            if due:
                self.leave_if_done()

    # ---- frames ----

    def on_frame(self, channel, frame):
        kind = frame["kind"]
        if kind == "message":
            self.on_message(channel, frame)
            return
        self.records.append((channel.shard, frame))
        if kind == "result" and frame["id"] in self.queries:
            asked_on, message = self.queries.pop(frame["id"])
            self.reply(asked_on, message, frame)
        elif kind == "ping":
            self.send(channel, {"kind": "pong"})
        elif kind == "drain":
            self.drained.add(channel.shard)
            self.is_draining = len(self.drained) == len(self.channels)
            if "--keep-on-drain" not in sys.argv:
                self.release()
            self.leave_if_done()

    def on_message(self, channel, message):
        data = message["data"]
        if isinstance(data, list) and len(data) == 2 and data[0] == "script":
            data = data[1]  # an event of Socket.IO
        if message["type"] == "login":
            self.on_login(channel, message, data["credentials"])
            return
        if isinstance(data, dict) and "act" in data:
            getattr(self, "act_" + data["act"])(channel, message, data)
            return
        self.seen.append(data)
        if isinstance(data, dict) and "do" in data:
            self.answer(channel, message, data["do"])
        else:
            self.reply(channel, message, data)

    def on_login(self, channel, message, credentials):
        """Lets in a client that knows the word, as any user that it names."""
        self.seen.append(message["data"])
        if "act" in credentials:
            getattr(self, "act_" + credentials["act"])(channel, message, credentials)
        elif credentials.get("password") == "sesame":
            self.reply(channel, message, credentials.get("as", {"user": credentials.get("username")}))
        else:
            self.answer(channel, message, [], error={"code": "bad_word", "reason": "that is not the word"})

    def answer(self, channel, message, commands, **more):
        self.send(channel, {"kind": "answer", "id": message["id"], "commands": commands, **more})

    def reply(self, channel, message, data):
        self.answer(channel, message, [{"command": "reply", "data": data}])

    def release(self, backwards=False):
        held, self.held = self.held, []
        for channel, message in reversed(held) if backwards else held:
            self.reply(channel, message, message["data"])

    def leave_if_done(self):
        if self.is_draining and not self.held and not self.timers and not any(c.out for c in self.channels):
            for channel in self.channels:
                channel.socket.close()
            sys.exit(0)

    # ---- acts ----

    def act_envelope(self, channel, message, data):
        """Replies with the whole message frame, and where it came."""
        self.reply(channel, message, {"frame": message, "shard": channel.shard, "instance": self.welcome["instance"],
                                      "pid": os.getpid(), "welcome": self.welcome})

    def act_environment(self, channel, message, data):
        self.reply(channel, message, {"environment": dict(os.environ), "directory": os.getcwd(),
                                      "arguments": sys.argv[1:], "uid": os.getuid()})

    def act_silent(self, channel, message, data):
        """Never answered; the others are."""
        self.seen.append(data)

    def act_exact(self, channel, message, data):
        """Replies with data that is exactly this text."""
        text = '{"kind":"answer","id":%d,"commands":[{"command":"reply","data":%s}]}' % (message["id"], data["text"])
        self.send(channel, text.encode())

    def act_swell(self, channel, message, data):
        """Replies with this many characters."""
        self.reply(channel, message, "x" * data["size"])

    def act_none(self, channel, message, data):
        """A good answer without commands."""
        self.send(channel, {"kind": "answer", "id": message["id"]})

    def act_hold(self, channel, message, data):
        self.seen.append(data)
        self.held.append((channel, message))

    def act_release(self, channel, message, data):
        self.release(data.get("backwards", False))
        self.reply(channel, message, "released")
        self.leave_if_done()

    def act_later(self, channel, message, data):
        self.timers.append((time.monotonic() + data["ms"] / 1000, lambda: self.reply(channel, message, data)))

    def act_later_do(self, channel, message, data):
        self.timers.append((time.monotonic() + data["ms"] / 1000, lambda: self.answer(channel, message, data["do"])))

    def act_refuse(self, channel, message, data):
        self.answer(channel, message, data.get("commands", []), error=data["error"])

    def act_twice(self, channel, message, data):
        self.reply(channel, message, "once")
        self.reply(channel, message, "twice")

    def act_unknown_id(self, channel, message, data):
        self.send(channel, {"kind": "answer", "id": 999999, "commands": [{"command": "reply", "data": "wrong"}]})
        self.reply(channel, message, "right")

    def act_push(self, channel, message, data):
        """Pushes commands, by default on the channel of the message, then answers it."""
        where = self.channels[data["channel"] % len(self.channels)] if "channel" in data else channel
        for _ in range(data.get("times", 1)):
            self.send(where, {"kind": "push", "commands": data["commands"]})
        self.reply(channel, message, "pushed")

    def act_push_text(self, channel, message, data):
        """Pushes a frame that is exactly this text, several times, then answers."""
        for _ in range(data["times"]):
            self.send(channel, data["text"].encode())
        self.reply(channel, message, "pushed")

    def act_count(self, channel, message, data):
        """Sends numbers, each on another channel, each after those before; with "die", it ends behind the last of them."""
        for i in range(data["to"]):
            where = self.channels[i % len(self.channels)]
            after = {str(c.shard): c.sent_counted for c in self.channels if c is not where and c.sent_counted}
            self.send(where, {"kind": "push", "after": after, "commands": [
                {"command": "sendClients", "users": data["users"], "type": "number", "data": i}]})
        if data.get("die"):
            for each in self.channels:
                each.socket.setblocking(True)
                each.socket.sendall(each.out)
            os._exit(0)
        self.reply(channel, message, "counted")

    def act_after_never(self, channel, message, data):
        self.send(channel, {"kind": "push", "after": {str((channel.shard + 1) % self.welcome["shards"]): 1 << 40}, "commands": []})
        self.reply(channel, message, "never executed")

    def act_query(self, channel, message, data):
        self.query_count += 1
        self.queries[self.query_count] = (channel, message)
        self.send(channel, {"kind": "query", "id": self.query_count, **data["query"]})

    def act_records(self, channel, message, data):
        """Replies with what was recorded of these kinds, on every channel."""
        found = [[shard, f] for shard, f in self.records if f["kind"] in data["kinds"]]
        self.reply(channel, message, found)

    def act_picture(self, channel, message, data):
        """Replies with what the snapshots and events say of all shards: sessions, and groups with the number of sessions in
        them. Null: an event is missing."""
        sessions, groups, last = set(), {}, {}
        for shard, frame in self.records:
            if frame["kind"] == "snapshot":
                sessions.update(each["session"] for each in frame["clients"])
                groups.update(((shard, each["group"]), each["sessions"]) for each in frame.get("groups", []))
            if frame["kind"] != "event":
                continue
            if frame["sequence"] != last.get(shard, 0) + 1:
                return self.reply(channel, message, None)
            last[shard] = frame["sequence"]
            if frame["event"] == "connected":
                sessions.add(frame["session"])
            elif frame["event"] == "disconnected":
                sessions.discard(frame["session"])
            elif frame["event"] == "group":
                groups[shard, frame["group"]] = frame["sessions"]
        sums = {}
        for (_, name), count in groups.items():
            sums[name] = sums.get(name, 0) + count
        self.reply(channel, message, {"sessions": sorted(sessions), "groups": {name: n for name, n in sums.items() if n}})

    def act_reached(self, channel, message, data):
        """Replies with [what reports said: sessions reached and recipients missed, how many said that]."""
        counts = {}
        for _, frame in self.records:
            if frame["kind"] == "report":
                said = json.dumps([frame["delivered"], [missed["recipient"] for missed in frame["failed"]]])
                counts[said] = counts.get(said, 0) + 1
        self.reply(channel, message, [[*json.loads(said), count] for said, count in counts.items()])

    def act_seen(self, channel, message, data):
        self.reply(channel, message, self.seen)

    def act_say(self, channel, message, data):
        stream = sys.stderr if data.get("stderr") else sys.stdout
        stream.write(data["text"])
        stream.flush()
        self.reply(channel, message, "said")

    def act_raw(self, channel, message, data):
        """Bytes to the channel as they are, a frame around them if wanted."""
        raw = bytes.fromhex(data["hex"])
        channel.out += encode(raw) if data.get("framed") else raw
        self.flush(channel)

    def act_half(self, channel, message, data):
        channel.out += encode({"kind": "answer", "id": message["id"]})[:11]
        self.flush(channel)
        os._exit(0)

    def act_crash(self, channel, message, data):
        os.kill(os.getpid(), data.get("signal", signal.SIGKILL))

    def act_exit(self, channel, message, data):
        os._exit(data["code"])

    def act_block(self, channel, message, data):
        """One long job: meanwhile nothing is read, not even pings."""
        time.sleep(data["ms"] / 1000)
        self.reply(channel, message, data)

    def act_push_for(self, channel, message, data):
        """Pushes for a while, and never answers."""
        def push(left):
            self.send(channel, {"kind": "push", "commands": []})
            if left > 0:
                self.timers.append((time.monotonic() + 0.02, lambda: push(left - 20)))
        push(data["ms"])

    def act_hang(self, channel, message, data):
        while True:
            signal.pause()

    def act_stop_reading(self, channel, message, data):
        self.reply(channel, message, "deaf from now on")
        self.reads = False
        for each in self.channels:
            self.watch(each)
        if "ms" in data:
            self.timers.append((time.monotonic() + data["ms"] / 1000, self.read_again))

    def read_again(self):
        self.reads = True
        for each in self.channels:
            self.watch(each)

    def act_close_channel(self, channel, message, data):
        victim = self.channels[data["channel"] % len(self.channels)]
        victim.socket.shutdown(socket.SHUT_RDWR)

    def act_draining(self, channel, message, data):
        """Leaves by itself, once it has answered."""
        for each in self.channels:
            self.send(each, {"kind": "draining"})
        self.reply(channel, message, os.getpid())


def main():
    if option("--say"):
        print(option("--say"), file=sys.stderr, flush=True)
    if option("--exit"):
        sys.exit(int(option("--exit")))
    if "--ignore-sigterm" in sys.argv:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if option("--pause"):
        time.sleep(float(option("--pause")))
    if "--no-hello" in sys.argv:
        quiet = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        quiet.connect(os.environ["BESTER_SOCKET"])
        signal.pause()
    handler = Handler()
    handler.connect()
    handler.run()


main()
