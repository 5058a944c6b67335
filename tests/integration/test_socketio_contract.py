"""What handlers see of Socket.IO clients, and what clients hear of handlers: proto-docs/socketio.md, row by row, with the
real client and a handler that does what it is told."""
import json

import pytest

import eventually as waiting
from broker import python_handler
from client import is_delivery
from eventually import eventually
from socketio import BOTH, POLLING, WEBSOCKET, binary, clients, listener  # noqa: F401
from tokens import SECRET, token
from websocket_clients import port_of

NAMESPACES = {"/": "echo", "/other": "echo", "/admin": "panel", "/nowhere": "weather"}
PERMISSIONS = [{"types": ["panel"], "users": ["tina"]}, {"types": ["slow"], "users": ["*"], "anonymous": True, "rate": 1, "per": "60s", "burst": 1},
               {"types": ["*"], "users": ["*"], "anonymous": True}]


@pytest.fixture(scope="module")
def shared(make_broker, tmp_path_factory):
    secret = tmp_path_factory.mktemp("tokens") / "secret"
    secret.write_text(SECRET)
    secret.chmod(0o600)
    handlers = {"echo": python_handler("--events", "clients", types=["echo", "panel", "slow"])}
    both = ["jwt", "accounts", "anonymous"]
    listeners = [listener(authentication=both, namespaces={**NAMESPACES, "/slow": "slow"}, recovery="0s"),
                 {**listener("closed", authentication=["jwt", "accounts"]), "paths": {"/socket.io/": {
                     "frames": "socketio", "namespaces": {"/": "echo"}, "authentication": ["jwt", "accounts"]}}},
                 {"name": "v4", "address": "127.0.0.1:0", "authentication": ["accounts", "anonymous"]}]
    with make_broker(handlers=handlers, listeners=listeners, permissions=PERMISSIONS,
                     tokens={"test": {"algorithms": ["HS256"], "key_file": str(secret), "clock_skew": "0s"}}) as broker:
        yield broker


@pytest.fixture
def arrive(clients, broker):
    """arrive(transports, …): somebody at the namespace /, or as the options say."""
    opened = []

    def make(transports=WEBSOCKET, at="edge", **options):
        socket = clients.open(f"http://127.0.0.1:{port_of(broker, at)}", transports, **options)
        opened.append(socket)
        return socket
    yield make
    for socket in opened:
        socket.leave()


@pytest.fixture
def tina(arrive):
    socket = arrive(auth={"username": "tina", "password": "secret of tina"})
    socket.connected()
    return socket


@pytest.fixture
def echo(broker):
    """A client of the client protocol, in the same broker."""
    return broker.client("gustav")


def told(echo, *commands):
    return echo.request("echo", {"do": list(commands)}, 10)[1]


# ---- events and acknowledgements ----

@pytest.mark.parametrize("transports", [POLLING, WEBSOCKET, BOTH], ids=["polling", "websocket", "both"])
def test_an_event_is_data_byte_for_byte(arrive, transports):
    socket = arrive(transports)
    me = socket.connected()["id"]
    frame = socket.ask("script", {"act": "envelope", "more": [1.0, "ü\u2028", None]})["frame"]
    assert frame["data"] == ["script", {"act": "envelope", "more": [1, "ü\u2028", None]}]
    assert frame["type"] == "echo" and frame["request"] is True and frame["from"]["session"] == me
    socket.emit("script", {"act": "hold", "text": "no request"})
    assert {"act": "hold", "text": "no request"} in socket.ask_all("script", {"act": "seen"})
    assert socket.ask("script", {"act": "release"}) == "released"


def test_what_an_acknowledgement_says(tina):
    for data, arguments in (([1, "two", None], [1, "two", None]), ([], []), ({"a": 1}, [{"a": 1}]), ("text", ["text"]), (None, [None]),
                            ([["ev", 1]], [["ev", 1]]), (7, [7])):
        assert tina.ask_all("script", {"do": [{"command": "reply", "data": data}]}) == arguments
    assert tina.ask_all("script", {"act": "none"}) == []
    assert tina.ask_all("anything", 1, "two", None) == ["anything", 1, "two", None], "an array of an echo"


def test_numbers_and_letters_arrive_as_the_handler_wrote_them(tina):
    assert tina.ask("script", {"act": "exact", "text": '{"big":1e300,"small":-0.0,"text":"\\u00fc\\ud83d\\udc4b"}'}) \
        == {"big": 1e300, "small": 0, "text": "ü👋"}


def test_an_error_is_the_one_argument(tina):
    (answer,) = tina.ask_all("script", {"act": "refuse", "error": {"code": "no_such_user", "reason": "gustav has moved"}})
    assert answer == {"error": {"code": "no_such_user", "reason": "gustav has moved"}}
    answer = tina.ask("script", {"act": "refuse", "error": {"code": "later", "reason": "now not", "temporary": True}})
    assert answer["error"]["temporary"] is True


