"""What may not cross a link, and what cannot: policies, limits, deadlines, full queues. Somebody is told each time."""
import os
import signal
import time

from broker import freeze, python_handler
from client import code_of, is_good, statuses
from eventually import eventually
from servers import (at, do, peer, send_clients, send_servers, servers, wait_for_link,  # noqa: F401
                     wait_for_report, wait_for_state)

TYPES = ("echo", "out", "in")


def handlers():
    return {name: python_handler() for name in TYPES}


def reason_of(status):
    return status["header"]["error"]["reason"]


# ---- policies ----

def test_types_that_are_not_open_do_not_leave(servers):
    b = servers.add("b", peers={"a": {}}, handlers=handlers())
    a = servers.add("a", peers={"b": at(b, types=["out"])}, handlers=handlers())
    wait_for_link(a, b)
    tina, gustav = a.client("tina"), b.client("gustav")
    command = {"command": "sendClients", "users": ["gustav@b"], "data": 1}
    status = do(tina, {**command, "report": "r"})
    assert code_of(status) == "peer_refused" and "the config does not let" in reason_of(status)
    assert wait_for_report(tina, "r")["failed"] == [{"recipient": "gustav@b", "code": "peer_refused"}]
    assert code_of(send_servers(tina, "b", data=1)[1]) == "peer_refused"
    gustav.expect_nothing_before_ping()
    assert do(tina, {**command, "type": "out"})["payload"]["delivered"] == 1 and gustav.data("out") == 1
    # To all that the type may go to: nobody, which is no mistake.
    assert is_good(send_servers(tina, "*", data=1)[1])


def test_types_that_are_not_open_are_not_taken(servers):
    b = servers.add("b", peers={"a": {"types": ["out"]}}, handlers=handlers())
    a = servers.add("a", peers={"b": at(b)}, handlers=handlers())
    wait_for_link(a, b)
    tina, gustav = a.client("tina"), b.client("gustav")
    status = send_clients(tina, "gustav@b", report="r")
    assert code_of(status) == "peer_refused" and "server b does not take" in reason_of(status), status
    assert wait_for_report(tina, "r")["failed"] == [{"recipient": "gustav@b", "code": "peer_refused"}]
    assert code_of(send_servers(tina, "b", data=1)[1]) == "peer_refused"
    gustav.expect_nothing_before_ping()
    assert is_good(do(tina, {"command": "sendClients", "users": ["gustav@b"], "data": 1, "type": "out"})) and gustav.data() == 1


def test_one_direction_only_and_answers_come_back_on_it(servers):
    b = servers.add("b", peers={"a": {"accept_types": ["out"], "send_types": ["in"]}}, handlers=handlers())
    a = servers.add("a", peers={"b": at(b, send_types=["out"], accept_types=["in"])}, handlers=handlers())
    wait_for_link(a, b)
    for one, other, open_type, closed_type in ((a, "b", "out", "in"), (b, "a", "in", "out")):
        c = one.client("tina")
        for via in ("echo", open_type):
            replies, status = c.request(via, {"do": [
                {"command": "sendServers", "servers": [other], "type": open_type, "data": {"asked": 1}}]})
            assert is_good(status) and [r["payload"]["data"] for r in replies] == [{"asked": 1}], (replies, status)
        status = do(c, {"command": "sendServers", "servers": [other], "type": closed_type, "data": 1})
        assert code_of(status) == "peer_refused"


def test_a_reply_of_a_type_that_may_not_cross_is_refused_to_the_handler_there(servers):
    b = servers.add("b", peers={"a": {"types": ["out"]}}, handlers=handlers())
    a = servers.add("a", peers={"b": at(b, types=["out"])}, handlers=handlers())
    wait_for_link(a, b)
    secret = {"do": [{"command": "reply", "type": "in", "data": 1}]}
    replies, status = a.client("tina").request("echo", {"do": [
        {"command": "sendServers", "servers": ["b"], "type": "out", "data": secret}]})
    assert not replies and code_of(status) == "peer_refused", (replies, status)


# ---- sizes ----

def test_what_is_larger_than_a_link_takes_is_too_large(servers):
    """b's limit is the smaller one: a learns it from b's hello."""
    b = servers.add("b", peers={"a": {}}, peering={"message_size": "16KiB"})
    a = servers.add("a", peers={"b": at(b)})
    wait_for_link(a, b)
    tina, gustav = a.client("tina"), b.client("gustav")
    assert send_clients(tina, "gustav@b", data="x" * 13_000)["payload"]["delivered"] == 1
    assert len(gustav.data()) == 13_000
    assert code_of(send_clients(tina, "gustav@b", data="x" * 20_000)) == "too_large"
    assert code_of(send_servers(tina, "b", data="x" * 20_000)[1]) == "too_large"
    assert code_of(send_clients(gustav, "tina@a", data="x" * 20_000)) == "too_large"
    assert send_clients(tina, "gustav@b", data="after it")["payload"]["delivered"] == 1 and gustav.data() == "after it"
    assert peer(a, "b")["last_error"] is None and "too_large" not in b.log()


