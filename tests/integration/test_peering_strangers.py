"""Strangers and invented servers keep nobody from linking: not while they hold all places, not after a restart."""
import itertools
import socket
import threading
import time

import pytest

import eventually as waiting
import link_peer
import tls_files
from eventually import eventually
from link_peer import advert
from servers import at, free_port, peers_of, servers, wait_for_link, wait_for_state  # noqa: F401


class Strangers(threading.Thread):
    """Come one after the other, each with a ClientHello, from a few addresses; the last ones stay, so that all places are
    taken. `answers`: they go on as far as a client without a certificate can."""

    def __init__(self, port, answers):
        super().__init__(daemon=True)
        self.port = port
        self.answers = answers
        self.is_over = threading.Event()
        self.came = 0

    def run(self):
        hello = tls_files.first_flight()
        kept = []
        for source in itertools.cycle(f"127.0.0.{n}" for n in range(2, 7)):
            if self.is_over.is_set():
                break
            try:
                made = socket.create_connection(("127.0.0.1", self.port), timeout=10 * waiting.slowness, source_address=(source, 0))
                if self.answers and self.came % 4 == 0:
                    made = link_peer.tls().wrap_socket(made)
                else:
                    made.sendall(hello)
            except OSError:
                continue   # it gave way at once
            finally:
                self.came += 1
            kept.append(made)
            while len(kept) > 100:
                kept.pop(0).close()
        for each in kept:
            each.close()

    def __enter__(self):
        self.start()
        eventually(lambda: self.came > 50, 30, "strangers have come")
        return self

    def __exit__(self, *_):
        self.is_over.set()
        self.join(60 * waiting.slowness)


@pytest.mark.parametrize("answers", [False, True], ids=["ClientHellos", "handshakes"])
def test_an_honest_server_links_while_strangers_hold_all_places(servers, answers):
    home = servers.add("home", peers={"good": {}}, peering={"handshakes": 20, "handshake_timeout": "60s"})
    with Strangers(home.port, answers) as strangers:
        good = servers.add("good", peers={"home": at(home)}, peering={"handshake_timeout": "60s"})
        wait_for_link(home, good, limit=60)
        with home.client("tina") as tina:
            assert tina.ask("echo", "here") == "here"
        seen = strangers.came
        eventually(lambda: strangers.came > seen + 20, 30, "they still come")


def test_after_a_restart_invented_servers_are_as_few_and_dialled_as_slowly(servers):
    """An honest neighbour hands over all that it was told."""
    few = {"discovery": True, "dials": 3, "learned": 40, "handshake_timeout": "60s"}
    honest = servers.add("honest", peers={"*": {"types": ["*"]}, "bad": {}, "home": {}}, peering=few)
    home = servers.add("home", peers={"*": {"types": ["*"]}, "honest": at(honest)}, port=free_port(), peering=few)
    wait_for_link(home, honest)
    with socket.create_server(("127.0.0.1", 0), backlog=500) as nobody, \
            link_peer.dial(honest.port, "bad", servers.authority.files("bad"), "honest", features=["discovery"]) as link:
        wait_for_state(honest, "bad", "linked")
        address = f"127.0.0.1:{nobody.getsockname()[1]}"
        kept = []

        def dialled(count):
            """So many connections come, and no more."""
            nobody.settimeout(20 * waiting.slowness)
            kept.extend(nobody.accept()[0] for _ in range(count))
            nobody.settimeout(0.5)
            with pytest.raises(TimeoutError):
                kept.append(nobody.accept()[0])
        for i in range(200):
            link.send(advert(f"invented{i:03}", int(time.time() * 1000), ["bad"], [address]))
        eventually(lambda: len(peers_of(home)) >= 40, 20, "home has heard of them")
        dialled(6)   # three of each
        assert len(peers_of(home)) <= 42   # bad, honest and 40 others
        home.stop()
        home.start()
        wait_for_link(home, honest)
        eventually(lambda: len(peers_of(home)) >= 40, 20, "home has heard of them again")
        dialled(3)
        assert len(peers_of(home)) <= 42 and home.log().count("invented") < 100
        with home.client("tina") as tina:
            assert tina.ask("echo", "here") == "here"
        for each in kept:
            each.close()
