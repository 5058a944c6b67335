"""What a server sends is bounded: it holds up itself, not local clients and not other servers."""
import socket
import time

import pytest

import eventually as waiting
import link_peer
from eventually import eventually
from frames import encode
from link_peer import ADVERT, HELLO, MESSAGE, advert, deliver, flow_frame, read_submit, submit, summary
from servers import (at, free_port, is_linked, peer, peers_of, send_clients, servers, wait_for_link,  # noqa: F401
                     wait_for_report, wait_for_state)


def dial(servers, home, name="bad", **fields):
    link = link_peer.dial(home.port, name, servers.authority.files(name), "home", **fields)
    wait_for_state(home, name, "linked")
    return link


def answers(link, count):
    """Results by ref."""
    found = {}
    while len(found) < count:
        body = link.take_message()["rest"]
        if body[0] == link_peer.RESULT:
            found[read_submit(body)["ref"]] = body
    return found


# ---- messages ----

def test_so_many_bytes_of_one_server_are_at_handlers_and_no_more(servers):
    home = servers.add("home", peers={"bad": {}}, peering={"unanswered_bytes": "1MiB"})
    with dial(servers, home) as link, home.client("tina") as tina:
        link.begin_flow()
        for ref in range(1, 21):
            link.send_message(submit("echo", "eve", {"act": "hold", "filler": "x" * 100_000}, ref=ref))
        refused = answers(link, 10)
        assert sorted(refused) == list(range(11, 21)) and all(b"busy" in body for body in refused.values())
        # One message is let in however large it is, if there is nothing else.
        assert tina.ask("echo", "here") == "here"
        tina.ask("echo", {"act": "release"})
        assert sorted(answers(link, 10)) == list(range(1, 11))
        link.send_message(submit("echo", "eve", {"act": "none", "filler": "x" * 100_000}, ref=21))
        assert b"busy" not in answers(link, 1)[21]


def test_so_many_messages_a_second_are_taken_and_no_more(servers):
    home = servers.add("home", peers={"bad": {"types": ["*"], "rate": 5}})
    with dial(servers, home) as link, home.client("ann") as ann:
        link.begin_flow()
        link.send_bytes(b"".join(encode(flow_frame(MESSAGE, "bad", "home", link.flow, number, deliver("echo", ["ann"], number, ref=number)))
                                 for number in range(1, 201)))
        said = answers(link, 200)
        taken = [ref for ref, body in sorted(said.items()) if b"rate_limited" not in body]
        assert 5 <= len(taken) < 200
        assert [ann.data() for _ in taken] == taken
        ann.expect_nothing_before_ping()
        # After a pause there is some again.
        link.sequence = 200
        def is_taken():
            link.send_message(submit("echo", "eve", {"act": "none"}, ref=1000))
            return b"rate_limited" not in answers(link, 1)[1000]
        eventually(is_taken)


def test_whom_a_server_may_address(servers):
    home = servers.add("home", peers={"good": {"types": ["*"], "users": ["a*"]}})
    good = servers.add("good", peers={"home": at(home)})
    wait_for_link(home, good)
    with home.client("ann") as ann, home.client("gustav") as gustav, good.client("tina") as tina:
        tina.send("echo", {"do": [{"command": "sendClients", "users": ["ann@home", "gustav@home"], "data": 1, "report": "some"}]}, id="x")
        assert tina.good("x")["payload"]["delivered"] == 1 and ann.data() == 1
        assert wait_for_report(tina, "some")["failed"] == [{"recipient": "gustav@home", "code": "peer_refused"}]
        assert send_clients(tina, "*@home")["header"]["error"]["code"] == "peer_refused"
        home.reload(peers={"good": {"types": ["*"], "users": ["a*", "*"]}})
        assert send_clients(tina, "*@home")["payload"]["delivered"] == 2
        assert ann.data() == 1 and gustav.data() == 1


