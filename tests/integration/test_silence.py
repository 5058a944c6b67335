"""After a silence that is longer than every deadline: whatever is used then is judged by the time that it takes then.
The rests are what is tested; each is shared by all that rests."""
import os
import select
import signal
import time

import pytest

import eventually as waiting
import link_peer
from broker import freeze, python_handler
from client import code_of, is_good, statuses
from frames import encode
from link_peer import deliver, flow_frame
from servers import at, is_linked, servers, wait_for_link  # noqa: F401
from socketio import listener
from test_one_shot import OriginalHandler, answer
from test_socketio_hostile import Engine

TRANSPORTS = ("v4", "v6", "unix", "tls", "web", "wss")


def seconds(count):
    return f"{int(count * 1000 * waiting.slowness)}ms"


def rest():
    """Longer than every deadline below."""
    time.sleep(2.5 * waiting.slowness)


def limits():
    return {"authentication_timeout": seconds(2), "write_timeout": seconds(1), "busy_timeout": seconds(1)}


@pytest.fixture
def quiet(make_broker, threads, tmp_path):
    """A broker, all of whose deadlines are shorter than a rest."""
    server = OriginalHandler(tmp_path / "original.sock", lambda data, _: answer("sendClients", data["to"], data["text"]))
    handlers = {"echo": python_handler(deadline=seconds(1), types=["echo", "limited"]),
                "ruled": python_handler(deadline=seconds(1), may={"rate": threads}),   # one a second on each shard
                "original": {"socket": str(tmp_path / "original.sock"), "deadline": seconds(1)},
                "rare": {"socket": str(tmp_path / "original.sock"), "may": {"rate": threads}}}
    edge = listener("edge", namespaces={"/": "echo"}, authentication=["anonymous"])
    permissions = [{"types": ["limited"], "users": ["*"], "rate": 1, "per": seconds(1)}, {"types": ["*"], "users": ["*"], "anonymous": True}]
    with make_broker(handlers=handlers, limits=limits(), permissions=permissions, start=False) as made:
        made.config["listeners"].append(edge)
        made.write_config()
        made.start()
        yield made
    server.close()


@pytest.mark.parametrize("kind", ["plain", "tls", "web", "socketio"])
def test_what_rested_is_served_as_before_over_every_transport(quiet, threads, kind):
    """Apart, since what looks after ciphers and Web connections wakes a shard now and then."""
    transports = {"plain": ("v4", "v6", "unix"), "tls": ("tls",), "web": ("web", "wss"), "socketio": ()}[kind]
    clients = [quiet.client(user, transport) for transport in transports for user in ("tina", "gustav") for _ in range(threads)]
    engines = [Engine(quiet) for _ in range(2 * threads if kind == "socketio" else 0)]
    for engine in engines:
        engine.enter()
    handler = quiet.pid_of("echo")
    for _ in range(2):
        rest()
        # All at once: the first turn of each shard after the silence has several of them.
        for client in clients:
            client.send("echo", {"act": "envelope"}, id="after the rest")
        for engine in engines:
            engine.say('427["echo","after the rest"]')
        for client in clients:
            client.good("after the rest")
            frame = client.data("echo")["frame"]
            assert 0 < frame["deadline"] <= 1000 * waiting.slowness
        for engine in engines:
            packet = engine.packet()
            assert packet.startswith("437") and "error" not in packet, packet
    assert quiet.pid_of("echo") == handler
    assert quiet.counters()["handler_timeouts"] == 0


def test_the_first_of_a_shard_after_a_silence_is_served_too(quiet, threads):
    """Alone: nothing else turns its shard before."""
    clients = [quiet.client("tina") for _ in range(threads)]
    for client in clients:
        rest()
        assert client.ask("echo", "first") == "first"


def test_one_job_after_a_silence_has_the_whole_deadline(quiet):
    tina = quiet.client("tina")
    rest()
    assert tina.ask("echo", {"act": "later", "ms": int(600 * waiting.slowness)})["act"] == "later"


def test_a_one_shot_handler_has_its_whole_deadline_after_a_silence(quiet, threads):
    clients = [quiet.client("tina") for _ in range(threads)]
    gustav = quiet.client("gustav")
    rest()
    for client in clients:
        client.send("original", {"to": ["gustav"], "text": "late"}, id="late")
    for client in clients:
        assert client.good("late")["payload"]["delivered"] == 1
        assert gustav.data("original") == "late"


def test_the_time_that_a_handler_is_told_is_right_after_a_silence(quiet, threads):
    clients = [quiet.client("tina") for _ in range(threads)]
    rest()
    for client in clients:
        before = int(time.time() * 1000)
        told = client.ask("echo", {"act": "envelope"})["frame"]["time"]
        assert before - 1 <= told <= time.time() * 1000 + 1


def test_a_rate_counts_the_silence(quiet, threads):
    clients = [quiet.client("ann") for _ in range(threads)]
    for _ in range(3):
        for client in clients:
            assert is_good(client.request("limited", "after the rest")[1])
        assert code_of(clients[0].request("limited", "at once")[1]) == "rate_limited"
        rest()


def test_what_a_handler_may_command_in_a_second_is_there_again_after_a_silence(quiet, threads):
    """And no more than that."""
    clients = [quiet.client("tina") for _ in range(threads)]
    join = {"command": "join", "group": "any"}
    for is_rested in (False, True):
        if is_rested:
            rest()
        for client in clients:
            assert is_good(client.request("ruled", {"do": [join]})[1])
            assert is_good(client.request("rare", {"to": ["ann"], "text": "each second"})[1])
    assert code_of(clients[0].request("ruled", {"do": [join, join]})[1]) == "rate_limited"


