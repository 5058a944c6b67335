"""Connections that are lost and made again, with the real client: what comes back, and what is said when nothing does.
What the socket.io server does too is tested with it as well."""
import json
import random

import pytest

import raw_websocket
from eventually import eventually
from socketio import BOTH, POLLING, WEBSOCKET, Chat, Polling, clients, server  # noqa: F401


@pytest.fixture
def chat(server, shared_log):
    if server.kind == "bester":
        shared_log(server.broker)
    yield server
    server.proxy.refuse(False)


@pytest.fixture
def own_chat(make_broker, bin_directory):
    """own_chat(…): a broker of the test's own."""
    opened = []

    def make(**config):
        opened.append(Chat(make_broker, bin_directory, **config))
        return opened[-1]
    yield make
    for each in opened:
        each.__exit__(None, None, None)


class Talk:
    """Tina, whose way can be cut, and Gustav, whose way cannot, in one room."""

    def __init__(self, clients, chat, transports=WEBSOCKET):
        self.chat = chat
        self.room = f"room-{random.getrandbits(64):x}"
        self.tina = clients.open(chat.url, transports, query={"name": "Tina"})
        self.gustav = clients.open(chat.direct_url, WEBSOCKET, query={"name": "Gustav"})
        self.first = self.tina.connected()
        for each in (self.tina, self.gustav):
            each.next("welcome")
            each.ask("join room", self.room)
        self.sent = 0
        self.tina.next("presence")
        self.gustav.drain()
        self.tina.drain()

    def says(self, count):
        self.gustav.emit_many("message", [{"room": self.room, "text": str(self.sent + number)} for number in range(count)])
        self.sent += count

    def hears_all(self):
        assert [self.tina.argument("message")["text"] for _ in range(self.sent)] == [str(number) for number in range(self.sent)]
        self.gustav.ask("whisper", {"to": self.tina.id, "text": "last"})
        assert self.tina.argument("whisper")["text"] == "last"
        assert [event for event in self.tina.drain() if event["event"] == "message"] == [], "nothing twice"

    def loses_connection(self):
        self.chat.proxy.refuse()
        assert self.tina.disconnected() in ("transport close", "transport error", "ping timeout")

    def is_back(self):
        self.chat.proxy.refuse(False)
        return self.tina.connected_at_last()

    def close(self):
        for each in (self.tina, self.gustav):
            each.leave()


@pytest.fixture
def talk(clients, chat):
    made = Talk(clients, chat)
    yield made
    made.close()


# ---- what is brought back ----

def is_brought_back(clients, chat, transports):
    talk = Talk(clients, chat, transports)
    talk.says(3)
    talk.loses_connection()
    talk.says(100)
    again = talk.is_back()
    assert again["recovered"] is True and again["id"] == talk.first["id"]
    talk.says(3)
    talk.hears_all()
    assert [each["name"] for each in talk.tina.ask("join room", talk.room)["members"]].count("Tina") == 1
    talk.close()


@pytest.mark.parametrize("transports", [WEBSOCKET, BOTH], ids=["websocket", "both"])
def test_what_was_missed_comes_once_and_in_order(clients, chat, transports):
    is_brought_back(clients, chat, transports)


def test_what_was_missed_comes_to_who_polls(clients, own_chat):
    """The socket.io server misses such a client only when its pongs fail to come, and so does not bring it back."""
    is_brought_back(clients, own_chat(), POLLING)


def test_many_cuts_while_hundreds_of_events_come(talk):
    recovered = 0
    for number in range(30):
        talk.says(20)
        if number % 2:
            talk.tina.cut()
        else:
            talk.chat.proxy.cut(reset=number % 4 == 0)
        talk.says(10)
        talk.tina.disconnected()
        recovered += talk.tina.connected_at_last()["recovered"]
    assert recovered == 30
    talk.hears_all()


def test_nothing_was_missed(talk):
    talk.says(1)
    eventually(lambda: talk.tina.argument("message")["text"] == "0", 10, "the offset is known")
    talk.tina.cut()
    talk.tina.disconnected()
    assert talk.tina.connected_at_last()["recovered"] is True
    assert talk.tina.drain() == []


