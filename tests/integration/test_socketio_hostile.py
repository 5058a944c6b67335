"""Socket.IO paths byte by byte: invalid input, clients that read nothing, and clients that must be refused."""
import json
import socket as sockets
import threading
import time

import pytest

import eventually as waiting
import websocket_stream as ws
from broker import python_handler
from client import Closed
from eventually import eventually
from raw_websocket import Raw
from socketio import PATH, Polling, error_of, listener
from websocket_clients import port_of

BINARY = 2
UPGRADE = PATH + "?EIO=4&transport=websocket"
# So that the tests need not wait for what clients wait for.
LIMITS = {"keepalive_idle": "1s", "keepalive_timeout": "1s", "unanswered": 16, "message_size": "64KiB", "queue_bytes": "256KiB"}


def edges():
    return [listener("edge", namespaces={"/": "echo", "/other": "echo"}, authentication=["anonymous"]),
            listener("cors", namespaces={"/": "echo"}, authentication=["anonymous"], origins=["https://app.example.org", "https://*.example.com"]),
            listener("anyone", namespaces={"/": "echo"}, authentication=["anonymous"], origins=["*"])]


@pytest.fixture(scope="module")
def patient(make_broker):
    with make_broker(handlers={"echo": python_handler()}, listeners=edges(), limits={**LIMITS, "keepalive_idle": "25s"}) as running:
        yield running


@pytest.fixture(scope="module")
def shared(make_broker):
    with make_broker(handlers={"echo": python_handler()}, listeners=edges(), limits=LIMITS) as running:
        yield running


@pytest.fixture
def calm(patient, shared_log):
    """One that does not send pings while a test looks elsewhere."""
    shared_log(patient)
    yield patient
    patient.close_clients()


def polling(broker, name="edge", **headers):
    return Polling(f"http://127.0.0.1:{port_of(broker, name)}", **headers)


class Engine(Raw):
    """A WebSocket of Engine.IO without a client behind it."""

    def __init__(self, broker, name="edge", target=UPGRADE, **headers):
        super().__init__(broker, name, open=target, **headers)

    def packet(self):
        kind, payload = self.next()
        assert kind in (0x81, 0x82), (kind, payload)
        return payload.decode() if kind == 0x81 else payload

    def say(self, text, kind=ws.TEXT):
        self.send(ws.frame(kind, text if isinstance(text, bytes) else text.encode()))

    def enter(self, namespace=""):
        self.opened = json.loads(self.packet()[1:])
        place = f"{namespace}," if namespace else ""
        self.say(f"40{place}")
        return json.loads(self.packet()[2 + len(place):])

    def is_ended(self):
        """Whatever comes before the end is passed over."""
        try:
            while self.next()[0] != 0x88:
                pass
        except (Closed, ConnectionError):
            pass
        return True


# ---- the handshake ----

def test_what_the_open_packet_says(calm):
    told = polling(calm).open()
    assert told["upgrades"] == ["websocket"] and told["pingInterval"] == 25000 and told["pingTimeout"] == 1000
    assert told["maxPayload"] == 65536 and told["sid"]
    raw = Engine(calm)
    told = json.loads(raw.packet()[1:])
    assert told["upgrades"] == []


@pytest.mark.parametrize("method,query,code,status", [
    ("GET", "EIO=3&transport=polling", 5, 400),
    ("GET", "transport=polling", 5, 400),
    ("GET", "EIO=4&transport=flash", 0, 400),
    ("GET", "EIO=4", 0, 400),
    ("GET", "EIO=4&transport=polling&sid=unknown", 1, 400),
    ("POST", "EIO=4&transport=polling&sid=unknown", 1, 400),
    ("POST", "EIO=4&transport=polling", 2, 400),
    ("GET", "EIO=4&transport=websocket", 3, 400),
    ("GET", "", None, 400),
    ("GET", "EIO=4&EIO=3&transport=polling&sid=%00%ff", None, 400),
    ("GET", "&&&=&=4&EIO", None, 400),
])
def test_requests_that_are_none(calm, method, query, code, status):
    answered, headers, body = polling(calm).request(method, query, b"40" if method == "POST" else None)
    assert answered == status, body
    told, words = error_of(body)
    assert words and (code is None or told == code), body
    assert headers["content-type"].startswith("application/json")


def test_other_methods_and_paths(calm):
    raw = polling(calm)
    for method in ("PUT", "DELETE", "PATCH"):
        assert raw.request(method, "EIO=4&transport=polling")[0] in (400, 405, 501)
    assert Polling(f"http://127.0.0.1:{port_of(calm, 'edge')}", path="/elsewhere/").request("POST", "EIO=4&transport=polling", b"x")[0] in (404, 405, 413)


