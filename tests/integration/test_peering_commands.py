"""Two servers over TLS: what handlers command reaches users and handlers there, and what became of it comes back."""
import pytest

import servers as some
from broker import python_handler
from client import code_of, is_good
from eventually import eventually
from servers import at, records, send_clients, send_servers, wait_for_link, wait_for_report

ECHO = python_handler("--events", "peers")


@pytest.fixture(scope="module")
def shared_pair(make_broker, bin_directory, tmp_path_factory):
    with some.Servers(make_broker, bin_directory / "bester", tmp_path_factory.mktemp("pair")) as made:
        there = made.add("there", peers={"here": {}}, handlers={"echo": ECHO})
        here = made.add("here", peers={"there": at(there), "dead": at(1)}, handlers={"echo": ECHO, "other": python_handler()})
        wait_for_link(here, there)
        yield here, there


@pytest.fixture
def pair(shared_pair, shared_log):
    for each in shared_pair:
        shared_log(each)
    yield shared_pair
    for each in shared_pair:
        each.close_clients()


def both_ways(pair):
    """(a server, the other one), and the other way round."""
    return (pair, pair[::-1])


# ---- sendClients ----

def test_a_user_of_another_server_is_delivered_to_both_ways(pair):
    for one, other in both_ways(pair):
        tina, gustav = one.client("tina"), other.client("gustav")
        status = send_clients(tina, f"gustav@{other.name}", data={"text": "Grüße"})
        assert is_good(status) and status["payload"]["delivered"] == 1, status
        assert gustav.delivery("echo")["payload"] == {"type": "echo", "data": {"text": "Grüße"}}
        gustav.expect_nothing_before_ping()
        tina.expect_nothing_before_ping()


def test_all_sessions_of_several_users_of_several_servers_are_counted(pair):
    here, there = pair
    tina = here.client("tina")
    many = [here.client("gustav"), there.client("gustav"), there.client("gustav"), there.client("ann")]
    status = send_clients(tina, "gustav", "gustav@there", "ann@there", "gustav@here", "ann@there", "nobody@there")
    assert is_good(status) and status["payload"]["delivered"] == 4, status
    for each in many:
        assert each.data("echo") == 1
        each.expect_nothing_before_ping()


def test_everybody_of_a_server(pair):
    here, there = pair
    tina, ann, gustav = here.client("tina"), here.client("ann"), there.client("gustav")
    more = [there.client("gustav"), there.client("ann")]
    status = send_clients(tina, "*@there", data="all")
    assert is_good(status) and status["payload"]["delivered"] == 3, status
    for each in [gustav, *more]:
        assert each.data("echo") == "all"
    ann.expect_nothing_before_ping()
    status = send_clients(tina, "*@there", "gustav@there", "ann", data="each once")
    assert status["payload"]["delivered"] == 4
    for each in [gustav, *more, ann]:
        assert each.data("echo") == "each once"
        each.expect_nothing_before_ping()


def test_a_report_names_who_is_not_there(pair):
    here, there = pair
    tina, gustav = here.client("tina"), there.client("gustav")
    status = send_clients(tina, "gustav@there", "ann@there", "nobody@there", "ann", report="r1")
    assert is_good(status) and status["payload"]["delivered"] == 1
    report = wait_for_report(tina, "r1")
    assert report["delivered"] == 1
    assert sorted(f["recipient"] for f in report["failed"]) == ["ann", "ann@there", "nobody@there"]
    assert {f["code"] for f in report["failed"]} == {"recipient_offline"}
    assert gustav.data() == 1


def test_nobody_there_is_a_good_status_with_none_delivered(pair):
    here, _ = pair
    status = send_clients(here.client("tina"), "ann@there")
    assert is_good(status) and status["payload"]["delivered"] == 0, status


def test_a_push_reaches_another_server_and_is_reported(pair):
    here, there = pair
    tina, gustav = here.client("tina"), there.client("gustav")
    tina.ask("echo", {"act": "push", "commands": [{"command": "sendClients", "users": ["gustav@there"], "type": "news",
                                                   "data": 7, "report": "pushed"}]})
    assert gustav.data("news") == 7
    assert wait_for_report(tina, "pushed") == {"kind": "report", "report": "pushed", "delivered": 1, "failed": []}


def test_data_is_passed_on_byte_for_byte(pair):
    here, there = pair
    text = '{"n":123456789012345678901234567890.10e5,  "s":"\\u00fc\\/", "é":[ ]}'
    tina = here.client("tina")
    tina.send("echo", {"do": [{"command": "sendServers", "servers": ["there"], "data": {"act": "exact", "text": text}}]}, id="x")
    came = b""
    while b"statusReport" not in came:
        came += tina.socket.recv(1 << 16)
    assert came.count(text.encode()) == 1, came


def test_order_holds_for_each_sender_and_type(pair):
    for one, other in both_ways(pair):
        tina, gustav = one.client("tina"), other.client("gustav")
        for i in range(300):
            tina.send("echo", {"do": [{"command": "sendClients", "users": [f"gustav@{other.name}"], "data": i}]}, id=str(i))
        assert [gustav.data("echo") for _ in range(300)] == list(range(300))
        for i in range(300):
            assert tina.good(str(i))["payload"]["delivered"] == 1


# ---- sendServers ----