def test_who_was_sent_nothing_yet_is_brought_back_too(clients, own_chat):
    chat = own_chat()
    panel = clients.open(chat.url, WEBSOCKET, namespace="/admin", auth={"username": "tina", "password": "secret of tina"})
    first = panel.connected()
    panel.cut()
    panel.disconnected()
    again = panel.connected_at_last()
    assert again["recovered"] is True and again["id"] == first["id"]
    panel.leave()


def test_a_transport_that_is_lost_again_at_once(clients, own_chat):
    """Cut in the middle of what is brought back; the socket.io server brings some of it twice then."""
    talk = Talk(clients, own_chat())
    talk.says(1)
    talk.tina.next("message")
    talk.sent = 0
    talk.loses_connection()
    talk.says(150)  # less than recovery_bytes
    cuts = iter([2000, 9000, 20000, None])
    talk.chat.proxy.budget = lambda: next(cuts, None)
    talk.is_back()
    heard = []
    while len(heard) < 150:
        event = talk.tina.next("message", "connect", limit=20)
        if event["event"] == "connect":
            assert event["recovered"] is True
        else:
            heard.append(event["arguments"][0]["text"])
    talk.chat.proxy.budget = lambda: None
    talk.close()
    assert heard == [str(number) for number in range(150)]


def test_what_is_written_without_a_connection_is_sent_when_it_is_back(talk):
    talk.says(1)
    talk.tina.next("message")
    talk.loses_connection()
    talk.tina.emit_many("message", [{"room": talk.room, "text": f"{number}"} for number in range(50)])
    assert talk.is_back()["recovered"] is True
    assert [talk.gustav.argument("message")["text"] for _ in range(50)] == [f"{number}" for number in range(50)]


def test_a_session_of_somebody_who_said_farewell_is_not_brought_back(talk):
    talk.says(1)
    talk.tina.next("message")
    talk.tina.close()
    talk.tina.disconnected()
    talk.tina.call("connect")
    again = talk.tina.connected()
    assert again["recovered"] is False and again["id"] != talk.first["id"]


def test_a_session_that_nobody_had_is_not_brought_back(chat):
    raw = Polling(chat.direct_url)
    told = raw.enter(auth={"pid": "x" * 20, "offset": "1"})
    assert told["pid"] and told["pid"] != "x" * 20


# ---- bester alone: what handlers see, and what is not brought back ----

def test_the_offset_of_a_session_before_is_not_taken_for_one_of_this_session(clients, own_chat):
    """As the client in JavaScript has it: it names the last offset that it got, which may be of a session that is over, of a
    broker that was restarted."""
    chat = own_chat()
    gustav = clients.open(chat.direct_url, WEBSOCKET, query={"name": "Gustav"})
    gustav.connected()

    def enter(**auth):
        raw = raw_websocket.Raw(chat.broker, "edge", open="/socket.io/?EIO=4&transport=websocket&name=Tina")
        assert raw.next()[1].startswith(b"0{")
        raw.send(raw_websocket.text(b"40" + json.dumps(auth).encode()))
        kind, payload = raw.next()
        assert payload.startswith(b"40{"), payload
        return raw, json.loads(payload[2:])

    raw, told = enter()
    assert b"welcome" in raw.next()[1]
    raw.close()
    for stale in ("4", "18446744073709551615"):
        raw, again = enter(pid=told["pid"], offset=stale)
        assert again == told, "recovered"
        assert b"welcome" in raw.next()[1]
        raw.close()
    gustav.leave()


def test_handlers_and_others_see_nothing_of_it(clients, own_chat):
    chat = own_chat()
    talk = Talk(clients, chat)
    talk.says(1)
    talk.loses_connection()
    assert talk.gustav.ask("join room", talk.room)["members"][1:]
    talk.is_back()
    talk.hears_all()
    assert [event for event in talk.gustav.drain() if event["event"] == "presence"] == []
    talk.close()