def test_a_server_that_is_too_fast_for_a_client_does_not_cut_it_off(servers):
    home = servers.add("home", peers={"bad": {}}, limits={"queue_bytes": "256KiB"})
    with dial(servers, home) as link, home.client("gustav") as slow, home.client("tina") as tina:
        link.begin_flow()
        sent = []
        def flood():
            for _ in range(50):
                sent.append(len(sent) + 1)
                link.send_message(deliver("echo", ["gustav"] if len(sent) % 2 else "*", ["x" * 20_000, sent[-1]], ref=sent[-1]))
            if len(sent) % 100 == 0:
                tina.inbox.clear()
                tina.ask("echo", "here")
            return home.counters()["peer_deliveries_refused"] > 0
        eventually(flood, 60)
        said = answers(link, len(sent))
        assert home.counters()["slow_consumers"] == 0
        # There is room yet for those at home.
        assert send_clients(tina, "gustav", data="from home")["payload"]["delivered"] == 1
        came = []
        while not came or came[-1] != "from home":
            came.append(slow.data())
        numbers = [data[1] for data in came[:-1]]
        assert numbers == sorted(numbers) and set(numbers) < set(sent)
        # What was not handed over was said.
        refused = [ref for ref in sent if ref not in numbers]
        assert refused and all(b"busy" in said[ref] for ref in refused if ref % 2)
        link.send_message(deliver("echo", ["gustav"], "again", ref=1))
        assert slow.data() == "again"


def test_a_reply_for_which_there_is_no_room_is_no_good_status(servers):
    home = servers.add("home", peers={"bad": {}}, limits={"queue_bytes": "256KiB"})
    with dial(servers, home) as link, home.client("tina") as tina:
        link.begin_flow()
        tina.send("echo", {"do": [{"command": "sendServers", "servers": ["bad"], "data": 1}]}, id="x")
        asked = read_submit(link.take_message()["rest"])
        def flood():
            for _ in range(50):
                link.send_message(link_peer.reply(asked["session"], "x", "echo", "x" * 20_000))
            return home.counters()["peer_deliveries_refused"] > 0
        eventually(flood, 60)
        assert home.counters()["slow_consumers"] == 0
        link.send_message(link_peer.result(asked["ref"]))
        tina.bad("x", "busy")
        assert tina.ask("echo", "here") == "here"


# ---- adverts and dials ----

def now_ms():
    return int(time.time() * 1000)


def test_servers_that_were_invented_are_few_and_dialled_one_after_the_other(servers):
    late = free_port()
    home = servers.add("home", peers={"*": {"types": ["*"]}, "bad": {}, "good": at(late)},
                       peering={"discovery": True, "dials": 3, "learned": 40, "handshake_timeout": "60s"})
    with socket.create_server(("127.0.0.1", 0), backlog=500) as nobody, dial(servers, home, features=["discovery"]) as link:
        address = f"127.0.0.1:{nobody.getsockname()[1]}"
        for i in range(600):
            link.send(advert(f"invented{i:03}", now_ms(), ["bad"], [address]))
        link.send(advert("bad", now_ms(), ["home"]))   # the last that is read, after 600
        eventually(lambda: len(peers_of(home)) == 42)   # bad, good and 40 others
        nobody.settimeout(10 * waiting.slowness)
        dialled = [nobody.accept()[0] for _ in range(3)]
        nobody.settimeout(0.5)
        with pytest.raises(TimeoutError):
            nobody.accept()
        # Those whom the config names do not wait for them.
        good = servers.add("good", peers={"home": {}}, port=late)
        wait_for_link(home, good)
        for each in dialled:
            each.close()
        nobody.settimeout(10 * waiting.slowness)
        dialled = [nobody.accept()[0] for _ in range(3)]
        assert len(peers_of(home)) == 42 and home.log().count("invented") < 100
        for each in dialled:
            each.close()


def adverts_of(link, server, until):
    """Adverts of this server that come, until one satisfies."""
    found = []
    while True:
        frame = link.receive(ADVERT)
        if frame.get("server") == server:
            found.append(frame)
            if until(frame):
                return found


@pytest.mark.parametrize("version", [(1 << 53) - 1, "an hour ahead"])
def test_an_advert_in_the_name_of_another_is_contradicted(servers, version):
    home_port, good_port = free_port(), free_port()
    home = servers.add("home", port=home_port, peers={"good": {}, "bad": {}, "watch": {}},
                       peering={"discovery": True, "advertise": [f"127.0.0.1:{home_port}"]})
    good = servers.add("good", port=good_port, peers={"home": at(home)},
                       peering={"discovery": True, "advertise": [f"127.0.0.1:{good_port}"]})
    wait_for_link(home, good)
    forged = now_ms() + 3_600_000 if version == "an hour ahead" else version
    with dial(servers, home, "watch", features=["discovery"]) as watch:
        watch.send(summary())
        adverts_of(watch, "good", lambda said: "home" in [link["peer"] for link in said["links"]])
        with dial(servers, home, features=["discovery"]) as link:
            link.send(advert("good", forged, ["bad"], ["127.0.0.1:1"]))
            if version == "an hour ahead":
                said = adverts_of(watch, "good", lambda said: said["version"] > forged)
            else:
                home.wait_for_log("more than a day ahead of the clock")
                said = []
            assert all(each["addresses"] == [f"127.0.0.1:{good_port}"] for each in said)
    assert is_linked(home, "good")


