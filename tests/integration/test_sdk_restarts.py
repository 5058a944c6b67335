"""A handler made with the SDK that keeps who is where, the chat of examples/socketio, is replaced and killed while people
talk: what it knows comes before what they say."""
import json
import os
import signal

import pytest

from socketio import PERMISSIONS, listener
from test_socketio_hostile import Engine

ROOM = "hall"


@pytest.fixture(scope="module")
def shared(make_broker, bin_directory, threads):
    """With several shards: then the instance has several channels, and the snapshot comes over all of them."""
    chat = {"command": [str(bin_directory / "socketio-handler")], "types": ["chat", "panel"], "restart": {"initial_delay": "1ms"}}
    with make_broker(threads=max(threads, 2), handlers={"socketio": chat}, listeners=[listener()], permissions=PERMISSIONS) as running:
        yield running


class Member(Engine):
    """Somebody who is in the room, and says one thing after the other there."""

    def __init__(self, broker):
        super().__init__(broker)
        self.enter()
        self.said = 0
        self.answers = []
        assert not is_error(self.ask("join room", ROOM))

    def event(self, *values):
        self.said += 1
        self.say(f"42{self.said}" + json.dumps(values))

    def talk(self):
        self.event("typing", ROOM)

    def listen(self):
        """Until all that was said has its answer."""
        while len(self.answers) < self.said:
            packet = self.packet()
            if packet == "2":
                self.say("3")
            elif packet.startswith("43"):
                assert int(packet[2:packet.index("[")]) == len(self.answers) + 1, (packet, self.answers)
                self.answers += json.loads(packet[packet.index("["):])[:1] or [None]

    def ask(self, *values):
        self.event(*values)
        self.listen()
        return self.answers[-1]


def is_error(answer):
    return isinstance(answer, dict) and "error" in answer


@pytest.mark.parametrize("end", ["restart", "kill"])
def test_members_are_known_when_they_speak_to_the_next_instance(broker, end):
    people = [Member(broker) for _ in range(6)]
    for _ in range(5):
        pid = broker.pid_of("socketio")
        if end == "restart":
            assert broker.control({"request": "handlers", "action": "restart", "handler": "socketio"})["ok"]
        else:
            os.kill(pid, signal.SIGKILL)
        while broker.instance("socketio").get("pid") in (None, pid) or broker.instance("socketio")["state"] != "ready":
            for one in people:
                for _ in range(5):
                    one.talk()
            for one in people:
                one.listen()
        for one in people:
            one.talk()
            one.listen()
    errors = [answer["error"]["code"] for one in people for answer in one.answers if is_error(answer)]
    # What the killed process had is lost with it; nobody is a stranger to the next one.
    assert set(errors) <= ({"handler_failed"} if end == "kill" else set()), errors
