"""Nothing lost, nothing twice: links that are cut at random, also in the middle of frames and handshakes, under load in
both directions. BESTER_TEST_CUTS says how often."""
import os
import random
import selectors
import time

import pytest

import eventually as waiting
from client import is_delivery, is_good
from servers import at, peer, servers, wait_for_link  # noqa: F401

CUTS = int(os.environ.get("BESTER_TEST_CUTS", 0))
QUICK = {"initial_delay": "5ms", "longest_delay": "20ms", "resume": "60s", "deadline": "60s", "heartbeat": "1s"}
WINDOW = 100


class Course:
    """Numbers from one client to another, pipelined; every status and every delivery is written down."""

    def __init__(self, sender, receiver, make_data):
        self.sender = sender
        self.receiver = receiver
        self.make_data = make_data
        self.sent = 0
        self.statuses = {}   # number -> status frame
        self.got = []
        self.is_ended = False

    def send_some(self):
        while not self.is_ended and self.sent - len(self.statuses) < WINDOW:
            self.sender.send("echo", self.make_data(self.sent), id=str(self.sent))
            self.sent += 1

    def take(self, client, frames):
        for frame in frames:
            if is_delivery(frame):
                self.got.append(number_of(frame["payload"]["data"]))
            else:
                number = int(frame["payload"]["id"])
                assert number not in self.statuses, f"a second status: {frame}"
                self.statuses[number] = frame

    def is_done(self):
        return self.is_ended and len(self.statuses) == self.sent


def number_of(data):
    return data["n"] if isinstance(data, dict) else data


def run(courses, until, limit):
    """Keeps all courses going until the condition holds, then until every message has its status."""
    end = time.monotonic() + limit * waiting.slowness
    with selectors.DefaultSelector() as selector:
        for course in courses:
            for client in {course.sender, course.receiver}:
                selector.register(client.socket, selectors.EVENT_READ, (course, client))
        while not all(course.is_done() for course in courses):
            assert time.monotonic() < end, [(c.sent, len(c.statuses), len(c.got)) for c in courses]
            is_over = until()
            for course in courses:
                course.is_ended = course.is_ended or is_over
                course.send_some()
            for key, _ in selector.select(0.05):
                course, client = key.data
                course.take(client, client.read_frames(time.monotonic() + 1))
        # What was delivered before its status came is read before a ping's answer.
        for course in courses:
            selector.unregister(course.sender.socket)
            if course.receiver is not course.sender:
                course.receiver.send("dummy", id="-1")
                course.take(course.receiver, drain(course))


def drain(course):
    frames = []
    while True:
        for frame in course.receiver.read_frames(time.monotonic() + 20 * waiting.slowness):
            if frame["payload"].get("id") == "-1":
                return frames
            frames.append(frame)


def check_all_delivered(course):
    bad = [frame for frame in course.statuses.values() if not is_good(frame)]
    assert not bad, (len(bad), bad[:3])
    assert course.got == list(range(course.sent)), first_difference(course.got)


def first_difference(got):
    at_ = next((i for i, n in enumerate(got) if i != n), len(got))
    return f"at {at_}: {got[max(0, at_ - 3):at_ + 5]} of {len(got)}"


def to_user(user, size):
    filler = "x" * size
    return lambda n: {"do": [{"command": "sendClients", "users": [user], "data": {"n": n, "filler": filler}}]}


def to_handler(server):
    """The handler there replies to the sender: request and reply cross, and their result."""
    return lambda n: {"do": [{"command": "sendServers", "servers": [server], "data": {"n": n}}]}


@pytest.mark.parametrize("kind", ["tls", "plain", "both dial"])
def test_a_link_is_cut_at_random_and_every_message_arrives_once_and_in_order(servers, kind, is_long):
    cuts = CUTS or (1000 if is_long else 250)
    chance = random.Random(20260101)
    ways = [servers.proxy(), servers.proxy()]
    is_plain = kind == "plain"
    b = servers.add("b", peers={"a": at(ways[1]) if kind == "both dial" else {}}, peering=QUICK, is_plain=is_plain)
    a = servers.add("a", peers={"b": at(ways[0])}, peering=QUICK, is_plain=is_plain)
    for way, target in zip(ways, (b, a)):
        way.budget = lambda: int(2 ** chance.uniform(9, 17))   # from within the handshake to thousands of frames
        way.target = target.port
    courses = [
        Course(a.client("tina"), b.client("gustav"), to_user("gustav@b", 100)),
        Course(b.client("tina"), a.client("gustav"), to_user("gustav@a", 3000)),
        replies(a.client("ann"), "b"), replies(b.client("ann"), "a"),
    ]
    run(courses, lambda: sum(way.cuts for way in ways) >= cuts, cuts)
    for way in ways:
        way.budget = lambda: None
        way.cut()
    wait_for_link(a, b)
    for course in courses:
        assert course.sent > WINDOW
        check_all_delivered(course)
    assert peer(a, "b")["failed"] == 0 and peer(b, "a")["failed"] == 0
    assert peer(a, "b")["resent"] > 0


def replies(client, server):
    return Course(client, client, to_handler(server))