def test_too_large_for_a_link_that_was_not_known_when_it_was_sent(servers):
    way = servers.proxy()
    a = servers.add("a", peers={"b": at(way)}, peering={"resume": "60s", "deadline": "60s"})
    tina = a.client("tina")
    for number, data in enumerate(["x" * 20_000, "small", "y" * 20_000]):
        tina.send("echo", {"do": [{"command": "sendClients", "users": ["gustav@b"], "data": data}]}, id=str(number))
    tina.send("echo", {"act": "push", "commands": [{"command": "sendClients", "users": ["gustav@b"], "type": "t", "data": "z" * 20_000},
                                                   {"command": "sendClients", "users": ["*@b"], "type": "t", "data": "end"}]})
    eventually(lambda: peer(a, "b").get("queued_messages") == 5)
    b = servers.add("b", peers={"a": {}}, peering={"message_size": "16KiB"})
    way.target = b.port
    wait_for_link(a, b)
    assert is_good(tina.status("1"))
    assert code_of(tina.status("0")) == code_of(tina.status("2")) == "too_large"
    eventually(lambda: peer(a, "b")["queued_messages"] == 0)
    assert "too_large" not in b.log()


def test_a_reply_that_is_too_large_is_told(servers):
    b = servers.add("b", peers={"a": {}}, peering={"message_size": "16KiB"})
    a = servers.add("a", peers={"b": at(b)})
    wait_for_link(a, b)
    tina = a.client("tina")
    # The handler there writes each é with six bytes.
    replies, status = send_servers(tina, "b", data="é" * 1_000)
    assert is_good(status) and [r["payload"]["data"] for r in replies] == ["é" * 1_000]
    replies, status = send_servers(tina, "b", data="é" * 5_000)
    assert not replies and code_of(status) == "too_large", (replies, status)


def test_a_reply_that_finds_no_room_is_told(servers):
    b = servers.add("b", peers={"a": {}}, peering={"queue_bytes": "64KiB", "message_size": "64KiB"})
    way = servers.proxy(b)
    a = servers.add("a", peers={"b": at(way)}, peering={"deadline": "60s"})
    wait_for_link(a, b)
    tina, gustav = a.client("tina"), b.client("gustav")
    for i in range(20):
        tina.send("echo", {"do": [{"command": "sendServers", "servers": ["b"], "data": {"act": "hold", "x": "x" * 10_000}}]}, id=str(i))
    eventually(lambda: len(gustav.ask("echo", {"act": "seen"})) == 20)
    way.refuse()
    wait_for_state(b, "a", "idle")
    gustav.ask("echo", {"act": "release"})
    eventually(lambda: peer(b, "a")["refused"] > 0)
    way.refuse(False)
    found = statuses(tina, [str(i) for i in range(20)])
    replied = {f["payload"]["id"] for f in tina.inbox if f["header"]["messageType"] == "receivedMessage"}
    assert {id for id, s in found.items() if is_good(s)} == replied and 0 < len(replied) < 20
    assert {code_of(s) for s in found.values() if not is_good(s)} == {"busy"}


# ---- servers that do not answer ----

def test_a_server_without_a_way_is_unreachable_after_the_resume_window(servers):
    a = servers.add("a", peers={"b": at(1), "c": {}}, peering={"resume": "300ms", "deadline": "20s"})
    tina = a.client("tina")
    for other in ("b", "c"):
        began = time.monotonic()
        status = send_clients(tina, f"gustav@{other}", report="r" + other)
        assert code_of(status) == "peer_unreachable" and "peering.resume" in reason_of(status), status
        assert time.monotonic() - began > 0.25, "it may come by then"
        assert wait_for_report(tina, "r" + other)["failed"] == [{"recipient": f"gustav@{other}", "code": "peer_unreachable"}]
        assert code_of(send_servers(tina, other)[1]) == "peer_unreachable"


def test_without_a_way_a_full_queue_is_unreachable_at_once(servers):
    a = servers.add("a", peers={"b": at(1)}, peering={"queue_messages": 3, "deadline": "20s"}, server={"stop_grace": "1s"})
    tina = a.client("tina")
    for i in range(5):
        tina.send("echo", {"do": [{"command": "sendClients", "users": ["gustav@b"], "data": i}]}, id=str(i))
    for i in (3, 4):
        assert "its queue is full" in reason_of(tina.bad(str(i), "peer_unreachable"))
    assert peer(a, "b")["queued_messages"] == 3 and peer(a, "b")["refused"] == 2


