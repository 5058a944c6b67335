"""A server that is attacked by one with a good certificate, `mallory`, while it is linked to an honest one."""
import ssl

import pytest

import eventually as waiting
import link_peer
import servers as some
from servers import at, is_linked, peer, send_clients, wait_for_link

MEBI = 1 << 20
HANDSHAKE_MS = 1500   # less than the honest link lives without a heartbeat


@pytest.fixture(scope="module")
def shared(make_broker, bin_directory, tmp_path_factory):
    with some.Servers(make_broker, bin_directory / "bester", tmp_path_factory.mktemp("hostile")) as made:
        b = made.add("b", peers={"a": {}})
        a = made.add("a", peers={"b": at(b), "mallory": {}, "wide": {"types": ["other"]}},
                     peering={"handshake_timeout": f"{HANDSHAKE_MS}ms", "message_size": "256KiB", "deadline": "2s", "discovery": True, "handshakes": 20, "unanswered": 300})
        wait_for_link(a, b)
        a.files = made.authority.files("mallory")
        a.authority = made.authority
        yield a, b


@pytest.fixture
def a(shared, shared_log):
    """The attacked server. Afterwards the honest link is the one that it was, and works."""
    a, b = shared
    for each in shared:
        shared_log(each)
    since = peer(a, "b")["since"]
    before = a.resident_bytes()
    yield a
    assert is_linked(a, "b") and peer(a, "b")["since"] == since
    with a.client("tina") as tina, b.client("gustav") as gustav:
        assert send_clients(tina, "gustav@b")["payload"]["delivered"] == 1 and gustav.data() == 1
    # A sanitizer keeps what is freed.
    assert waiting.slowness > 1 or a.resident_bytes() - before < 64 * MEBI
    for each in shared:
        each.close_clients()


def mallory(a, **fields):
    """A link of mallory's. A slow machine may need longer for the handshake than it may take here: then again."""
    for _ in range(20):
        try:
            return link_peer.dial(a.port, "mallory", a.files, "a", **fields)
        except (ConnectionError, ssl.SSLError) as error:
            lost = error
    raise lost