def test_a_query_of_many_kilobytes(calm):
    status, _, _ = polling(calm).request("GET", "EIO=4&transport=polling&x=" + "y" * 20000)
    assert status in (414, 431)
    assert polling(calm).enter()["sid"]


# ---- origins ----

@pytest.mark.parametrize("name,origin,is_in", [("cors", "https://app.example.org", True), ("cors", "https://a.example.com", True),
                                              ("cors", "https://evil.example.net", False), ("cors", "null", False),
                                              ("anyone", "https://evil.example.net", True), ("edge", "https://app.example.org", False)])
def test_pages_from_elsewhere(calm, name, origin, is_in):
    status, headers, body = polling(calm, name, Origin=origin).request("GET", "EIO=4&transport=polling")
    assert status == (200 if is_in else 403)
    if is_in:
        assert headers["access-control-allow-origin"] == origin or (name == "anyone" and headers["access-control-allow-origin"] == "*")
        if headers["access-control-allow-origin"] != "*":
            assert "origin" in headers["vary"].lower(), "caches keep the answers of origins apart"
    else:
        assert error_of(body)[0] == 4 and "access-control-allow-origin" not in headers
    raw = Raw(calm, name)
    raw.send(ws.request(UPGRADE, Origin=origin))
    assert raw.read_head().startswith("HTTP/1.1 101 " if is_in else "HTTP/1.1 403 ")


def test_a_preflight(calm):
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
    status, headers, _ = polling(calm, "cors", Origin="https://app.example.org").request("OPTIONS", "EIO=4&transport=polling", headers=asked)
    assert status in (200, 204) and headers["access-control-allow-origin"] == "https://app.example.org"
    assert "POST" in headers["access-control-allow-methods"] and "content-type" in headers["access-control-allow-headers"].lower()
    status, headers, _ = polling(calm, "cors", Origin="https://evil.example.net").request("OPTIONS", "EIO=4&transport=polling", headers=asked)
    assert "access-control-allow-origin" not in headers


def test_the_listeners_own_page(calm):
    host = f"127.0.0.1:{port_of(calm, 'edge')}"
    assert polling(calm, Origin=f"http://{host}").open()["sid"]


# ---- polling ----

def test_an_echo_by_hand(calm):
    raw = polling(calm)
    assert raw.enter()["sid"] != raw.sid
    assert raw.post('421["hello",1]', '422["again"]') == 200
    found = []
    while len(found) < 2:
        found += raw.poll()
    assert found == ['431["hello",1]', '432["again"]']
    assert raw.enter("/other")["sid"]


def test_two_polls_at_once(calm):
    raw = polling(calm)
    raw.enter()
    answers = []
    waiters = [threading.Thread(target=lambda: answers.append(raw.poll())) for _ in range(2)]
    for each in waiters:
        each.start()
    eventually(lambda: 400 in answers, 10, lambda: f"one of them is refused: {answers}")
    if not raw.is_gone():
        raw.post('42["hello"]')
    for each in waiters:
        each.join(20 * waiting.slowness)
    assert len(answers) == 2
    assert ["1"] in answers, "the poll that waited is told that the session is over"


def test_a_client_that_closes_gets_its_poll_back(calm):
    raw = polling(calm)
    raw.enter()
    answers = []
    waiter = threading.Thread(target=lambda: answers.append(raw.poll()))
    waiter.start()
    other = polling(calm)
    other.enter()  # meanwhile the poll has come, as a rule
    raw.post("1")
    waiter.join(20 * waiting.slowness)
    assert answers in ([["6"]], [400])
    assert raw.is_gone()


def test_a_post_that_is_too_large(calm):
    raw = polling(calm)
    raw.enter()
    status, _, _ = raw.request("POST", raw.query, b"42" + b"x" * (1 << 17))
    assert status == 413
    assert polling(calm).enter()["sid"]


@pytest.mark.parametrize("body", [b"", b"\x1e", b"9", b"z", b"\x1e\x1e\x1e", b"b", b"bA", b"b!!!!", b"\xff\xfe", b"4", b"49", b"4{", b"42", b"42{",
                                  b'42["a"', b'42["a"]x', b"42[1]", b"42[]", b'42{"a":1}', b"42null", b'4299999999999999999999["a"]', b"41/nowhere",
                                  b"42/nowhere,[\"a\"]", b"43", b'43["a"]', b'439999["a"]', b"44", b'40{"a":', b"40[]", b"45", b'451-["a"]',
                                  b'45-["a",{"_placeholder":true,"num":0}]', b'4599999-["a"]', b'451-["a",{"_placeholder":true,"num":7}]',
                                  b'451-["a",{"_placeholder":true,"num":0}]\x1e42["a"]', b'46', b'42["' + b'[' * 5000, b"42" + b"[" * 5000,
                                  b'40/' + b"x" * 5000 + b",", b"0{}", b"5", b"6", b"2probe", b"3probe"])