def test_many_links_of_new_names_work_at_once(servers):
    home = servers.add("home", is_plain=True, peers={"*": {"types": ["*"]}}, peering={"discovery": True})
    links = [link_peer.dial(home.port, f"s{i}", None, "home") for i in range(60)]
    with home.client("ann") as ann:
        for i, link in enumerate(links):
            assert link.begin_flow()["number"] == 1
            link.send_message(deliver("echo", ["ann"], i))
            assert ann.data() == i
    for link in links:
        link.socket.close()


def test_links_that_come_and_go_among_many_servers_and_sessions_leave_nothing_behind(servers):
    """What they change is gathered: clients are served meanwhile, and the last word is right."""
    home = servers.add("home", is_plain=True, peers={"*": {"types": ["*"]}}, peering={"discovery": True, "routing": True, "heartbeat": "60s"})
    members = [home.client("gustav", "unix") for _ in range(50)]
    for each in members:
        each.ask("echo", {"do": [{"command": "join", "group": "hall"}, {"command": "reply", "data": 1}]})
    with home.client("ann") as ann, link_peer.dial(home.port, "known", None, "home", features=["discovery"], heartbeat_ms=60_000) as known:
        for i in range(300):
            known.send(advert(f"other{i:03}", now_ms(), ["known"]))
        eventually(lambda: len(peers_of(home)) > 300)
        for round in range(4):
            links = [link_peer.dial(home.port, f"s{round}-{i}", None, "home") for i in range(30)]
            for link in links[::2]:
                link.socket.close()
            assert ann.ask("echo", {"do": [{"command": "sendGroup", "group": "hall", "data": round}, {"command": "reply", "data": round}]}) == round
            for link in links[1::2]:
                link.socket.close()
        assert [[each.data() for _ in range(4)] for each in members] == [[0, 1, 2, 3]] * 50
        eventually(lambda: [name for name, one in peers_of(home).items() if one["state"] == "linked"] == ["known"])

        def told():
            """What the handler knows by the events: the last of each server."""
            frames = [frame for _, frame in ann.ask("echo", {"act": "records", "kinds": ["event"]})]
            last = {frame["peer"]: frame["event"] for frame in frames if "peer" in frame}
            return [name for name, event in last.items() if event == "peer_up"] == ["known"]
        eventually(told, 20, "the handler has heard of all that are gone")


# ---- connections ----

def silent_ones(home, count, source):
    return [socket.create_connection(("127.0.0.1", home.port), source_address=(source, 0)) for _ in range(count)]


@pytest.mark.parametrize("source", ["127.0.0.2", "127.0.0.1"])
def test_who_is_about_to_link_does_not_give_way_to_those_who_say_nothing(servers, source):
    home = servers.add("home", peers={"bad": {}}, peering={"handshakes": 10, "handshake_timeout": "60s"})
    with link_peer.dial(home.port, "bad", servers.authority.files("bad"), "home", hello=False) as link:
        many = silent_ones(home, 50, source)
        many[0].settimeout(10 * waiting.slowness)
        try:
            assert many[0].recv(1) == b""
        except ConnectionError:
            pass
        link.hello()
        assert link.welcome()["kind"] == HELLO
        for each in many:
            each.close()


def test_those_of_the_address_that_has_the_most_give_way(servers):
    """Even if others are older."""
    home = servers.add("home", peers={"bad": {}}, peering={"handshakes": 10, "handshake_timeout": "60s"})
    few = silent_ones(home, 2, "127.0.0.3")
    many = silent_ones(home, 50, "127.0.0.2")
    for each in many[:42]:
        each.settimeout(10 * waiting.slowness)
        try:
            assert each.recv(1) == b""
        except ConnectionError:
            pass
    for each in few:
        each.settimeout(0.1)
        with pytest.raises(TimeoutError):
            each.recv(1)
    for each in few + many:
        each.close()