def test_what_a_server_may_send_in_a_second_is_there_again_after_a_silence(servers, threads):
    """And no more than that."""
    home = servers.add("home", peers={"bad": {"types": ["*"], "rate": 1}}, peering={"heartbeat": "30s"})
    with link_peer.dial(home.port, "bad", servers.authority.files("bad"), "home") as link, home.client("ann") as ann:
        link.begin_flow()

        def codes(first, count):
            """What became of so many messages that come together; a refusal may be told before what another shard does."""
            link.send_bytes(b"".join(
                encode(flow_frame(link_peer.MESSAGE, "bad", "home", link.flow, ref, deliver("echo", ["ann"], ref, ref=ref)))
                for ref in range(first, first + count)))
            return sorted(b"rate_limited" in link.take_message()["rest"] for _ in range(count))
        assert codes(1, 1) == [False]
        rest()
        assert codes(2, 2) == [False, True]
        assert [ann.data() for _ in range(2)] == [1, 2]
        ann.expect_nothing_before_ping()


def test_a_new_connection_after_a_silence_has_its_whole_time_to_log_in(quiet, threads):
    for _ in range(2):
        rest()
        for transport in TRANSPORTS:
            for _ in range(threads):
                quiet.client("tina", transport)
        Engine(quiet).enter()


def test_what_is_sent_after_a_silence_has_the_whole_write_timeout(quiet, threads):
    """A reader that pauses for less than the write timeout after a silence is no slow consumer."""
    readers = [quiet.client("gustav", "unix") for _ in range(threads)]
    tina = quiet.client("tina", "unix")
    rest()
    text = "x" * 60_000
    for i in range(10):
        tina.send("echo", {"do": [{"command": "sendClients", "users": ["gustav"], "data": text}]}, id=str(i))
    time.sleep(0.4 * waiting.slowness)
    for reader in readers:
        assert all(reader.data("echo") == text for _ in range(10))
    statuses(tina, [str(i) for i in range(10)])
    assert quiet.counters()["write_timeouts"] == 0


def test_a_broker_that_was_stopped_looks_at_what_has_come_before_it_judges(quiet, threads):
    """Answers that came in time, while the whole broker stood still, are answers in time; handlers are not ended."""
    clients = [quiet.client("tina") for _ in range(threads)]
    handler = quiet.pid_of("echo")
    for client in clients:
        client.send("echo", {"act": "later", "ms": int(300 * waiting.slowness)}, id="slow")
    # What the broker had not passed on when it stopped could not be answered in time.
    waiting.eventually(lambda: quiet.instance("echo")["in_flight"] == threads, what="the handler has all of them")
    broker = quiet.process.pid
    freeze(broker)
    rest()
    os.kill(broker, signal.SIGCONT)
    answers = [client.status("slow") for client in clients]
    assert all(is_good(each) for each in answers), answers
    assert quiet.pid_of("echo") == handler


def test_peer_links_after_a_silence(servers, threads):
    quick = {"peering": {"heartbeat": "30s", "deadline": seconds(1)}, "limits": limits(),
             "handlers": {"echo": python_handler(deadline=seconds(1))}}
    a = servers.add("a", peers={"b": {}}, **quick)
    b = servers.add("b", peers={"a": at(a)}, **quick)
    wait_for_link(a, b)
    there = [(a.client("tina"), b.client("gustav")) for _ in range(threads)]
    for _ in range(2):
        rest()
        for tina, gustav in there:
            tina.send("echo", {"do": [{"command": "sendClients", "users": ["gustav@b"], "data": "to b"}]}, id="over")
            gustav.send("echo", {"do": [{"command": "sendClients", "users": ["tina@a"], "data": "to a"}]}, id="over")
        for tina, gustav in there:
            assert tina.good("over")["payload"]["delivered"] == threads
            assert gustav.good("over")["payload"]["delivered"] == threads
            assert [tina.data("echo") for _ in range(threads)] == ["to a"] * threads
            assert [gustav.data("echo") for _ in range(threads)] == ["to b"] * threads
    assert is_linked(a, "b") and is_linked(b, "a")


@pytest.mark.long
def test_with_the_defaults_all_is_served_after_a_silence_longer_than_any_of_them(servers, threads):
    """Nobody has a deadline of its own here; only WebSockets answer the pings, as browsers do."""
    a = servers.add("a", peers={"b": {}}, handlers={"echo": python_handler()})
    b = servers.add("b", peers={"a": at(a)}, handlers={"echo": python_handler()})
    wait_for_link(a, b)
    handler = a.pid_of("echo")
    plain = [a.client("tina", transport) for transport in ("v4", "v6", "unix", "tls") for _ in range(threads)]
    web = [a.client("tina", transport) for transport in ("web", "wss") for _ in range(threads)]
    gustav = b.client("gustav")
    end = time.monotonic() + 75
    while (left := end - time.monotonic()) > 0:
        for readable in select.select([client.socket for client in web], [], [], left)[0]:
            client = next(each for each in web if each.socket is readable)
            client.inbox += client.read_frames(time.monotonic() + 1)
    for client in plain + web:
        client.send("echo", {"act": "envelope"}, id="after the rest")
    for client in plain + web:
        client.good("after the rest")
        assert 0 < client.data("echo")["frame"]["deadline"] <= 5000
    for client in plain + web:
        client.send("echo", {"do": [{"command": "sendClients", "users": ["gustav@b"], "data": "to b"}]}, id="over")
    for client in plain + web:
        assert client.good("over")["payload"]["delivered"] == 1
        assert gustav.data("echo") == "to b"
    assert a.pid_of("echo") == handler and is_linked(a, "b")
    assert a.counters()["handler_timeouts"] == 0
