"""Every command, query and event of proto-docs/handler.md."""
import pytest

from broker import python_handler
from client import code_of, is_good
from eventually import eventually


@pytest.fixture(scope="module")
def shared(make_broker):
    handlers = {
        "echo": python_handler("--events", "clients,peers", recipients=50, config={"rooms": ["hall", 7]}),
        "next": python_handler(),
        "hidden": python_handler(types=[]),
    }
    with make_broker(handlers=handlers) as running:
        yield running


def whoami(c):
    return c.ask("builtin", {"command": {"type": "whoami"}})["session"]


def do(c, *commands, handler="echo"):
    return c.request(handler, {"do": list(commands)})[1]


def reports(c, kind="report", handler="echo"):
    return [f for _, f in c.ask(handler, {"act": "records", "kinds": [kind]})]


def wait_for_report(c, tag):
    return eventually(lambda: next((r for r in reports(c) if r["report"] == tag), None), what=f"report {tag}")


@pytest.fixture
def crowd(broker):
    """Four sessions of gustav and one of ann, over all shards; they did not send."""
    return [broker.client("gustav", t) for t in ("v4", "v6", "unix", "v4")], broker.client("ann")


def test_the_envelope(broker):
    c = broker.client("tina")
    got = c.ask("echo", {"act": "envelope"})
    frame = got["frame"]
    assert frame["kind"] == "message" and frame["type"] == "echo" and frame["request"] is True
    assert frame["from"] == {"user": "tina", "session": whoami(c), "server": "home"}
    assert 0 < frame["deadline"] <= 5000 and frame["time"] > 1_700_000_000_000
    welcome = got["welcome"]
    assert welcome["protocol"] == 1 and welcome["server"] == "home" and welcome["handler"] == "echo"
    assert welcome["config"] == {"rooms": ["hall", 7]} and welcome["limits"] == {"message_size": 1 << 20, "recipients": 50}
    assert welcome["window"] == -(-1024 // welcome["shards"])
    c.send("echo", {"act": "envelope"})
    assert c.data("echo")["frame"].get("request") in (False, None)


def test_reply_with_a_type_of_its_own_and_several_replies(broker):
    c = broker.client("tina")
    replies, status = c.request("echo", {"do": [{"command": "reply", "type": "other", "data": 1}, {"command": "reply"},
                                                {"command": "reply", "data": [2]}]})
    assert is_good(status) and "delivered" not in status["payload"]
    assert [(r["payload"]["type"], r["payload"]["data"]) for r in replies] == [("other", 1), ("echo", None), ("echo", [2])]


def test_an_answer_without_commands_is_good(broker):
    c = broker.client("tina")
    assert is_good(c.request("echo", {"act": "none"})[1]) and is_good(do(c))


def test_send_clients_to_users(broker, crowd):
    many, ann = crowd
    c = broker.client("tina")
    status = do(c, {"command": "sendClients", "users": ["gustav", "ann", "nobody"], "data": {"n": 1}, "report": "r1"})
    assert is_good(status) and status["payload"]["delivered"] == 5
    for each in [*many, ann]:
        assert each.delivery("echo")["payload"] == {"type": "echo", "data": {"n": 1}}
        each.expect_nothing_before_ping()
    assert wait_for_report(c, "r1") == {"kind": "report", "report": "r1", "delivered": 5,
                                        "failed": [{"recipient": "nobody", "code": "recipient_offline"}]}
    c.expect_nothing_before_ping()


def test_send_clients_to_sessions_each_once(broker, crowd):
    many, ann = crowd
    c = broker.client("tina")
    ids = [whoami(m) for m in many]
    status = do(c, {"command": "sendClients", "sessions": [*ids[:2], ids[0], "no such", "0" * 16], "users": ["ann", "ann"], "data": 2})
    assert status["payload"]["delivered"] == 3
    for each in [*many[:2], ann]:
        assert each.data() == 2
    for each in [*many, ann]:
        each.expect_nothing_before_ping()


def test_sessions_that_are_gone_are_in_the_report_whatever_their_shard(broker, crowd):
    many, _ = crowd
    c = broker.client("tina")
    ids = [whoami(m) for m in many]
    for m in many:
        m.close()
    eventually(lambda: broker.status()["sessions"] == 2)
    offline = sorted(({"recipient": id, "code": "recipient_offline"} for id in ids), key=str)
    for number, command in enumerate(({"command": "sendClients", "data": 1}, {"command": "join", "group": "g"}, {"command": "disconnect"})):
        tag = f"gone {number}"
        assert is_good(do(c, {**command, "sessions": ids, "report": tag}))
        report = wait_for_report(c, tag)
        assert report["delivered"] == 0 and sorted(report["failed"], key=str) == offline


def test_a_report_lists_a_hundred_and_says_that_there_are_more(broker):
    c = broker.client("tina")
    assert is_good(do(c, {"command": "sendClients", "users": [f"u{i}" for i in range(120)], "data": 1, "report": "m"}, handler="next"))
    report = eventually(lambda: reports(c, handler="next"))[-1]
    assert len(report["failed"]) == 100 and report["more"] is True and report["delivered"] == 0


@pytest.mark.parametrize("everybody", ["*", "*@{server}"])
def test_send_clients_to_everybody_except(broker, crowd, everybody):
    """Also where this server is named as another one would be."""
    many, ann = crowd
    c = broker.client("tina")
    everybody = everybody.format(server=c.ask("builtin", {"command": {"type": "whoami"}})["server"])
    status = do(c, {"command": "sendClients", "users": [everybody], "data": 3, "type": "all", "except": [whoami(c), whoami(many[1])]})
    assert status["payload"]["delivered"] == 4
    for each in (many[0], many[2], many[3], ann):
        assert each.delivery()["payload"] == {"type": "all", "data": 3}
    for each in [*many, ann, c]:
        each.expect_nothing_before_ping()


def test_send_clients_except_one_of_the_users_sessions(broker, crowd):
    many, _ = crowd
    c = broker.client("tina")
    assert do(c, {"command": "sendClients", "users": ["gustav"], "data": 4, "except": [whoami(many[0]), whoami(many[3])]})["payload"]["delivered"] == 2
    assert many[1].data() == 4 and many[2].data() == 4
    many[0].expect_nothing_before_ping()
    many[3].expect_nothing_before_ping()


def test_offline_is_good_with_nobody_reached(broker):
    c = broker.client("tina")
    status = do(c, {"command": "sendClients", "users": ["gustav"], "data": 1, "report": 17})
    assert is_good(status) and status["payload"]["delivered"] == 0
    assert wait_for_report(c, 17)["failed"] == [{"recipient": "gustav", "code": "recipient_offline"}]


def test_users_of_this_and_of_other_servers(broker, crowd):
    _, ann = crowd
    c = broker.client("tina")
    assert do(c, {"command": "sendClients", "users": ["ann@home"], "data": "here"})["payload"]["delivered"] == 1
    assert ann.data() == "here"
    status = do(c, {"command": "sendClients", "users": ["ann", "ann@elsewhere"], "data": "there", "report": "far"})
    assert code_of(status) == "peer_unknown" and status["payload"]["delivered"] == 1
    assert ann.data() == "there"
    assert {"recipient": "ann@elsewhere", "code": "peer_unknown"} in wait_for_report(c, "far")["failed"]


def test_send_servers_knows_no_peer_yet(broker):
    c = broker.client("tina")
    assert code_of(do(c, {"command": "sendServers", "servers": ["there"], "data": 1, "report": "s"})) == "peer_unknown"
    assert wait_for_report(c, "s")["failed"] == [{"recipient": "there", "code": "peer_unknown"}]
    assert is_good(do(c, {"command": "sendServers", "servers": ["*"], "data": 1}))


def test_groups_over_all_shards(broker, crowd):
    many, ann = crowd
    c = broker.client("tina")
    for member in (many[0], many[2], ann):
        assert is_good(do(member, {"command": "join", "group": "news"}))
    status = do(c, {"command": "join", "group": "news", "sessions": [whoami(many[1]), whoami(many[1]), "gone"], "report": "j"})
    assert is_good(status)
    assert wait_for_report(c, "j")["failed"] == [{"recipient": "gone", "code": "recipient_offline"}]
    members = c.ask("echo", {"act": "query", "query": {"query": "listGroup", "group": "news"}})
    assert sorted((m["user"], m["session"]) for m in members["sessions"]) == sorted(
        [("gustav", whoami(many[0])), ("gustav", whoami(many[1])), ("gustav", whoami(many[2])), ("ann", whoami(ann))])
    status = do(c, {"command": "sendGroup", "group": "news", "data": "headline", "report": "g", "except": [whoami(ann)]})
    assert status["payload"]["delivered"] == 3 and wait_for_report(c, "g")["delivered"] == 3
    for m in many[:3]:
        assert m.data() == "headline"
    for m in [*many, ann]:
        m.expect_nothing_before_ping()
    assert is_good(do(c, {"command": "leave", "group": "news", "sessions": [whoami(many[1])]}))
    many[2].close()
    eventually(lambda: len(c.ask("echo", {"act": "query", "query": {"query": "listGroup", "group": "news"}})["sessions"]) == 2)
    assert is_good(do(ann, {"command": "leave", "group": "news"}))
    assert do(c, {"command": "sendGroup", "group": "news", "data": 2})["payload"]["delivered"] == 1


def test_groups_belong_to_the_handler(broker, crowd):
    many, _ = crowd
    do(many[0], {"command": "join", "group": "same name"})
    assert is_good(do(many[1], {"command": "join", "group": "same-name"}))
    c = broker.client("tina")
    assert do(c, {"command": "sendGroup", "group": "same-name", "data": 1}, handler="next")["payload"]["delivered"] == 0
    assert do(c, {"command": "sendGroup", "group": "same-name", "data": 1})["payload"]["delivered"] == 1
    assert do(c, {"command": "sendGroup", "group": "nobody-in-it", "data": 1})["payload"]["delivered"] == 0


def test_joining_twice_is_once(broker):
    c = broker.client("tina")
    do(c, {"command": "join", "group": "g"}, {"command": "join", "group": "g"})
    assert do(c, {"command": "sendGroup", "group": "g", "data": 1})["payload"]["delivered"] == 1


def test_disconnect(broker, crowd):
    many, ann = crowd
    c = broker.client("tina")
    assert is_good(do(c, {"command": "disconnect", "sessions": [whoami(many[0])], "users": ["ann"], "reason": "house rules", "report": "d"}))
    for each in (many[0], ann):
        status = each.bad("close_special", "disconnected")
        assert status["header"]["error"]["reason"] == "house rules"
        assert each.expect_closed() == []
    assert wait_for_report(c, "d")["delivered"] == 2
    many[1].expect_nothing_before_ping()
    do(c, {"command": "disconnect", "users": ["gustav"]})
    for each in many[1:]:
        each.bad("close_special", "disconnected")


def test_who_disconnects_itself_still_hears_of_it(broker):
    c = broker.client("tina")
    c.send("echo", {"do": [{"command": "reply", "data": "bye"}, {"command": "disconnect", "users": ["tina"]}]}, "d")
    came = c.expect_closed()
    assert came[0]["payload"]["data"] == "bye" and code_of(came[1]) == "disconnected"


def test_commands_in_one_answer_are_executed_in_order(broker, crowd):
    many, _ = crowd
    c = broker.client("tina")
    commands = [{"command": "sendClients", "users": ["gustav"], "data": i} for i in range(100)]
    assert do(c, *commands)["payload"]["delivered"] == 400
    for m in many:
        assert [m.data() for _ in range(100)] == list(range(100))


@pytest.mark.parametrize("command, code", [
    ({"command": "explode"}, "unknown_command"),
    ({"command": "sendClients", "data": 1}, "bad_command"),
    ({"command": "sendClients", "users": "gustav"}, "bad_command"),
    ({"command": "sendClients", "users": [7]}, "bad_command"),
    ({"command": "sendGroup", "data": 1}, "bad_command"),
    ({"command": "join"}, "bad_command"),
    ({"command": "join", "group": 7}, "bad_command"),
    ({"command": "sendHandler"}, "bad_command"),
    ({"command": "sendHandler", "handler": "nobody"}, "handler_unknown"),
    ({"command": "sendServers"}, "bad_command"),
    ({"command": "disconnect"}, "bad_command"),
    ({"command": "disconnect", "users": ["*"]}, "bad_command"),
    ({"command": "sendClients", "users": [f"u{i}" for i in range(51)], "data": 1}, "too_many_recipients"),
    ({"command": "reply", "type": "x" * 65}, "bad_command"),
    ({"command": "sendGroup", "group": "bad name!", "data": 1}, "bad_command"),
])
def test_what_cannot_be_executed_is_skipped_and_told(broker, command, code):
    c = broker.client("tina")
    replies, status = c.request("echo", {"do": [{"command": "reply", "data": 1}, command, {"command": "reply", "data": 2}]})
    assert code_of(status) == code and [r["payload"]["data"] for r in replies] == [1, 2]
    refused = reports(c, "refused")[-1]
    assert refused["code"] == code and refused["index"] == 1 and isinstance(refused["id"], int) and refused["reason"]


@pytest.mark.parametrize("command, code", [
    ({"command": "dance"}, "unknown_command"),
    ({"command": "sendGroup", "data": 1}, "bad_command"),
    ({"command": "sendClients", "users": [f"u{i}" for i in range(51)], "data": 1}, "too_many_recipients"),
    ({"command": "join", "group": "g", "sessions": [f"s{i}" for i in range(51)]}, "too_many_recipients"),
    ({"command": "sendHandler", "handler": "nobody", "data": 1}, "handler_unknown"),
    ({"command": "disconnect", "users": ["*"]}, "bad_command"),
])
def test_a_report_that_cannot_come_is_in_the_refusal(broker, command, code):
    c = broker.client("tina")
    tag = f"refused {code} {command['command']}"
    assert code_of(do(c, {**command, "report": tag})) == code
    assert [f["code"] for f in reports(c, "refused") if f.get("report") == tag] == [code]
    c.ask("echo", {"act": "push", "commands": [{**command, "report": tag}]})
    assert eventually(lambda: len([f for f in reports(c, "refused") if f.get("report") == tag]) == 2)
    assert not [f for f in reports(c) if f["report"] == tag]


def test_a_refusal_of_a_part_leaves_the_report_to_come(broker):
    c = broker.client("tina")
    assert code_of(do(c, {"command": "sendClients", "users": ["tina", "ann@elsewhere"], "data": 1, "report": "part"})) == "peer_unknown"
    assert wait_for_report(c, "part")["delivered"] == 1
    assert not [f for f in reports(c, "refused") if f.get("report") == "part"]


def test_a_handler_may_address_as_many_as_it_is_allowed(broker, crowd):
    c = broker.client("tina")
    status = do(c, {"command": "sendClients", "users": [f"u{i}" for i in range(49)] + ["gustav"], "data": 1, "report": "fifty"})
    assert status["payload"]["delivered"] == 4
    assert len(wait_for_report(c, "fifty")["failed"]) == 49


def test_a_refusal_is_passed_on_and_commands_executed_as_well(broker, crowd):
    _, ann = crowd
    c = broker.client("tina")
    replies, status = c.request("echo", {"act": "refuse", "error": {"code": "no_such_user", "reason": "gustav has \"moved\"", "temporary": True},
                                         "commands": [{"command": "sendClients", "users": ["ann"], "data": "sorry"}, {"command": "reply", "data": 0}]})
    assert status["header"]["error"] == {"code": "no_such_user", "reason": 'gustav has "moved"', "temporary": True}
    assert len(replies) == 1 and ann.data() == "sorry"


def test_push_on_every_channel(broker, crowd):
    many, _ = crowd
    c = broker.client("tina")
    shards = c.ask("echo", {"act": "envelope"})["welcome"]["shards"]
    for channel in range(shards):
        c.ask("echo", {"act": "push", "channel": channel, "commands": [
            {"command": "sendClients", "users": ["gustav"], "type": "news", "data": channel, "report": f"p{channel}"}]})
        assert wait_for_report(c, f"p{channel}")["delivered"] == 4
        for m in many:
            assert m.delivery()["payload"] == {"type": "news", "data": channel}


def test_what_a_push_cannot_do(broker):
    c = broker.client("tina")
    c.ask("echo", {"act": "push", "commands": [
        {"command": "reply", "data": 1, "type": "x"}, {"command": "join", "group": "g"},
        {"command": "sendClients", "users": ["tina"], "data": "no type"}, {"command": "sendClients", "users": ["tina"], "type": "ok", "data": 1}]})
    assert c.delivery("ok")
    refused = eventually(lambda: (r := reports(c, "refused")[-3:]) and len(r) == 3 and r)
    assert [(r["index"], r["code"], "id" in r) for r in refused] == [(0, "no_sender", False), (1, "no_sender", False), (2, "bad_command", False)]


def test_a_push_to_another_handler_comes_from_the_handler(broker):
    c = broker.client("tina")
    c.ask("echo", {"act": "push", "commands": [{"command": "sendHandler", "handler": "next", "type": "next", "data": {"do": [
        {"command": "sendClients", "users": ["tina"], "data": "through"}]}}]})
    assert c.delivery()["payload"] == {"type": "next", "data": "through"}
    c.ask("echo", {"act": "push", "commands": [{"command": "sendHandler", "handler": "next", "type": "next", "data": {"do": [
        {"command": "reply", "data": "to whom?"}]}}]})
    assert eventually(lambda: reports(c, "refused", "next"))[-1]["code"] == "no_sender"


def test_order_over_several_channels_by_after(broker, crowd):
    many, _ = crowd
    c = broker.client("tina")
    c.ask("echo", {"act": "count", "to": 200, "users": ["gustav"]})
    for m in many:
        assert [m.data("number") for _ in range(200)] == list(range(200))


# ---- from handler to handler ----

def test_send_handler_goes_on_with_the_same_sender(broker):
    c = broker.client("tina")
    replies, status = c.request("echo", {"do": [{"command": "reply", "data": "first"},
                                                {"command": "sendHandler", "handler": "next", "data": {"act": "envelope"}}]})
    assert is_good(status) and replies[0]["payload"]["data"] == "first"
    frame = replies[1]["payload"]["data"]["frame"]
    assert replies[1]["payload"]["data"]["instance"] == "next#0"
    assert frame["from"] == {"user": "tina", "session": whoami(c), "server": "home"} and frame["type"] == "echo" and frame["request"]


def test_the_last_handlers_refusal_is_the_status(broker):
    c = broker.client("tina")
    _, status = c.request("echo", {"do": [{"command": "sendHandler", "handler": "hidden", "data":
                                           {"act": "refuse", "error": {"code": "not_me", "reason": "ask others"}}}]})
    assert code_of(status) == "not_me"


def test_deliveries_are_added_up_along_the_chain(broker, crowd):
    c = broker.client("tina")
    to = {"command": "sendClients", "users": ["gustav"], "data": 1}
    status = do(c, to, {"command": "sendHandler", "handler": "next", "data": {"do": [to, to]}})
    assert is_good(status) and status["payload"]["delivered"] == 12


def test_too_many_hops(broker):
    c = broker.client("tina")

    def chain(hops):
        data = "the end"
        for i in range(hops):
            data = {"do": [{"command": "sendHandler", "handler": ("next", "echo")[i % 2], "data": data}]}
        return data
    replies, status = c.request("echo", chain(7))
    assert is_good(status) and replies[0]["payload"]["data"] == "the end"
    replies, status = c.request("echo", chain(20))
    assert code_of(status) == "too_many_hops" and replies == []


def test_a_message_is_passed_on_once(broker):
    c = broker.client("tina")
    on = {"command": "sendHandler", "handler": "next", "data": "on"}
    replies, status = c.request("echo", {"do": [on, on]})
    assert len(replies) == 1


def test_a_handler_without_types_is_reached_by_send_handler_only(broker):
    c = broker.client("tina")
    assert code_of(c.request("hidden", 1)[1]) == "no_handler"
    replies, status = c.request("echo", {"do": [{"command": "sendHandler", "handler": "hidden", "type": "own", "data": 5}]})
    assert is_good(status) and replies[0]["payload"] == {"type": "own", "data": 5, "id": replies[0]["payload"]["id"]}


# ---- queries ----

def query(c, **what):
    return c.ask("echo", {"act": "query", "query": what})


def test_queries(broker, crowd):
    c = broker.client("tina")
    result = query(c, query="isClient", user="gustav")
    assert (result["online"], result["sessions"]) == (True, 4)
    result = query(c, query="isClient", user="nobody")
    assert (result["online"], result["sessions"]) == (False, 0)
    info = query(c, query="serverInfo")
    assert info["server"] == "home" and info["sessions"] == 6 and info["uptime"] > 0 and info["version"]
    assert info["shards"] == len(broker.status()["shards"])
    assert query(c, query="listPeers")["peers"] == []
    assert query(c, query="listGroup", group="empty")["sessions"] == []


def test_list_clients_in_pages(broker, crowd):
    c = broker.client("tina")
    assert query(c, query="listClients") == {"kind": "result", "id": query(c, query="listClients")["id"] - 1, "more": False, "clients": [
        {"user": "ann", "sessions": 1}, {"user": "gustav", "sessions": 4}, {"user": "tina", "sessions": 1}]}
    page = query(c, query="listClients", limit=2)
    assert [u["user"] for u in page["clients"]] == ["ann", "gustav"] and page["more"] is True
    page = query(c, query="listClients", limit=2, after="gustav")
    assert [u["user"] for u in page["clients"]] == ["tina"] and page["more"] is False


@pytest.mark.parametrize("bad", [{"query": "what"}, {"query": "isClient"}, {"query": "listGroup"}])
def test_bad_queries(broker, bad):
    c = broker.client("tina")
    result = c.ask("echo", {"act": "query", "query": bad})
    assert result["error"]["code"] == "bad_query" and result["error"]["reason"]


# ---- events ----

def events_of(c, session):
    return [f for _, f in c.ask("echo", {"act": "records", "kinds": ["event"]}) if f["session"] == session]


def test_events_follow_sessions(broker):
    c = broker.client("tina")
    other = broker.client("gustav", "v6")
    session = whoami(other)
    eventually(lambda: [e["event"] for e in events_of(c, session)] == ["connected"])
    other.close()
    eventually(lambda: [e["event"] for e in events_of(c, session)] == ["connected", "disconnected"])
    assert all(e["user"] == "gustav" for e in events_of(c, session))
    by_shard = {}
    for shard, event in c.ask("echo", {"act": "records", "kinds": ["event"]}):
        by_shard.setdefault(shard, []).append(event["sequence"])
    for sequence in by_shard.values():
        assert sequence == list(range(1, len(sequence) + 1))


def test_the_snapshot_and_the_events_after_it_are_the_whole_server(make_broker):
    handlers = {"echo": python_handler("--events", "clients"), "quiet": python_handler()}
    with make_broker(handlers=handlers) as broker:
        first = [broker.client("tina", t) for t in ("v4", "v6", "unix")] + [broker.client("gustav")]
        do(first[0], {"command": "join", "group": "g1"}, {"command": "join", "group": "g2"})
        do(first[1], {"command": "join", "group": "g1"})
        do(first[1], {"command": "join", "group": "others"}, handler="quiet")
        pid = broker.pid_of("echo")
        first[0].send("echo", {"act": "crash"})
        eventually(lambda: broker.instance("echo").get("pid") not in (None, pid) and broker.instance("echo")["state"] == "ready")
        second = [broker.client("ann") for _ in range(3)]
        first.pop().close()

        def known():
            sessions = {}
            for _, frame in first[0].ask("echo", {"act": "records", "kinds": ["snapshot", "event"]}):
                for one in frame.get("clients", []):
                    sessions[one["session"]] = (one["user"], sorted(one["groups"]))
                if frame.get("event") == "connected":
                    sessions[frame["session"]] = (frame["user"], [])
                if frame.get("event") == "disconnected":
                    sessions.pop(frame["session"])
            return sessions
        wanted = {whoami(first[0]): ("tina", ["g1", "g2"]), whoami(first[1]): ("tina", ["g1"]), whoami(first[2]): ("tina", [])}
        wanted.update({whoami(s): ("ann", []) for s in second})
        eventually(lambda: known() == wanted, what=lambda: f"{known()} is {wanted}")
        snapshots = first[0].ask("echo", {"act": "records", "kinds": ["snapshot"]})
        for shard in range(len(broker.status()["shards"])):
            assert [f["more"] for s, f in snapshots if s == shard][-1] is False
        assert first[0].ask("quiet", {"act": "records", "kinds": ["snapshot", "event"]}) == []


def test_peer_events_come_with_an_empty_snapshot_on_channel_zero(broker):
    c = broker.client("tina")
    snapshots = c.ask("echo", {"act": "records", "kinds": ["snapshot"]})
    assert all(("peers" in f) == (shard == 0) for shard, f in snapshots) and len(snapshots) >= 1
