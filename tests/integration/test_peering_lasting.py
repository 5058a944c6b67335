"""What a bad server says does no harm that outlives it."""
import pytest

import link_peer
from link_peer import ACKNOWLEDGEMENT, PROBE, UNKNOWN, flow_frame
from servers import at, is_linked, peer, send_clients, servers, wait_for_link, wait_for_state  # noqa: F401

HIGHEST = (1 << 63) - 1
DAY_MS = 24 * 3600 * 1000


def linked_pair(servers, **peering):
    """`home`, and `good`, which it is linked to; home takes links of `bad`."""
    home = servers.add("home", peers={"good": {}, "bad": {}}, peering=peering)
    good = servers.add("good", peers={"home": at(home)}, peering=peering)
    wait_for_link(home, good)
    return home, good


@pytest.mark.parametrize("flow", [HIGHEST, "a day ahead"])
@pytest.mark.parametrize("number", [1, 2])
def test_a_flow_in_the_name_of_another_is_no_end_of_their_link(servers, flow, number):
    """With routing, anybody may say that a frame is of `good`."""
    home, good = linked_pair(servers, routing=True)
    with link_peer.dial(home.port, "bad", servers.authority.files("bad"), "home", features=["routing"]) as link:
        wait_for_state(home, "bad", "linked")
        link.probe(number, origin="good", flow=link.flow + DAY_MS - 60_000 if flow == "a day ahead" else flow)
        link.probe(1)  # when this is answered, that was read
        assert link.receive(ACKNOWLEDGEMENT)["flow"] == link.flow
    since = peer(home, "good")["since"]
    with home.client("tina") as tina, good.client("gustav") as gustav:
        # What is on its way at that moment may be lost, and its sender is told; not what comes after it.
        send_clients(gustav, "tina@home", data=0)
        assert send_clients(gustav, "tina@home", data=1)["payload"]["delivered"] == 1
        while tina.data() != 1:
            pass
        assert send_clients(tina, "gustav@good")["payload"]["delivered"] == 1
    assert is_linked(home, "good") and peer(home, "good")["since"] == since
    assert "bad_frame" not in home.log() + good.log()


def test_a_server_that_refused_each_flow_is_served_when_it_is_mended(servers):
    home, _ = linked_pair(servers)
    files = servers.authority.files("bad")
    with link_peer.dial(home.port, "bad", files, "home") as link, home.client("tina") as tina:
        wait_for_state(home, "bad", "linked")
        tina.send("echo", {"do": [{"command": "sendClients", "users": ["eve@bad"], "data": 1}]}, id="x")
        for _ in range(2):
            flow = link.receive(PROBE)["flow"]
            link.send(flow_frame(ACKNOWLEDGEMENT, "home", "bad", flow, HIGHEST, bytes([UNKNOWN])))
    wait_for_state(home, "bad", "idle")
    with link_peer.dial(home.port, "bad", files, "home") as link, home.client("ann") as ann:
        ann.send("echo", {"do": [{"command": "sendClients", "users": ["eve@bad"], "data": 2}]})
        message = link.take_message()
        assert message["flow"] < 1 << 54
    assert "bad_frame" not in home.log()


def test_a_server_whose_clock_is_far_ahead_takes_the_flow_that_it_is_told(servers):
    home, _ = linked_pair(servers)
    with link_peer.dial(home.port, "bad", servers.authority.files("bad"), "home") as link, home.client("ann") as ann:
        link.flow += 400 * DAY_MS
        link.probe(1)
        answer = link.receive(ACKNOWLEDGEMENT)
        assert answer["rest"][0] == UNKNOWN and answer["number"] < link.flow
        link.flow = answer["number"]
        assert link.begin_flow()["number"] == 1
        link.send_message(link_peer.deliver("echo", ["ann"], "hello"))
        assert ann.data() == "hello"