def test_an_event_that_fails_without_an_acknowledgement_leaves_the_session(tina):
    tina.emit("script", {"act": "refuse", "error": {"code": "no", "reason": "no"}})
    assert tina.ask("still there") == "still there"
    assert tina.drain() == []


def test_a_type_without_a_handler_is_said_in_the_acknowledgement(tina):
    lost = tina.namespace("/nowhere")
    lost.connected()
    assert lost.error("hello") == "no_handler"
    lost.close()


def test_rates_of_permissions(arrive):
    slow = arrive(namespace="/slow")
    slow.connected()
    assert slow.ask("one") == "one"
    answer = slow.ask("two")["error"]
    assert answer["code"] == "rate_limited" and answer["temporary"] is True and answer["retry_after_ms"] > 1000


def test_a_reply_comes_before_what_follows(tina):
    me = tina.id
    commands = [{"command": "reply", "data": "first"}] + [{"command": "sendClients", "sessions": [me], "data": ["ev", n]} for n in range(20)]
    assert tina.ask("script", {"do": commands}) == "first"
    assert [tina.argument("ev") for _ in range(20)] == list(range(20))


# ---- deliveries ----

def test_a_delivery_that_is_an_event_and_one_that_is_not(tina, echo):
    for delivery, event in (({"data": ["ev", 1, "two"]}, ("ev", [1, "two"])),
                            ({"data": ["alone"]}, ("alone", [])),
                            ({"data": {"text": "Hallo"}}, ("echo", [{"text": "Hallo"}])),
                            ({"data": [1, 2]}, ("echo", [[1, 2]])),
                            ({"data": []}, ("echo", [[]])),
                            ({"data": "text"}, ("echo", ["text"])),
                            ({"data": None}, ("echo", [None])),
                            ({"data": ["ev", 1], "type": "news"}, ("news", [["ev", 1]])),
                            ({"data": 5, "type": "we\"ird"}, ('we"ird', [5]))):
        assert told(echo, {"command": "sendClients", "users": ["tina"], **delivery})["payload"]["delivered"] == 1
        name, arguments = event
        assert tina.next() == {"event": name, "arguments": arguments, "offset": None}


def test_groups_are_rooms(arrive):
    hearers = [arrive() for _ in range(3)]
    for each in hearers:
        each.connected()
        each.ask_all("script", {"do": [{"command": "join", "group": "room.x"}]})
    hearers[0].ask_all("script", {"do": [{"command": "sendGroup", "group": "room.x", "data": ["ev", {"n": 1}], "except": [hearers[0].id]}]})
    assert [each.argument("ev") for each in hearers[1:]] == [{"n": 1}] * 2
    hearers[1].ask_all("script", {"do": [{"command": "leave", "group": "room.x"}]})
    hearers[0].ask_all("script", {"do": [{"command": "sendGroup", "group": "room.x", "data": ["ev", 2]}]})
    assert hearers[0].argument("ev") == hearers[2].argument("ev") == 2
    hearers[1].ask("last")
    assert hearers[1].drain() == []


def test_clients_of_all_protocols_hear_one_another(tina, echo):
    tina.ask_all("script", {"do": [{"command": "sendClients", "users": ["gustav"], "data": ["ev", 1]}]})
    frame = echo.delivery()
    assert is_delivery(frame) and frame["payload"]["data"] == ["ev", 1]


# ---- bytes ----

@pytest.mark.parametrize("transports", [POLLING, WEBSOCKET, BOTH], ids=["polling", "websocket", "both"])
@pytest.mark.parametrize("size", [0, 1, 2, 3, 100_000])
def test_bytes_are_base64_in_the_data_both_ways(arrive, transports, size):
    socket = arrive(transports)
    socket.connected()
    data = binary(bytes(number % 251 for number in range(size)))
    frame = socket.ask("script", {"act": "envelope", "deep": [{"file": data}, "text"]})["frame"]
    assert frame["data"][1]["deep"] == [{"file": data}, "text"], "echoed as bytes, in their place"
    assert socket.ask_all("picture", data, "and", [data, {"a": data}]) == ["picture", data, "and", [data, {"a": data}]]
    me = socket.id
    socket.ask_all("script", {"do": [{"command": "sendClients", "sessions": [me], "data": ["ev", data, 1, {"b": [data]}]}]})
    assert socket.arguments("ev") == [data, 1, {"b": [data]}]


def test_bytes_that_are_none_stay_what_they_are(tina):
    """What looks like an attachment but is not base64, or not alone, is an object like any other."""
    for text in ('{"_binary":1}', '{"_binary":"AA==","more":1}', '{"x":"_binary"}'):
        (answer,) = tina.ask_all("script", {"act": "exact", "text": text})
        assert answer == json.loads(text) or "_binary" in answer