def test_what_is_not_answered_in_time_is_expired(servers):
    b = servers.add("b", peers={"a": {}})
    a = servers.add("a", peers={"b": at(b)}, peering={"deadline": "300ms", "heartbeat": "60s"})
    wait_for_link(a, b)
    tina, gustav = a.client("tina"), b.client("gustav")
    # The handler there takes its time: the deadline of the link is the shorter one.
    assert code_of(send_servers(tina, "b", data={"act": "later", "ms": 1500})[1]) == "peer_expired"
    freeze(b.process.pid)
    try:
        for i in range(3):
            status = send_clients(tina, "gustav@b", data=i, report=f"r{i}")
            assert code_of(status) == "peer_expired", status
            assert wait_for_report(tina, f"r{i}")["failed"] == [{"recipient": "gustav@b", "code": "peer_expired"}]
    finally:
        os.kill(b.process.pid, signal.SIGCONT)
    assert send_clients(tina, "gustav@b", data="after")["payload"]["delivered"] == 1
    # They may arrive, once and in order.
    came = []
    while "after" not in came:
        came.append(gustav.data())
    assert came == sorted(set(came), key=str), came


def test_a_full_queue_is_busy_and_local_clients_do_not_notice(servers):
    b = servers.add("b", peers={"a": {}})
    way = servers.proxy(b)
    a = servers.add("a", peers={"b": at(way)}, peering={"queue_messages": 500, "deadline": "60s", "heartbeat": "60s"})
    wait_for_link(a, b)
    tina, gustav, ann = a.client("tina"), b.client("gustav"), a.client("ann")

    def local_rate():
        began = time.monotonic()
        for i in range(300):
            assert ann.ask("echo", i) == i
        return 300 / (time.monotonic() - began)
    before = local_rate()
    way.hold()
    ids = [str(i) for i in range(700)]
    for id in ids[:200]:
        tina.send("echo", {"do": [{"command": "sendClients", "users": ["gustav@b"], "data": int(id)}]}, id=id)
    # Beyond a session's own window only others, or handlers, can fill the queue.
    filler = [{"command": "sendClients", "users": ["gustav@b"], "type": "filler", "data": "x" * 1000}] * 400
    ann.ask("echo", {"act": "push", "commands": filler})
    eventually(lambda: peer(a, "b")["queued_messages"] == 500)
    assert code_of(send_clients(ann, "gustav@b", report="busy")) == "busy"
    assert wait_for_report(ann, "busy")["failed"] == [{"recipient": "gustav@b", "code": "busy"}]
    assert peer(a, "b")["refused"] >= 100
    assert local_rate() > before / 4
    way.release()
    found = statuses(tina, ids[:200])
    assert all(s["payload"]["delivered"] == 1 for s in found.values() if is_good(s))
    good = [int(id) for id, s in found.items() if is_good(s)]
    assert sorted(good) == [gustav.data("echo") for _ in good]
    assert {code_of(s) for s in found.values() if not is_good(s)} <= {"busy"}
    eventually(lambda: peer(a, "b")["queued_messages"] == 0)


def test_a_removed_peer_is_unknown_and_what_waited_is_answered(servers):
    a = servers.add("a", peers={"b": at(1)}, peering={"deadline": "60s"})
    tina = a.client("tina")
    tina.send("echo", {"do": [{"command": "sendClients", "users": ["gustav@b"], "data": 1}]}, id="waits")
    eventually(lambda: peer(a, "b").get("queued_messages") == 1)
    a.config["peers"].clear()
    assert a.reload()["ok"]
    tina.bad("waits", "peer_unreachable")
    assert code_of(send_clients(tina, "gustav@b")) == "peer_unknown"


def test_a_client_that_left_gets_no_reply_and_nobody_minds(servers):
    b = servers.add("b", peers={"a": {}})
    a = servers.add("a", peers={"b": at(b)})
    wait_for_link(a, b)
    with a.client("tina") as tina:
        tina.send("echo", {"do": [{"command": "sendServers", "servers": ["b"], "data": {"act": "hold"}}]}, id="x")
        gustav = b.client("gustav")
        eventually(lambda: gustav.ask("echo", {"act": "seen"}) != [])
    gustav.ask("echo", {"act": "release"})
    assert is_good(send_servers(a.client("tina"), "b", data=1)[1])
    wait_for_state(a, "b", "linked")