def test_two_namespaces_are_brought_back_together(clients, own_chat):
    chat = own_chat()
    talk = Talk(clients, chat)
    panel = talk.tina.namespace("/admin", {"username": "tina", "password": "secret of tina"})
    before = panel.connected()
    panel.ask("who is online")
    talk.says(1)
    chat_id, panel_id = talk.first["id"], before["id"]
    talk.gustav.ask("leave room", talk.room)
    panel.argument("online")  # so the client knows an offset of this namespace, too
    panel.drain()
    talk.loses_connection()
    talk.gustav.ask("join room", talk.room)
    assert talk.is_back()["id"] == chat_id
    again = panel.connected_at_last()
    assert again["recovered"] is True and again["id"] == panel_id
    assert panel.argument("online")["rooms"] == [talk.room]
    talk.close()


def test_the_window_is_over(clients, own_chat):
    chat = own_chat(path={"recovery": "1s"})
    talk = Talk(clients, chat)
    talk.says(1)
    talk.loses_connection()
    gone = talk.gustav.argument("presence", limit=20)
    assert gone["is_here"] is False and gone["who"]["id"] == talk.first["id"], "now handlers know"
    again = talk.is_back()
    assert again["recovered"] is False and again["id"] != talk.first["id"]
    assert talk.tina.error("message", {"room": talk.room, "text": "x"}) == "not_in_room"
    assert talk.tina.argument("welcome")["id"] == again["id"]
    talk.close()


def test_recovery_is_off_unless_it_is_asked_for(clients, own_chat):
    chat = own_chat(path={"recovery": "0s"})
    talk = Talk(clients, chat)
    talk.says(1)
    assert talk.tina.next("message")["offset"] is None
    talk.loses_connection()
    assert talk.gustav.argument("presence")["is_here"] is False
    assert talk.is_back()["recovered"] is False
    talk.close()


def test_more_was_missed_than_is_kept(clients, own_chat):
    chat = own_chat(path={"recovery_bytes": "4KiB"})
    talk = Talk(clients, chat)
    talk.says(1)
    talk.tina.next("message")
    talk.loses_connection()
    talk.says(200)
    talk.gustav.ask("message", {"room": talk.room, "text": "after them"})
    again = talk.is_back()
    assert again["recovered"] is False and again["id"] != talk.first["id"]
    talk.close()


def test_the_broker_is_started_anew(clients, own_chat):
    chat = own_chat()
    talk = Talk(clients, chat)
    talk.says(1)
    talk.tina.next("message")
    chat.kill()
    talk.tina.disconnected()
    chat.come_back()
    again = talk.tina.connected_at_last()
    assert again["recovered"] is False and again["id"] != talk.first["id"]
    assert talk.tina.argument("welcome")["name"] == "Tina"
    assert [each["name"] for each in talk.tina.ask("join room", talk.room)["members"]] == ["Tina"]
    talk.close()


def test_a_stop_asks_to_reconnect(clients, own_chat):
    chat = own_chat()
    tina = clients.open(chat.url, WEBSOCKET, query={"name": "Tina"})
    tina.connected()
    chat.broker.stop()
    assert tina.argument("bester")["notice"] in ("reconnect", "disconnected")
    tina.disconnected()
    chat.come_back()
    assert tina.connected_at_last()["recovered"] is False
    tina.close()


def test_who_is_away_and_is_kicked_does_not_come_back_as_before(clients, own_chat):
    chat = own_chat()
    talk = Talk(clients, chat)
    panel = talk.gustav.namespace("/admin", {"username": "tina", "password": "secret of tina"})
    panel.connected()
    talk.says(1)
    talk.tina.next("message")
    talk.loses_connection()
    panel.ask("kick", {"id": talk.first["id"], "reason": "too loud"})
    assert talk.gustav.argument("presence")["is_here"] is False
    assert talk.is_back()["recovered"] is False
    talk.close()


def test_sessions_that_wait_are_bounded(clients, own_chat):
    """Each lost connection is kept for its window, and gone after it."""
    chat = own_chat(path={"recovery": "1s"})
    for _ in range(50):
        raw = Polling(chat.direct_url)
        raw.enter()
        raw.post("1")
    eventually(lambda: chat.broker.status()["sessions"] == 0, 20, lambda: f"all are gone: {chat.broker.status()['sessions']}")