# ---- namespaces and who is let in ----

def test_namespaces_are_sessions_of_their_own(broker, arrive):
    first = arrive(auth={"username": "tina", "password": "secret of tina"}, query={"color": "blue", "x": "a b"})
    first.connected()
    other = first.namespace("/other", {"username": "gustav", "password": "secret of gustav"})
    other.connected()
    assert first.id != other.id
    names = [each.ask("script", {"act": "envelope"})["frame"]["from"]["user"] for each in (first, other)]
    assert names == ["tina", "gustav"]
    events = {frame["session"]: frame for _, frame in first.ask_all("script", {"act": "records", "kinds": ["event"]})
              if frame.get("event") == "connected"}
    for socket, namespace in ((first, "/"), (other, "/other")):
        event = events[socket.id]
        assert event["path"] == "/socket.io/" and event["namespace"] == namespace
        assert sorted(event["query"].split("&")) == ["color=blue", "x=a%20b"]
    gone = other.id
    other.close()
    def is_told():
        return any(frame.get("event") == "disconnected" and frame["session"] == gone
                   for _, frame in first.ask_all("script", {"act": "records", "kinds": ["event"]}))
    eventually(is_told, 10, "the handler hears of the farewell")
    assert first.ask("still there") == "still there"


def test_who_may_not_send_the_type_is_not_let_in(arrive):
    anonymous = arrive(namespace="/admin").refused()
    assert anonymous["message"] == anonymous["data"]["code"] == "forbidden" and anonymous["data"]["reason"]
    tina = arrive(namespace="/admin", auth={"username": "tina", "password": "secret of tina"})
    tina.connected()
    assert tina.ask("hello") == "hello"


def test_a_namespace_that_is_not_there(tina):
    refusal = tina.namespace("/not-configured").refused()
    assert refusal["message"] == "unknown_namespace"
    assert tina.ask("still there") == "still there"


@pytest.mark.parametrize("auth,code", [({"username": "tina", "password": "wrong"}, "authentication_failed"),
                                       ({"token": "nonsense"}, "token_invalid"), ({}, "authentication_required")])
def test_who_is_not_let_in_is_told_why(arrive, auth, code):
    refusal = arrive(at="closed", auth=auth).refused()
    assert refusal["message"] == refusal["data"]["code"] == code and refusal["data"]["reason"]


def test_an_expired_token(arrive):
    assert arrive(at="closed", auth={"token": token("tina", lifetime=-5)}).refused()["data"]["code"] == "token_expired"


def test_tokens_and_those_without(arrive):
    with_token = arrive(at="closed", auth={"token": token("tina")})
    with_token.connected()
    assert with_token.ask("script", {"act": "envelope"})["frame"]["from"]["user"] == "tina"
    anonymous = arrive()
    anonymous.connected()
    assert len(anonymous.ask("script", {"act": "envelope"})["frame"]["from"]["user"]) == 36


def test_who_was_refused_may_try_again_with_other_credentials(arrive):
    socket = arrive(at="closed", auth={"token": "nonsense"})
    socket.refused()
    socket.call("set_auth", {"token": token("tina")})
    socket.call("connect")
    socket.connected()
    assert socket.ask("hello") == "hello"


# ---- notices of the broker ----

def test_a_token_about_to_expire_is_renewed(arrive):
    socket = arrive(at="closed", auth={"token": token("tina", lifetime=8 * waiting.slowness)})
    socket.connected()
    notice = socket.argument("bester")
    assert notice["notice"] == "token_expires" and 0 < notice["in_ms"] <= 8000 * waiting.slowness
    assert "error" not in (socket.ask_all("bester", {"token": token("tina", lifetime=100)}) or [{}])[0]
    (answer,) = socket.ask_all("bester", {"token": token("gustav")})
    assert "error" in answer, "of another user"
    assert socket.ask("hello") == "hello"


def test_the_session_ends_with_the_token(arrive):
    socket = arrive(at="closed", auth={"token": token("tina", lifetime=2 * waiting.slowness)})
    socket.connected()
    assert socket.argument("bester")["notice"] == "token_expires"
    told = socket.argument("bester")
    assert told["notice"] == "disconnected" and told["code"] == "session_expired"
    assert socket.disconnected() == "io server disconnect"


def test_a_handler_sends_somebody_away(tina, echo):
    told(echo, {"command": "disconnect", "users": ["tina"], "reason": "enough"})
    notice = tina.argument("bester")
    assert notice == {"notice": "disconnected", "code": "disconnected", "reason": "enough"}
    assert tina.disconnected() == "io server disconnect"
    tina.call("connect")
    tina.connected()


def test_the_status_counts_sessions(broker, tina):
    assert broker.status()["sessions"] >= 1
