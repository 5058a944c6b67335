"""What other servers and handlers send, when the sessions that it is about, the link and the queues are on several shards."""
import select

import pytest

import eventually as waiting
import link_peer
import servers as some
from broker import now, python_handler
from client import code_of, is_delivery, is_status
from link_peer import ACKNOWLEDGEMENT, read_submit, reply, result, submit
from servers import wait_for_state

MEBI = 1 << 20


@pytest.fixture(scope="module")
def shared_home(make_broker, bin_directory, tmp_path_factory, threads):
    """With at least three shards: the handler `absent` is never there, and what waits for it does so for long."""
    handlers = {"echo": python_handler(), "absent": {"start": "manual", "deadline": "10m", "waiting_bytes": "4MiB"}}
    with some.Servers(make_broker, bin_directory / "bester", tmp_path_factory.mktemp("shards")) as made:
        home = made.add("home", peers={"bad": {}}, peering={"deadline": "2s", "unanswered_bytes": "16MiB"}, handlers=handlers, threads=max(threads, 3),
                        limits={"queued_memory": "16MiB"})
        home.authority = made.authority
        yield home


@pytest.fixture
def home(shared_home, shared_log):
    shared_log(shared_home)
    yield shared_home
    shared_home.close_clients()


@pytest.fixture
def link(home):
    with link_peer.dial(home.port, "bad", home.authority.files("bad"), "home") as made:
        wait_for_state(home, "bad", "linked")
        made.begin_flow()
        yield made


@pytest.fixture
def clients(home):
    """One on each shard, and one more."""
    return [home.client("tina") for _ in range(len(home.status()["shards"]) + 1)]


def wait_until_taken(link):
    """Until the broker has executed all that was sent."""
    while True:
        frame = link.receive(ACKNOWLEDGEMENT)
        if (frame["flow"], frame["number"]) == (link.flow, link.sequence + 1):
            return


def readable(clients):
    return select.select([each.socket for each in clients], [], [], 0)[0]


def test_no_reply_comes_after_its_status_whatever_the_shard(home, link, clients):
    """The other server replies to each message over and over, before its time is over, as it ends and after that."""
    ids = ["0", "1", "2"]
    for client in clients:
        for id in ids:
            client.send("echo", {"do": [{"command": "sendServers", "servers": ["bad"], "data": 1}]}, id=id)
    asked = [read_submit(link.take_message()["rest"]) for _ in range(len(ids) * len(clients))]
    until = now() + 20 * waiting.slowness
    ended, rounds_after_the_end = 0, 0
    while rounds_after_the_end < 3:
        assert now() < until, ended
        for each in asked:
            link.send_message(reply(each["session"], each["id"].strip('"'), "echo", "again"))
        wait_until_taken(link)
        for client in clients:
            while readable([client]):
                client.inbox += client.read_frames(until)
        ended = sum(is_status(frame) for client in clients for frame in client.inbox)
        rounds_after_the_end += ended == len(asked)
    for each in asked:
        link.send_message(result(each["ref"]))
    wait_until_taken(link)
    for client in clients:
        came, client.inbox = client.inbox, []
        client.expect_nothing_before_ping()
        for id in ids:
            mine = [frame for frame in came if frame["payload"]["id"] == id]
            assert len(mine) > 1 and all(is_delivery(frame) for frame in mine[:-1]), "replies came in time"
            assert is_status(mine[-1]) and code_of(mine[-1]) == "peer_expired"


def test_what_a_server_sends_to_an_absent_handler_holds_up_no_client_of_any_shard(home, link, clients):
    memory = home.resident_bytes()
    filler, refs = "x" * 500_000, range(1, 101)
    for ref in refs:
        link.send_message(submit("absent", "eve", filler, ref=ref))
        if ref % 10 == 0:
            for client in clients:
                assert client.ask("echo", ref) == ref
    wait_until_taken(link)
    waits = home.handler("absent")["waiting"]
    assert 0 < waits * len(filler) <= 4 * MEBI
    said = [link.take_message()["rest"] for _ in range(len(refs) - waits)]
    assert all(b"busy" in each for each in said), "what is beyond the bounds is refused"
    home.client("ann")
    assert home.counters()["slow_consumers"] == home.counters()["input_evictions"] == 0
    assert waiting.slowness > 1 or home.resident_bytes() - memory < 64 * MEBI


def test_what_a_handler_sends_to_an_absent_one_holds_up_no_client_of_any_shard(home, clients):
    memory = home.resident_bytes()
    push = {"act": "push", "times": 20, "commands": [{"command": "sendHandler", "handler": "absent", "type": "any", "data": "x" * 500_000}]}
    for channel, _ in enumerate(home.status()["shards"]):
        assert clients[0].ask("echo", {**push, "channel": channel}, limit=30) == "pushed"
        for client in clients:
            assert client.ask("echo", channel) == channel
    told = clients[0].ask("echo", {"act": "records", "kinds": ["refused"]})
    assert told and {frame["code"] for _, frame in told} == {"busy"}
    home.client("ann")
    assert home.counters()["slow_consumers"] == home.counters()["input_evictions"] == 0
    assert waiting.slowness > 1 or home.resident_bytes() - memory < 64 * MEBI
