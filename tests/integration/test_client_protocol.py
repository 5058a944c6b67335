"""proto-docs/client.md, line by line, over every transport."""
import json
import re
import socket
import struct

import pytest

import frames
from client import is_delivery, is_good, is_status, login_frame, password_of
from broker import python_handler
from eventually import eventually


@pytest.fixture(scope="module")
def shared(make_broker):
    """Tests that change nothing for the next one share a broker."""
    with make_broker(handlers={"echo": python_handler(), "other": python_handler(types=["other", "weather"])},
                     limits={"message_size": "64KiB", "json_depth": 16}) as running:
        yield running


@pytest.fixture
def connect(broker, transport):
    return lambda user=None, **more: broker.client(user, transport, **more)


# ---- the first message ----

def test_a_good_log_in_says_who_one_is(connect):
    c = connect()
    c.send_frame(login_frame("tina"))
    assert c.receive() == {"header": {"messageType": "statusReport", "status": "good"},
                           "payload": {"id": "auth_special", "user": "tina"}}
    c.expect_nothing_before_ping()


@pytest.mark.parametrize("user, password", [("tina", "wrong"), ("nobody", "x"), ("tina", ""), ("", ""),
                                            ("a b", "x"), ("tina\x00", "x"), ("x" * 65, "x"), ("tina", "x" * 5000)])
def test_a_bad_log_in_is_refused_and_closed(connect, user, password):
    c = connect()
    c.send_frame(login_frame(user, password))
    c.bad("auth_special", "authentication_failed")
    assert c.expect_closed() == []


def test_an_unknown_user_and_a_wrong_password_look_the_same(connect):
    reports = []
    for user in ("tina", "nobody"):
        c = connect()
        c.send_frame(login_frame(user, "wrong"))
        reports.append(c.receive())
    assert reports[0] == reports[1]


def test_no_authentication_is_refused_where_accounts_are_required(connect):
    for header in ({"scope": "client"}, {}, None):
        c = connect()
        c.send_frame({"header": header, "payload": {"type": "dummy"}} if header is not None else {"payload": {"type": "dummy"}})
        c.bad("auth_special", "authentication_required")
        assert c.expect_closed() == []


@pytest.mark.parametrize("authentication", [{"token": "abc"}, {}, {"username": "tina"}, {"password": "x"}, "tina", 7,
                                            {"username": 1, "password": "x"}])
def test_other_authentication_is_unsupported(connect, authentication):
    c = connect()
    c.send_frame({"header": {"authentication": authentication}, "payload": {"type": "dummy"}})
    c.bad("auth_special", "authentication_unsupported")
    assert c.expect_closed() == []


def test_accounts_are_unsupported_where_only_anonymous_is_taken(broker):
    c = broker.client(None, "open")
    c.send_frame(login_frame("tina"))
    c.bad("auth_special", "authentication_unsupported")


def test_anonymous_sessions_have_names_of_their_own(broker):
    names = {broker.client(None, "open").log_in_anonymously() for _ in range(5)}
    assert len(names) == 5
    for name in names:
        assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", name)


def test_the_servers_scope_is_not_taken_on_a_client_port(connect):
    c = connect()
    c.send_frame({"header": {"scope": "server"}, "payload": {"type": "echo", "data": 1}})
    c.bad("auth_special", "authentication_unsupported")
    c.expect_closed()


def test_a_first_frame_that_is_not_understood_is_answered_and_closed(connect):
    for body in (b"nonsense", b"[]", b'{"payload":{}}', b'{"header":{}}', b'{"payload":{"type":7}}'):
        c = connect()
        c.send_frame(body)
        c.bad("error_special", "bad_message")
        assert c.expect_closed() == []


def test_the_first_payload_is_handled_after_the_log_in(connect):
    c = connect()
    c.send_frame(login_frame("tina", type="echo", data={"first": True}, id="f"))
    assert c.receive()["payload"]["id"] == "auth_special"
    assert c.receive() == {"header": {"messageType": "receivedMessage"},
                           "payload": {"type": "echo", "data": {"first": True}, "id": "f"}}
    assert c.receive() == {"header": {"messageType": "statusReport", "status": "good"}, "payload": {"id": "f"}}


