"""The unmodified socket.io-client against the chat of examples/socketio, over each transport: in the socket.io server
itself, so that the tests are known to be right, and in bester."""
import random

import pytest

from eventually import eventually
from socketio import BOTH, POLLING, WEBSOCKET, binary, clients, server  # noqa: F401

# Sanitizers are slow, and have nothing to say of the other one.
TRANSPORTS = {"polling": POLLING, "websocket": WEBSOCKET, "both": BOTH}
SPECIAL = "Grüße, \"quotes\" \\ \u0000 \u2028 👋🏽 \x1e"


@pytest.fixture
def chat(server, shared_log):
    if server.kind == "bester":
        shared_log(server.broker)
    return server


@pytest.fixture
def arrive(clients, chat):
    """arrive(name, …): somebody who is connected, and has been welcomed."""
    arrived = []

    def make(name="Tina", transports=BOTH, **options):
        socket = clients.open(chat.url, transports, query={"name": name}, **options)
        arrived.append(socket)
        assert socket.connected()["recovered"] is False
        welcome = socket.argument("welcome")
        assert welcome["id"] == socket.id
        if "auth" not in options:
            assert welcome["name"] == name
        return socket
    yield make
    for socket in arrived:
        socket.leave()


@pytest.fixture(params=list(TRANSPORTS))
def transports(request):
    return TRANSPORTS[request.param]


def new_room():
    return f"room-{random.getrandbits(64):x}"


# ---- connections ----

def test_a_connection_has_the_transport_that_is_asked_for(arrive, transports):
    tina = arrive(transports=transports)
    if transports == BOTH:
        assert tina.upgraded() == "websocket"
    else:
        assert tina.state()["transport"] == transports[0]
    tina.close()
    assert tina.disconnected() == "io client disconnect"


def test_what_is_sent_while_the_transport_changes_arrives_in_order(arrive, clients, chat):
    gustav, room = arrive("Gustav", WEBSOCKET), new_room()
    gustav.ask("join room", room)
    tina = arrive(transports=BOTH)
    tina.ask("join room", room)
    tina.emit_many("message", [{"room": room, "text": str(number)} for number in range(300)])
    tina.upgraded()
    tina.emit_many("message", [{"room": room, "text": str(number)} for number in range(300, 400)])
    assert [gustav.argument("message")["text"] for _ in range(400)] == [str(number) for number in range(400)]


def test_who_hears_while_the_transport_changes_misses_nothing(arrive, clients, chat):
    gustav, room = arrive("Gustav", WEBSOCKET), new_room()
    gustav.ask("join room", room)
    for _ in range(5):
        tina = arrive(transports=BOTH)
        tina.ask("join room", room)
        gustav.emit_many("message", [{"room": room, "text": str(number)} for number in range(200)])
        tina.upgraded()
        assert [tina.argument("message")["text"] for _ in range(200)] == [str(number) for number in range(200)]
        tina.close()


def test_a_client_comes_back_after_it_has_left(arrive):
    tina = arrive()
    before = tina.id
    tina.close()
    tina.disconnected()
    tina.call("connect")
    again = tina.connected()
    assert again["id"] != before and again["recovered"] is False, "who left is not brought back"


# ---- events and acknowledgements ----

def test_acknowledgements(arrive, transports):
    tina, room = arrive(transports=transports), new_room()
    joined = tina.ask("join room", room)
    assert joined["room"] == room and [each["name"] for each in joined["members"]] == ["Tina"]
    assert joined["members"][0]["id"] == tina.id
    assert set(tina.ask("message", {"room": room, "text": "to myself"})) == {"time"}
    assert tina.ask("leave room", room) == {"room": room}
    assert tina.error("message", {"room": room, "text": "x"}) == "not_in_room"
    assert tina.error("join room", "no such room!") == "bad_room"


def test_a_room_hears_what_is_said_in_it(arrive, transports):
    tina, gustav, ann, room = arrive(transports=transports), arrive("Gustav", transports), arrive("Ann", transports), new_room()
    for each in (tina, gustav):
        each.ask("join room", room)
    came = tina.argument("presence")
    assert came["who"]["id"] == gustav.id and came["is_here"] is True and came["members"] == 2
    time = tina.ask("message", {"room": room, "text": SPECIAL})["time"]
    heard = gustav.argument("message")
    assert heard["text"] == SPECIAL and heard["from"]["id"] == tina.id and heard["from"]["name"] == "Tina"
    assert abs(heard["time"] - time) < 1000 and heard["room"] == room
    tina.emit("typing", room)
    assert gustav.argument("typing")["from"]["name"] == "Tina"
    gustav.ask("leave room", room)
    assert tina.argument("presence")["is_here"] is False
    tina.ask("message", {"room": room, "text": "alone"})
    # Whoever is not in the room has heard nothing; a whisper shows that all before has come.
    for each in (gustav, ann):
        tina.ask("whisper", {"to": each.id, "text": "last"})
        assert each.argument("whisper")["text"] == "last"
        assert [event for event in each.drain() if event["event"] not in ("presence", "welcome")] == []
    assert [event for event in tina.drain() if event["event"] == "message"] == [], "nobody hears themselves"


