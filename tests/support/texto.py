"""Participants of Texto in tests: a broker that serves it, people at its page, a client at a terminal."""
import asyncio
import json
import uuid

import websockets

import eventually as waiting
from browser import ROOT, Visitor
from eventually import eventually
from proxy import Proxy
from websocket_clients import port_of

FILES = ROOT / "examples" / "texto" / "page"


class Texto:
    """A broker that serves Texto alone. It is reached at `url` through a proxy, so that it is there again after it was
    elsewhere, and so that the way to it can be cut."""

    def __init__(self, make_broker, bin_directory, strict):
        self.make_broker = make_broker
        self.proxy = Proxy()
        self.broker = make_broker(handlers={"texto": {"command": [str(bin_directory / "texto-handler")], "config": {"strict": strict}}},
                                  listeners=[{"name": "pages", "transport": "websocket", "address": "127.0.0.1:0",
                                              "authentication": ["anonymous"], "files": str(FILES),
                                              "paths": {"/v1/texto": {"type": "texto", "frames": "text"}}}])
        self.started()

    def started(self):
        self.proxy.target = port_of(self.broker, "pages")
        self.proxy.refuse(False)

    def __enter__(self):
        return self

    def __exit__(self, *outcome):
        try:
            self.broker.__exit__(*outcome)
        finally:
            self.proxy.close()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.proxy.port}/"

    @property
    def direct_url(self):
        """For those whose way is not cut."""
        return f"http://127.0.0.1:{self.proxy.target}/"

    def kill(self):
        self.proxy.refuse()
        self.broker.kill9()

    def come_back(self):
        self.broker.start()
        self.started()


class Terminal:
    """A client at a terminal: python3-websockets, and the protocol as the README has it."""

    def __init__(self, url):
        async def connect():
            return await websockets.connect(url.replace("http", "ws") + "v1/texto")

        self.inbox = []
        self.loop = asyncio.new_event_loop()
        self.socket = self.run(connect())
        self.id = self.hear("connection")["data"]["client_id"]

    def run(self, what):
        return self.loop.run_until_complete(asyncio.wait_for(what, 10 * waiting.slowness))

    def hear(self, kind):
        """The next frame of this kind; others wait until they are asked for."""
        while not any(frame["kind"] == kind for frame in self.inbox):
            self.inbox.append(json.loads(self.run(self.socket.recv())))
        return self.inbox.pop(next(i for i, frame in enumerate(self.inbox) if frame["kind"] == kind))

    def say(self, kind, data, id=None):
        self.run(self.socket.send(json.dumps({"client_id": self.id, "id": id or str(uuid.uuid4()), "kind": kind, "data": data})))

    def write(self, to, text):
        self.say("send", {"receiver_id": to, "text": text}, "mine")
        assert self.hear("ack")["id"] == "mine"

    def read(self):
        """The next text; its sender is told that it came."""
        frame = self.hear("receive")
        self.say("ack", {}, frame["id"])
        return frame["data"]["sender_id"], frame["data"]["text"]

    def expect_nothing(self):
        """What was sent to this client came before the answer to this."""
        self.say("registration", {}, "who am I")
        assert self.hear("connection")["id"] == "who am I"
        assert self.inbox == []

    def close(self):
        self.run(self.socket.close())
        self.loop.close()


class Person(Visitor):
    def arrive(self, to=None):
        self.page.go(self.site.url + (f"?to={to}" if to else ""))
        return self.connected()

    def connected(self):
        self.page.wait_for("#state[data-state=open]", "attached")
        return self

    @property
    def id(self):
        return self.page.text("#own-id")

    def write(self, text):
        self.page.fill("#text", text)
        self.page.press("Enter")

    def texts(self):
        return self.page.texts("#messages .text")

    def expect_texts(self, *wanted):
        eventually(lambda: self.texts() == list(wanted), 10, lambda: f"{wanted}, but {self.texts()}")

    def states(self):
        return [self.page.attribute(f"#messages li:nth-child({n})", "data-state") for n in range(1, self.page.count("#messages li") + 1)]

    def expect_states(self, *wanted):
        eventually(lambda: self.states() == list(wanted), 10, lambda: f"{wanted}, but {self.states()}")

    def open_first(self):
        self.page.click("#contacts li:first-child button")
        return self