def test_the_handler_there_is_told_the_origin_and_its_reply_comes_back(pair):
    for one, other in both_ways(pair):
        tina = one.client("tina")
        replies, status = send_servers(tina, other.name, data={"act": "envelope"})
        assert is_good(status) and len(replies) == 1, (replies, status)
        assert replies[0]["payload"]["type"] == "echo" and replies[0]["payload"]["id"] == "request 1"
        seen = replies[0]["payload"]["data"]["frame"]
        assert seen["from"]["user"] == "tina" and seen["from"]["server"] == one.name and seen["from"]["session"]
        assert seen["type"] == "echo" and seen["data"] == {"act": "envelope"} and seen["request"] is True
        assert 0 < seen["deadline"] <= 5000


def test_the_error_of_the_handler_there_is_the_senders_status(pair):
    here, _ = pair
    error = {"code": "no_such_room", "reason": "there is no room 7", "temporary": True}
    replies, status = send_servers(here.client("tina"), "there", data={"act": "refuse", "error": error})
    assert not replies and status["header"]["error"] == error


def test_a_star_is_all_that_the_type_may_go_to(pair):
    here, there = pair
    replies, status = send_servers(there.client("gustav"), "*", data={"act": "envelope"})
    assert is_good(status) and [r["payload"]["data"]["frame"]["from"]["server"] for r in replies] == ["there"]


def test_the_handler_there_can_deliver_to_its_own_and_to_the_senders_users(pair):
    here, there = pair
    tina, gustav, ann = here.client("tina"), there.client("gustav"), here.client("ann")
    _, status = send_servers(tina, "there", data={"do": [
        {"command": "sendClients", "users": ["gustav"], "data": "yours"},
        {"command": "sendClients", "users": ["ann@here"], "data": "back"}, {"command": "reply", "data": "done"}]})
    assert is_good(status), status
    assert gustav.data() == "yours" and ann.data() == "back"


def test_no_handler_of_that_type_there(pair):
    here, _ = pair
    _, status = here.client("tina").request("other", {"do": [{"command": "sendServers", "servers": ["there"], "data": 1}]})
    assert code_of(status) == "no_handler", status


def test_a_crash_of_the_handler_there_is_told(pair):
    here, there = pair
    tina, pid = here.client("tina"), there.pid_of("echo")
    _, status = send_servers(tina, "there", data={"act": "exit", "code": 3})
    assert code_of(status) == "handler_failed", status
    there.wait_for_other_pid("echo", pid)


def test_a_message_does_not_go_round_for_ever(pair):
    here, _ = pair
    data = {"act": "envelope"}
    for i in range(12):
        data = {"do": [{"command": "sendServers", "servers": ["here" if i % 2 else "there"], "data": data}]}
    _, status = here.client("tina").request("echo", data, 20)
    assert code_of(status) in ("too_many_hops", "bad_command"), status


# ---- who may not ----

def test_codes_of_servers_that_are_not_there(pair):
    here, _ = pair
    tina = here.client("tina")
    assert code_of(send_clients(tina, "gustav@mars")) == "peer_unknown"
    assert code_of(send_servers(tina, "mars")[1]) == "peer_unknown"
    assert code_of(send_servers(tina, "here")[1]) == "bad_command"
    status = send_clients(tina, "gustav@mars", "ann@there", "ann", report="some")
    assert code_of(status) == "peer_unknown"
    failed = {f["recipient"]: f["code"] for f in wait_for_report(tina, "some")["failed"]}
    assert failed == {"gustav@mars": "peer_unknown", "ann@there": "recipient_offline", "ann": "recipient_offline"}
    assert any(f["code"] == "peer_unknown" for f in records(tina, "refused"))


def test_too_many_recipients_are_refused_here_and_a_thousand_are_not(pair):
    here, there = pair
    tina, gustav = here.client("tina"), there.client("gustav")
    users = [f"user{i}@there" for i in range(999)] + ["gustav@there"]
    status = send_clients(tina, *users)
    assert is_good(status) and status["payload"]["delivered"] == 1 and gustav.data() == 1
    assert code_of(send_clients(tina, *users, "one@there")) == "too_many_recipients"
    gustav.expect_nothing_before_ping()


def test_the_name_of_a_user_there_is_checked(pair):
    here, _ = pair
    tina = here.client("tina")
    status = send_clients(tina, "@there", "x" * 300 + "@there", "a b\n@there", report="names")
    assert is_good(status) and status["payload"]["delivered"] == 0
    assert len(wait_for_report(tina, "names")["failed"]) == 3


def test_handlers_see_the_linked_servers(pair):
    here, there = pair
    for one, other in both_ways(pair):
        c = one.client("tina")
        assert c.ask("echo", {"act": "query", "query": {"query": "listPeers"}})["peers"] == [other.name]
        ups = [f for f in records(c, "event", "snapshot") if f.get("event") == "peer_up" or f.get("peers")]
        assert ups and any(f.get("peer") == other.name or other.name in f.get("peers", []) for f in ups), ups


def test_bester_peers_counts_what_went(pair):
    here, there = pair
    tina, gustav = here.client("tina"), there.client("gustav")
    before = some.peer(here, "there")["sent"]
    for _ in range(3):
        send_clients(tina, "gustav@there")
    eventually(lambda: some.peer(here, "there")["queued_messages"] == 0)
    shown = some.peer(here, "there")
    assert shown["sent"] == before + 3 and shown["queued_bytes"] == 0
    assert shown["state"] == "linked" and shown["transport"] == "tls" and shown["dialled"] is True
    assert shown["certificate"]["names"][0] == "there" and shown["round_trip_us"] > 0
    assert some.peer(there, "here")["dialled"] is False and some.peer(there, "here")["received"] >= 3