def test_a_whisper_reaches_one(arrive):
    tina, gustav = arrive(), arrive("Gustav")
    assert tina.ask("whisper", {"to": gustav.id, "text": "psst"})["name"] == "Gustav"
    assert gustav.argument("whisper")["from"]["id"] == tina.id
    gone = gustav.id
    gustav.close()
    eventually(lambda: "error" in tina.ask("whisper", {"to": gone, "text": "psst"}), 10, "he is gone, and tina is told")


def test_the_order_of_many_events_holds(arrive, transports):
    tina, gustav, room = arrive(transports=transports), arrive("Gustav", transports), new_room()
    for each in (tina, gustav):
        each.ask("join room", room)
    tina.emit_many("message", [{"room": room, "text": f"{number}"} for number in range(500)])
    assert [gustav.argument("message")["text"] for _ in range(500)] == [f"{number}" for number in range(500)]


@pytest.mark.parametrize("size", [0, 1, 1000, 300_000])
def test_an_image_goes_both_ways(arrive, transports, size):
    tina, gustav, room = arrive(transports=transports), arrive("Gustav", transports), new_room()
    for each in (tina, gustav):
        each.ask("join room", room)
    image = binary(random.Random(size).randbytes(size))
    for sender, other in ((tina, gustav), (gustav, tina)):
        assert "time" in sender.ask("image", {"room": room, "type": "image/png", "image": image})
        heard = other.argument("image")
        assert heard["image"] == image and heard["type"] == "image/png"


def test_a_text_of_many_letters(arrive, transports):
    tina, gustav, room = arrive(transports=transports), arrive("Gustav", transports), new_room()
    for each in (tina, gustav):
        each.ask("join room", room)
    text = "ü" * 2000
    tina.ask("message", {"room": room, "text": text})
    assert gustav.argument("message")["text"] == text


# ---- namespaces ----

def as_tina(socket):
    return socket.namespace("/admin", {"username": "tina", "password": "secret of tina"})


def test_namespaces_share_a_connection(arrive, transports):
    ann, room = arrive("Ann", transports), new_room()
    ann.ask("join room", room)
    panel = as_tina(ann)
    assert panel.connected()["id"] != ann.id, "each namespace is a session of its own"
    assert panel.state()["engine_id"] == ann.state()["engine_id"]
    online = panel.ask("who is online")
    assert {"id": ann.id, "name": "Ann", "rooms": [room]}.items() <= next(each for each in online if each["id"] == ann.id).items()
    gustav = arrive("Gustav", transports)
    gone = gustav.id
    eventually(lambda: panel.argument("online")["id"] == gone, 10, "Gustav is seen")
    gustav.close()
    eventually(lambda: panel.argument("offline")["id"] == gone, 10, "and that he has left")
    panel.close()
    assert panel.disconnected() == "io client disconnect"
    assert ann.ask("leave room", room) == {"room": room}, "the other namespace goes on"


def test_who_is_kicked_is_told_and_stays_away(arrive):
    ann = arrive("Ann")
    panel = as_tina(arrive("Gustav"))
    panel.connected()
    assert panel.ask("kick", {"id": ann.id, "reason": "too loud"})["name"] == "Ann"
    told = ann.argument("bester")
    assert told["notice"] == "disconnected" and told["reason"] == "too loud"
    assert ann.disconnected() == "io server disconnect"
    assert ann.state()["active"] is False, "the client does not come back by itself"
    assert panel.error("kick", {"id": "nobody", "reason": "x"}) == "nobody_there"


def test_a_namespace_that_does_not_let_one_in(arrive):
    ann = arrive("Ann")
    panel = ann.namespace("/admin", {"username": "gustav", "password": "secret of gustav"})
    refusal = panel.refused()
    assert refusal["message"] == "forbidden" and refusal["data"]["code"] == "forbidden"
    wrong = arrive("Gustav").namespace("/admin", {"username": "tina", "password": "wrong"})
    assert wrong.refused()["data"]["code"] == "authentication_failed"
    assert "members" in ann.ask("join room", new_room()), "the connection goes on"


def test_names_of_accounts(arrive):
    tina = arrive("Somebody", auth={"username": "tina", "password": "secret of tina"})
    joined = tina.ask("join room", new_room())
    assert joined["members"][0]["name"] == "tina" and joined["members"][0]["user"] == "tina"