def test_packets_that_are_none_end_nobody_else(calm, body):
    bystander, raw = polling(calm), polling(calm)
    bystander.enter()
    raw.enter()
    status, _, _ = raw.request("POST", raw.query, body)
    assert status in (200, 400), status
    bystander.post('421["still here"]')
    assert bystander.until("431") == '431["still here"]'


def test_what_breaks_the_protocol_ends_the_session(calm):
    for body in (b"9", b"b!!!!", b"47", b'42{"a":1}', b'451-["a",{"_placeholder":true,"num":0}]\x1e42["a"]'):
        raw = polling(calm)
        raw.enter()
        raw.request("POST", raw.query, body)
        eventually(raw.is_gone, 10, f"the session that sent {body!r} is over")


def test_events_before_a_log_in(calm):
    raw = polling(calm)
    raw.open()
    raw.post('421["hello"]')
    other = Engine(calm)
    other.packet()
    other.say('421["hello"]')
    assert polling(calm).enter()["sid"]


def test_a_sid_is_no_other_ones(calm):
    """Ids are random, long, and another one for each namespace."""
    seen = set()
    for _ in range(20):
        raw = polling(calm)
        session = raw.enter()["sid"]
        assert len(raw.sid) >= 16
        seen |= {raw.sid, session}
    assert len(seen) == 40


# ---- WebSocket ----

@pytest.mark.parametrize("text", ["", "9", "z", "4", "49", "42", '42["a"', "42[1]", '42{"a":1}', "45", '4565-["a"]', '451-["a",{"_placeholder":true,"num":3}]',
                                  "6", "5", "0"])
def test_frames_that_are_none(calm, text):
    bystander, raw = Engine(calm), Engine(calm)
    bystander.enter()
    raw.enter()
    raw.say(text)
    bystander.say('421["still here"]')
    assert bystander.packet() == '431["still here"]'


def test_bytes_that_nobody_announced_end_the_session(calm):
    raw = Engine(calm)
    raw.enter()
    raw.say(b"\x00\x01", BINARY)
    assert raw.is_ended()


def test_bytes_that_never_come_are_no_memory(calm):
    """A packet whose attachments do not come holds up its own session, and that one alone."""
    raw = Engine(calm)
    raw.enter()
    raw.say('451-["a",{"_placeholder":true,"num":0}]')
    raw.say('42["a text in between"]')
    assert raw.is_ended()


def test_too_much_at_once(calm):
    raw = Engine(calm)
    raw.enter()
    raw.say("42[\"" + "x" * 70000 + "\"]")
    assert raw.is_ended()
    attached = Engine(calm)
    attached.enter()
    attached.say('453-["a",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1},{"_placeholder":true,"num":2}]')
    for _ in range(3):
        attached.say(bytes(60000), BINARY)
    assert attached.is_ended()


def test_thousands_of_namespaces(calm):
    raw = Engine(calm)
    raw.packet()
    before = calm.resident_bytes()
    for number in range(3000):
        raw.say(f"40/n{number},")
    raw.say("40")
    try:
        answers = []
        while not answers or not answers[-1].startswith('40{"sid"'):
            answers.append(raw.packet())
        assert sum(each.startswith("44/n") for each in answers) == 3000
    except (Closed, ConnectionError, AssertionError):
        pass  # cut off is as good
    for _ in range(2000):
        try:
            raw.say("40")
        except OSError:
            break
    assert polling(calm).enter()["sid"]
    assert waiting.slowness > 1 or calm.resident_bytes() - before < 16 << 20


def test_many_handshakes_without_a_log_in(make_broker):
    with make_broker(handlers={"echo": python_handler()}, listeners=edges(), limits={"authentication_timeout": "1s"}) as broker:
        waits = [polling(broker) for _ in range(100)]
        for each in waits:
            each.open()
        eventually(lambda: all(each.is_gone() for each in waits), 20, "who does not log in is gone")


# ---- the upgrade ----

def upgrade(broker, raw):
    return Engine(broker, target=f"{UPGRADE}&sid={raw.sid}")


def test_an_upgrade_by_hand(calm):
    raw = polling(calm)
    raw.enter()
    above = upgrade(calm, raw)
    above.say("2probe")
    assert above.packet() == "3probe"
    above.say("5")
    above.say('421["hello"]')
    assert above.packet() == '431["hello"]'


def test_an_upgrade_of_nothing(calm):
    raw = Raw(calm, "edge")
    raw.send(ws.request(UPGRADE + "&sid=unknown"))
    assert raw.read_head().startswith("HTTP/1.1 400 ")


