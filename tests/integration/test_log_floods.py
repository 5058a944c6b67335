"""A flood of events that are logged fills no disk: each kind of line is bounded, and hides no other."""
import re
import socket
import struct

import pytest

import eventually as waiting
from broker import FAST, python_handler
from eventually import eventually
from servers import Authority, free_port

BURST = 500     # of one kind at once; then a few in each second
LINES = 2000    # that each flood would cause


@pytest.fixture
def attacked(make_broker, bin_directory, tmp_path):
    """Everything that is logged is wanted. The log-in is by token, so that each refusal is a line of its own."""
    authority = Authority(bin_directory / "bester", tmp_path)
    port = free_port()
    (tmp_path / "secret").write_text("a secret of more than 32 bytes, as it has to be")
    (tmp_path / "secret").chmod(0o600)
    with make_broker(start=False, handlers={"echo": python_handler(restart=FAST)}, tokens={"t": {"algorithms": ["HS256"], "key_file": str(tmp_path / "secret")}},
                     peering={"listen": [f"127.0.0.1:{port}"], "handshakes": 20, **authority.files("home")}, peers={"friend": {"types": ["*"]}}) as broker:
        broker.config["listeners"][0]["authentication"] = ["jwt", "accounts"]
        broker.write_config()
        broker.start()
        broker.peer_port = port
        yield broker


def rejected_requests(broker):
    """Pipelined on one connection as long as it lasts."""
    with socket.create_connection(tuple(broker.addresses["web"].below), 10 * waiting.slowness) as made:
        made.sendall(b"GET nowhere HTTP/1.1\r\n\r\n")
        made.shutdown(socket.SHUT_WR)
        while made.recv(1 << 16):
            pass


def handler_hello(broker):
    with socket.socket(socket.AF_UNIX) as made:
        made.settimeout(10 * waiting.slowness)
        made.connect(str(broker.directory / "run" / "handlers.sock"))
        body = b'{"kind":"hello","protocol":1,"handler":"nobody"}'
        made.sendall(struct.pack("<I", len(body)) + body)
        while made.recv(1 << 16):
            pass


def link_garbage(broker):
    with socket.create_connection(("127.0.0.1", broker.peer_port), 10 * waiting.slowness) as made:
        try:
            made.sendall(b"garbage" * 10)
            while made.recv(1 << 16):
                pass
        except ConnectionError:
            pass


def kinds_of(log):
    """How many lines there are of each kind: what a line says without its values."""
    counts = {}
    for line in log.splitlines():
        text = re.sub(r"\(\d+ more like this[^)]*\)", "", line.split(" ", 1)[-1])
        kind = re.sub(r"[0-9a-f:.]*\d[0-9a-f:.]*", "N", text)
        counts[kind] = counts.get(kind, 0) + 1
    return counts


@pytest.mark.parametrize("flood", [rejected_requests, handler_hello, link_garbage], ids=["client", "handler", "link"])
def test_a_flood_of_lines_is_bounded_and_hides_nothing(attacked, flood):
    for _ in range(LINES):
        flood(attacked)
    # Another kind, from elsewhere, still comes, and the log says what it left out.
    with attacked.client(None) as other:
        other.send_frame({"header": {"authentication": {"token": "x.y.z"}}, "payload": {"type": "dummy"}})
        other.receive()
    attacked.wait_for_log("a token from")

    def is_told():
        flood(attacked)   # the next line of a kind may be what says it
        return re.search("left out", attacked.log())
    eventually(is_told, 20, "the log says that lines were left out")
    kinds = kinds_of(attacked.log())
    # A few more for each second that the flood takes, and only a minute of it at the most.
    assert max(kinds.values()) < BURST + LINES // 2, kinds
    assert attacked.client("tina").ask("echo", "well") == "well"