def test_a_first_dummy_with_an_id_is_a_ping(connect):
    c = connect()
    c.send_frame(login_frame("tina", id="p"))
    c.good("auth_special")
    assert c.receive() == {"header": {"messageType": "statusReport", "status": "good"}, "payload": {"id": "p"}}
    c.expect_nothing_before_ping()


def test_frames_may_be_sent_before_the_answer_to_the_log_in(connect):
    c = connect()
    batch = frames.encode(login_frame("tina"))
    for i in range(50):
        batch += frames.encode({"payload": {"type": "echo", "data": i, "id": str(i)}})
    c.send_bytes(batch)
    assert c.receive()["payload"]["id"] == "auth_special"
    assert [c.receive()["payload"]["id"] for _ in range(100)] == [str(i // 2) for i in range(100)]


def test_the_header_of_later_messages_is_ignored(connect):
    c = connect("tina")
    c.send("echo", 1, "a", header={"scope": "server", "authentication": {"username": "gustav", "password": "wrong"}})
    c.good("a")
    c.send("builtin", {"command": {"type": "whoami"}}, "w")
    assert c.data("builtin")["user"] == "tina"


# ---- messages, ids, deliveries, statuses ----

def test_every_id_gets_exactly_one_status_after_the_replies(connect):
    c = connect("tina")
    for i in range(20):
        c.send("echo", i, f"id {i}")
    came = [c.receive() for _ in range(40)]
    for i in range(20):
        assert is_delivery(came[2 * i]) and came[2 * i]["payload"] == {"type": "echo", "data": i, "id": f"id {i}"}
        assert is_status(came[2 * i + 1]) and came[2 * i + 1]["payload"] == {"id": f"id {i}"}
    c.expect_nothing_before_ping()


def test_without_an_id_there_is_no_status(connect):
    c = connect("tina")
    c.send("echo", "quiet")
    assert c.delivery()["payload"] == {"type": "echo", "data": "quiet"}
    c.send("nobody serves this", "x")
    c.send("echo", {"act": "refuse", "error": {"code": "no", "reason": "no"}})
    c.ask("echo", "all before was read")
    c.expect_nothing_before_ping()


def test_an_empty_id_a_null_id_and_odd_ids(connect):
    c = connect("tina")
    c.send_frame({"payload": {"type": "dummy", "id": None}})
    assert is_delivery(c.receive())
    for id in ("", "ü", '"', "\\", "\n", "x" * 128, "😀", "auth_special"):
        c.send("dummy", id=id)
        assert c.receive()["payload"]["id"] == id


def test_an_id_that_is_no_string_or_too_long_is_a_bad_message(connect):
    c = connect("tina")
    for id in (7, {}, True, "x" * 129):
        c.send_frame({"payload": {"type": "dummy", "id": id}})
        c.bad("error_special", "bad_message")
    c.expect_nothing_before_ping()


def test_the_same_id_twice_gets_two_statuses(connect):
    c = connect("tina")
    c.send("dummy", id="same")
    c.send("dummy", id="same")
    c.good("same")
    c.good("same")


def test_a_type_without_a_handler(connect):
    c = connect("tina")
    c.send("unheard-of", 1, "m2")
    status = c.bad("m2", "no_handler")
    assert status["header"]["error"] == {"code": "no_handler", "reason": 'no handler serves type "unheard-of"', "temporary": False}


def test_types_are_served_by_the_handler_that_declares_them(connect):
    c = connect("tina")
    for type in ("other", "weather"):
        replies, _ = c.request(type, {"act": "envelope"})
        assert replies[0]["payload"]["type"] == type
        assert replies[0]["payload"]["data"]["frame"]["type"] == type
        assert replies[0]["payload"]["data"]["instance"] == "other#0"


@pytest.mark.parametrize("text", ['{ "a" : 1.50 ,\t"b":[1e3, -0.0]}', '"\\u00fc \\/ ü"', "12345678901234567890123", "[]", " null "])
def test_data_arrives_byte_for_byte(connect, text):
    c = connect("tina")
    body = b'{"payload":{"type":"echo","id":"x","data":{"act":"exact","text":%s}}}' % json.dumps(text).encode()
    c.send_frame(body)
    while b'"receivedMessage"' not in (raw := read_raw_frame(c)):
        pass
    assert b'"data":' + text.strip().encode() in raw or b'"data":' + text.encode() in raw


def read_raw_frame(c):
    c.socket.settimeout(20)
    (length,) = struct.unpack("<I", receive_exactly(c.socket, 4))
    return receive_exactly(c.socket, length)


def receive_exactly(connection, size):
    data = b""
    while len(data) < size:
        part = connection.recv(size - len(data))
        assert part
        data += part
    return data


def test_unknown_fields_are_ignored(connect):
    c = connect()
    c.send_frame({"x": [1, {"y": 2}], "header": {"scope": "client", "color": "red",
                  "authentication": {"username": "tina", "password": password_of("tina"), "shoe": 43}},
                  "payload": {"type": "dummy", "id": "1", "priority": {"deep": [[[]]]}}})
    c.good("auth_special")
    c.good("1")


def test_left_out_data_is_null(connect):
    c = connect("tina")
    c.send_frame({"payload": {"type": "echo", "id": "n"}})
    assert c.delivery()["payload"] == {"type": "echo", "data": None, "id": "n"}


@pytest.mark.parametrize("body, id", [
    (b"nonsense", "error_special"), (b"{}", "error_special"), (b"[1]", "error_special"), (b"{\x00}", "error_special"),
    (b'{"payload":{"type":"echo","data":1}', "error_special"), (b'{"payload":{"type":"echo","data":01}}', "error_special"),
    (b'{"payload":{"type":"echo","data":"\xff"}}', "error_special"), (b'{"payload":{"type":"echo","data":nul}}', "error_special"),
    (b'{"payload":{"type":"echo","type":"echo"}}', "error_special"), (b'{"payload":{"type":"echo"}} {}', "error_special"),
    (b'{"payload":{"id":"i","data":1}}', "i"), (b'{"payload":{"id":"i","type":7}}', "i"), (b'{"payload":{"id":"i","type":""}}', "i"),
    (b'{"payload":{"id":"i","type":"a\\nb"}}', "i"), (b'{"payload":{"id":"i","type":"' + b"x" * 65 + b'"}}', "i"),
    (b'{"payload":{"type":"echo","data":' + b"[" * 40 + b"]" * 40 + b"}}", "error_special"),
])
def test_a_bad_message_is_refused_and_the_connection_stays(connect, transport, body, id):
    c = connect("tina")
    c.send_frame(body)
    if transport in ("web", "wss") and b"\xff" in body:   # no text of RFC 6455, which ends the connection
        c.bad("error_special", "bad_frame")
        assert c.expect_closed() == []
        return
    c.bad(id, "bad_message")
    c.expect_nothing_before_ping()


def test_a_frame_above_the_limit_is_refused_before_its_body_is_sent(connect):
    c = connect("tina")
    c.send_bytes(struct.pack("<I", 64 * 1024 + 1))
    c.bad("error_special", "too_large")
    assert c.expect_closed() == []


def test_a_frame_of_exactly_the_limit_is_taken(connect):
    c = connect("tina")
    body = b'{"payload":{"type":"dummy","id":"full","data":"%s"}}'
    c.send_frame(body % (b"x" * (64 * 1024 - len(body) + 2)))
    c.good("full")


@pytest.mark.parametrize("length", [0, 1])
def test_a_frame_below_two_bytes_is_a_bad_frame(connect, transport, length):
    if transport in ("web", "wss"):
        return   # a short text is a frame there, and no message
    c = connect("tina")
    c.send("dummy", id="before")
    c.send_bytes(struct.pack("<I", length))
    c.good("before")
    c.bad("error_special", "bad_frame")
    assert c.expect_closed() == []


def test_bad_frames_before_the_log_in(connect, transport):
    lengths = ((0, "bad_frame"), (0xFFFFFFFF, "too_large"))
    for length, code in lengths[transport in ("web", "wss"):]:   # an empty text is a frame there
        c = connect()
        c.send_bytes(struct.pack("<I", length))
        c.bad("error_special", code)
        c.expect_closed()


# ---- sessions ----

def test_every_session_of_a_user_gets_what_the_user_gets(broker):
    places = [broker.client("tina", t) for t in ("v4", "v6", "unix", "v4")]
    sender = broker.client("gustav", "v4")
    _, status = sender.request("echo", {"do": [{"command": "sendClients", "users": ["tina"], "data": "hello"}]})
    assert is_good(status) and status["payload"]["delivered"] == 4
    for place in places:
        assert place.data("echo") == "hello"
        place.expect_nothing_before_ping()
    ids = {place.ask("builtin", {"command": {"type": "whoami"}})["session"] for place in places}
    assert len(ids) == 4
    for place in places:
        place.close()
    eventually(lambda: broker.client("gustav").ask("echo", {"act": "query", "query": {"query": "isClient", "user": "tina"}})["sessions"] == 0)


def test_who_has_finished_sending_still_gets_the_answers(connect):
    c = connect("tina")
    c.send("echo", {"act": "later", "ms": 150}, "late")
    c.send("echo", 2, "soon")
    c.finish_sending()
    came = c.expect_closed()
    assert [f["payload"]["id"] for f in came] == ["soon", "soon", "late", "late"]
    assert all(is_good(f) for f in came if is_status(f))


def test_everything_at_once_and_finished_before_the_log_in_is_answered(connect):
    c = connect()
    c.send_bytes(b"".join(map(frames.encode, [login_frame("tina"), {"payload": {"type": "echo", "data": 1, "id": "1"}},
                                              {"payload": {"type": "dummy", "id": "2"}}])))
    c.finish_sending()
    came = c.expect_closed()
    assert sorted(f["payload"]["id"] for f in came) == ["1", "1", "2", "auth_special"]


def test_a_half_frame_at_the_end_is_dropped(connect):
    c = connect("tina")
    c.send("dummy", id="whole")
    c.send_bytes(frames.encode({"payload": {"type": "dummy", "id": "half"}})[:-3])
    c.finish_sending()
    assert [f["payload"]["id"] for f in c.expect_closed()] == ["whole"]


def test_messages_arrive_in_any_cut(connect):
    """The same conversation, in pieces of every size up to a frame's."""
    batch = b"".join(frames.encode({"payload": {"type": "echo", "data": i, "id": str(i)}}) for i in range(3))
    c = connect("tina")
    if c.socket.family != socket.AF_UNIX:
        c.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for size in (1, 2, 3, 4, 5, 7, 11, 50, len(batch) - 1):
        for at in range(0, len(batch), size):
            c.send_bytes(batch[at:at + size])
        assert [c.receive()["payload"]["id"] for _ in range(6)] == ["0", "0", "1", "1", "2", "2"]


def test_a_large_message_comes_through(connect):
    c = connect("tina")
    text = "ä" * 20_000
    assert c.ask("echo", text) == text


def test_order_of_one_session_at_one_handler(connect):
    c = connect("tina")
    for begin in range(0, 2000, 200):   # who reads none of its answers is not read after some hundred
        for i in range(begin, begin + 200):
            c.send("echo", i)
        assert [c.data("echo") for _ in range(200)] == list(range(begin, begin + 200))


def test_statuses_come_in_the_order_of_the_answers(connect):
    c = connect("tina")
    for i in range(5):
        c.send("echo", {"act": "hold", "i": i}, f"h{i}")
    c.send("echo", {"act": "release", "backwards": True}, "r")
    statuses = [c.find(is_status)["payload"]["id"] for _ in range(6)]
    assert statuses == ["h4", "h3", "h2", "h1", "h0", "r"]