@pytest.mark.parametrize("first", ["3probe", "2", '42["a"]', "5", "1", "x", ""])
def test_upgrades_that_are_none(calm, first):
    raw = polling(calm)
    raw.enter()
    above = upgrade(calm, raw)
    above.say(first)
    assert above.is_ended()
    raw.post('421["hello"]')
    assert raw.until("431") == '431["hello"]', "the session that polls goes on"


def test_an_upgrade_that_is_begun_and_left(calm):
    raw = polling(calm)
    raw.enter()
    above = upgrade(calm, raw)
    above.say("2probe")
    assert above.packet() == "3probe"
    above.close()
    raw.post('421["hello"]')
    assert raw.until("431") == '431["hello"]'


def test_two_upgrades_of_one_session(calm):
    raw = polling(calm)
    raw.enter()
    first = upgrade(calm, raw)

    def refused():
        second = Raw(calm, "edge")
        second.send(ws.request(f"{UPGRADE}&sid={raw.sid}"))
        return second.read_head().startswith("HTTP/1.1 400 ")
    assert refused(), "while one is under way"
    first.say("2probe")
    first.packet()
    first.say("5")
    first.say('421["hello"]')
    assert first.packet() == '431["hello"]'
    assert refused(), "and after it"


# ---- silence ----

def test_who_answers_no_ping_is_gone(broker):
    raw = polling(broker)
    raw.enter()
    assert raw.poll() == ["2"]
    eventually(raw.is_gone, 10, "the silent session is over")
    above = Engine(broker)
    above.enter()
    assert above.packet() == "2"
    assert above.is_ended()


def test_who_answers_pings_stays(broker):
    above = Engine(broker)
    above.enter()
    began = time.monotonic()
    while time.monotonic() - began < 4:
        assert above.packet() == "2"
        above.say("3")
    above.say('421["hello"]')
    assert above.packet() == '431["hello"]'


# ---- limits ----

def test_more_unanswered_than_allowed_waits(calm):
    """With 16 unanswered, what more comes is not read before there is room: nothing is lost."""
    raw = Engine(calm)
    raw.enter()
    for number in range(40):
        raw.say(f'42{number}["script",{{"act":"hold"}}]')
    other = Engine(calm)
    other.enter()
    found = []
    while len(found) < 40:
        other.say('421["script",{"act":"release"}]')
        assert other.packet() == '431["released"]'
        raw.socket.settimeout(0.2)
        try:
            while True:
                found.append(raw.packet())
        except (TimeoutError, sockets.timeout):
            raw.socket.settimeout(20 * waiting.slowness)
    assert sorted(int(each[2:each.index("[")]) for each in found) == list(range(40))


def test_who_does_not_read_is_cut_off(calm):
    """Each is held to its bound, whichever the transport is; the others hear on."""
    slow, reader = polling(calm), Engine(calm)
    me = slow.enter()["sid"]
    reader.enter()
    data = "x" * 30000
    # It has polled lately, so 16 times limits.queue_bytes may wait for it.
    for number in range(160):
        reader.say(f'42{number}["script",{{"do":[{{"command":"sendClients","sessions":["{me}"],"data":["ev","{data}"]}}]}}]')
        assert reader.packet() == f"43{number}[]"
    eventually(slow.is_gone, 10, "the session that does not poll is over")
    assert calm.counters()["slow_consumers"] >= 1


# ---- log-ins that nobody waits for, and events that are acknowledged again ----

def test_guesses_whose_senders_are_gone_count_all_the_same(make_broker):
    """A log-in that the client takes back before it is decided was a guess."""
    edge = listener("edge", namespaces={"/": "echo"}, authentication=["accounts"])
    guess = '40{"username":"tina","password":"guess%d"}'
    with make_broker(listeners=[edge], login={"user_failures": 10, "first_wait": "1h"}) as broker:
        engines = [Engine(broker) for _ in range(12)]
        for number, engine in enumerate(engines):
            engine.packet()
            engine.say(guess % number)
            if number % 2:
                engine.say("41")
            else:
                engine.socket.close()
        answers = []
        # These wait behind the others, of which the last two may still be looked at.
        for number in range(100, 104):
            engine = Engine(broker)
            engine.packet()
            engine.say(guess % number)
            answers.append(engine.packet())
        assert "login_throttled" in answers[-1], answers


def test_an_event_is_acknowledged_once(calm):
    engine = Engine(calm)
    engine.enter()
    twice = json.dumps({"do": [{"command": "reply", "data": [1]}, {"command": "reply", "data": [2]}]})
    for number in range(3):
        engine.say(f'42{number}["script",{twice}]')
        assert engine.packet() == f"43{number}[1]"
    engine.say('427["script",{"do":[]}]')
    assert engine.packet() == "437[]"
