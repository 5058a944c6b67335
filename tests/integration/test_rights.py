"""What a handler may command: the `may` of its entry."""
import pytest

from broker import python_handler
from client import code_of, is_good
from eventually import eventually

MAY = {"commands": ["reply", "send*", "join"], "users": ["tina", "g*"], "groups": ["news-*"], "handlers": ["next"],
       "servers": ["there"]}


@pytest.fixture(scope="module")
def shared(make_broker):
    handlers = {"echo": python_handler(may=MAY), "next": python_handler(), "other": python_handler()}
    with make_broker(handlers=handlers) as running:
        yield running


@pytest.fixture
def broker(shared, shared_log):
    shared_log(shared)
    yield shared
    shared.close_clients()


def do(c, *commands):
    return c.request("echo", {"do": list(commands)})[1]


@pytest.mark.parametrize("command", [
    {"command": "sendClients", "users": ["tina", "gustav"], "data": 1},
    {"command": "sendGroup", "group": "news-1", "data": 1},
    {"command": "join", "group": "news-1"},
    {"command": "sendHandler", "handler": "next", "data": 1},
])
def test_what_is_listed_is_done(broker, command):
    assert is_good(do(broker.client("tina"), command))


@pytest.mark.parametrize("command, key", [
    ({"command": "leave", "group": "news-1"}, "commands"),
    ({"command": "disconnect", "users": ["tina"]}, "commands"),
    ({"command": "sendClients", "users": ["ann"], "data": 1}, "users"),
    ({"command": "sendClients", "users": ["*"], "data": 1}, "users"),
    ({"command": "sendClients", "sessions": ["0123456789abcdef"], "data": 1}, "users"),
    ({"command": "sendClients", "users": ["ann@there"], "data": 1}, "users"),
    ({"command": "sendClients", "users": ["gustav@elsewhere"], "data": 1}, "servers"),
    ({"command": "sendGroup", "group": "secret", "data": 1}, "groups"),
    ({"command": "join", "group": "secret"}, "groups"),
    ({"command": "sendHandler", "handler": "other", "data": 1}, "handlers"),
    ({"command": "sendServers", "servers": ["elsewhere"], "data": 1}, "servers"),
])
def test_what_is_not_listed_is_refused_counted_and_told(broker, command, key):
    c = broker.client("tina")
    before = broker.counters()["commands_refused"]
    status = do(c, command)
    assert code_of(status) == "command_forbidden"
    assert f"may.{key}" in status["header"]["error"]["reason"]
    assert broker.counters()["commands_refused"] == before + 1
    told = [f for _, f in c.ask("echo", {"act": "records", "kinds": ["refused"]})]
    assert told[-1]["code"] == "command_forbidden"


@pytest.mark.parametrize("command", [{"command": "leave", "group": "news-1"}, {"command": "sendGroup", "group": "secret", "data": 1},
                                     {"command": "sendHandler", "handler": "other", "data": 1}])
def test_a_report_that_cannot_come_is_in_the_refusal(broker, command):
    c = broker.client("tina")
    tag = "forbidden " + command["command"]
    assert code_of(do(c, {**command, "report": tag})) == "command_forbidden"
    told = [f for _, f in c.ask("echo", {"act": "records", "kinds": ["refused", "report"]}) if f.get("report") == tag]
    assert [(f["kind"], f["code"]) for f in told] == [("refused", "command_forbidden")]


def test_of_several_recipients_those_who_may_be_addressed_are(broker):
    c = broker.client("tina")
    status = do(c, {"command": "sendClients", "users": ["tina", "ann"], "data": "x", "report": "r"})
    assert code_of(status) == "command_forbidden" and status["payload"]["delivered"] == 1
    report = eventually(lambda: [f for _, f in c.ask("echo", {"act": "records", "kinds": ["report"]}) if f["report"] == "r"])[0]
    assert report["failed"] == [{"recipient": "ann", "code": "command_forbidden"}]


def test_the_senders_own_session_may_always_be_named(make_broker):
    with make_broker(handlers={"echo": python_handler(may={"users": []})}) as broker:
        c = broker.client("tina")
        own = c.ask("builtin", {"command": {"type": "whoami"}})["session"]
        assert is_good(do(c, {"command": "sendClients", "sessions": [own], "data": 1}))
        assert is_good(do(c, {"command": "join", "group": "any"}))


def test_commands_above_the_rate_are_refused(make_broker, threads):
    with make_broker(handlers={"echo": python_handler(may={"rate": 20 * threads})}) as broker:
        c = broker.client("tina")
        join = {"command": "join", "group": "any"}
        status = do(c, *[join] * 60)
        assert code_of(status) == "rate_limited" and status["header"]["error"]["temporary"]
        eventually(lambda: code_of(do(c, *[join] * (30 * threads), {**join, "report": "limited"})) == "rate_limited", 10)
        # It is a second's worth at once, then so many a second.
        eventually(lambda: is_good(do(c, join)), 5)
        assert broker.reload(handlers={"echo": python_handler()})["ok"]
        assert is_good(do(c, *[join] * 60))
        told = [f for _, f in c.ask("echo", {"act": "records", "kinds": ["refused", "report"]}) if f.get("report") == "limited"]
        assert told[-1]["kind"] == "refused" and told[-1]["code"] == "rate_limited"


def test_a_right_to_some_users_here_is_none_to_everybody_here(make_broker):
    with make_broker(handlers={"echo": python_handler(may={"users": ["*a", "*e"]})}) as broker:
        c = broker.client("tina")
        server = c.ask("builtin", {"command": {"type": "whoami"}})["server"]
        assert server[-1] in "ae"
        assert code_of(do(c, {"command": "sendClients", "users": [f"*@{server}"], "data": 1})) == "command_forbidden"
        assert is_good(do(c, {"command": "sendClients", "users": [f"tina@{server}"], "data": 1}))
