"""Spectators in tests: a broker that serves the spectator panel, and clients that speak its protocol."""
import asyncio
import json
import subprocess
import time

import websockets

import eventually as waiting
import tokens
from broker import FAST
from browser import ROOT
from eventually import eventually
from proxy import Proxy
from websocket_clients import port_of

FILES = ROOT / "examples" / "spectator" / "page"


class Refused(Exception):
    """An `error` frame: its code."""

    def __init__(self, data):
        super().__init__(f"{data['code']}: {data['description']}")
        self.code = data["code"]
        assert data["description"]


class Panel:
    """A broker that serves the panel alone, reached at `url` through a proxy, so that the way to it can be cut."""

    def __init__(self, make_broker, bin_directory, tmp_path, grace_ms=30000, algorithm="HS256", key=None, threads=None, **feed):
        self.bin_directory = bin_directory
        self.key = tmp_path / "spectator.key"
        if key is None:
            self.key.write_text(tokens.SECRET + "\n")
        more = {} if threads is None else {"threads": threads}
        self.proxy = Proxy()
        self.feed_config = {"guilds": 6, "members": 60, "rate": 200, **feed}
        self.broker = make_broker(
            handlers={
                "spectator": {"command": [str(bin_directory / "spectator-handler")], "restart": FAST,
                              "config": {"grace_ms": grace_ms, "token": {"algorithm": algorithm, "key_file": str(key or self.key)}}},
                "feed": {"command": [str(bin_directory / "spectator-feed")], "types": ["feed_statistics"], "groups": "spectator",
                         "restart": FAST, "may": {"commands": ["reply", "sendGroup"]}, "config": self.feed_config},
            },
            listeners=[
                {"name": "pages", "transport": "websocket", "address": "127.0.0.1:0", "authentication": ["anonymous"],
                 "files": str(FILES), "paths": {"/v1/spectator": {"type": "spectator", "frames": "json"}, "/other": {"type": "spectator"}}},
                {"name": "v4", "address": "127.0.0.1:0"},
            ],
            limits={"queue_messages": 20000, "queue_bytes": "16MiB"}, **more)
        self.opened = []
        self.started()

    def started(self):
        self.proxy.target = port_of(self.broker, "pages")
        self.proxy.refuse(False)

    def __enter__(self):
        return self

    def __exit__(self, *outcome):
        try:
            for viewer in self.opened:
                viewer.close()
            self.broker.__exit__(*outcome)
        finally:
            self.proxy.close()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.proxy.port}/"

    def viewer(self, token=None, path="v1/spectator"):
        """Connected past the proxy; signed in, if a token is given."""
        made = Viewer(f"ws://127.0.0.1:{self.proxy.target}/{path}")
        self.opened.append(made)
        if token:
            made.ask("authenticate", token=token)
        return made

    def statistics(self):
        """What the feed has made and sent: asked by somebody who is not at the panel."""
        if not hasattr(self, "clerk"):
            self.clerk = self.broker.client("tina")
        return self.clerk.ask("feed_statistics")

    def wait_for_produced(self, more):
        goal = self.statistics()["produced"] + more
        return eventually(lambda: (s := self.statistics())["produced"] >= goal and s, 20, f"{more} more updates")

    def made_token(self, *arguments):
        """By the program that comes with the example."""
        done = subprocess.run([self.bin_directory / "spectator-token", "--key", self.key, *arguments], capture_output=True, text=True, timeout=20)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()


def token(user="tina", guilds=None, roles=(), lifetime=3600, **more):
    """May see and read everything, unless said otherwise."""
    return tokens.token(user, lifetime=lifetime, guilds={"*": ["view", "log"]} if guilds is None else guilds, roles=list(roles), **more)


ADMINISTRATOR = ("administrator",)


class Viewer:
    """A client at a terminal: python3-websockets, and the protocol as the README has it."""

    def __init__(self, url):
        async def connect():
            return await websockets.connect(url, max_queue=None, ping_interval=None)

        self.pushes = []
        self.last_id = 0
        self.loop = asyncio.new_event_loop()
        self.socket = self.run(connect())

    def run(self, what, limit=10):
        return self.loop.run_until_complete(asyncio.wait_for(what, limit * waiting.slowness))

    def send(self, kind, id=None, **data):
        if id is None:
            self.last_id += 1
            id = self.last_id
        self.run(self.socket.send(json.dumps({"id": id, "kind": kind, "data": data})))
        return id

    def next(self, limit=10):
        return json.loads(self.run(self.socket.recv(), limit))

    def answer(self, id):
        """Of the request with this id; pushes that come before it wait in `pushes`."""
        while True:
            frame = self.next()
            if "id" not in frame:
                self.pushes.append(frame)
            elif frame["id"] == id:
                if frame["kind"] == "error":
                    raise Refused(frame["data"])
                assert frame["kind"] == "reply"
                return frame["data"]

    def ask(self, kind, **data):
        return self.answer(self.send(kind, **data))

    def refused(self, kind, **data):
        """The code of the error that this request gets."""
        try:
            answer = self.ask(kind, **data)
        except Refused as error:
            return error.code
        raise AssertionError(f"not refused, but {answer}")

    def push(self, kind, limit=10):
        """The next push of this kind; those before it are dropped."""
        until = time.monotonic() + limit * waiting.slowness
        while True:
            frame = self.pushes.pop(0) if self.pushes else self.next(max(0.1, until - time.monotonic()))
            if frame.get("kind") == kind and "id" not in frame:
                return frame["data"]

    def updates_until_answer(self):
        """What was pushed before the answer to a question that is asked now."""
        self.ask("interpret", entries=[])
        pushes, self.pushes = self.pushes, []
        return [frame["data"] for frame in pushes if frame["kind"] == "log_pool"]

    def close_code(self):
        async def closed():
            await self.socket.wait_closed()
            return self.socket.close_code, self.socket.close_reason
        return self.run(closed())

    def close(self):
        if self.loop.is_closed():
            return
        self.run(self.socket.close())
        self.loop.close()
