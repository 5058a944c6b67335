"""TLS on listeners: allowed versions and certificates, and certificates that change."""
import shutil
import socket
import ssl
import struct

import pytest

import eventually as waiting
import tls_files
from client import Closed, Secure, connect
from eventually import eventually


def entry(files, **tls):
    return {"name": "secure", "address": "127.0.0.1:0", "authentication": ["accounts", "anonymous"],
            "tls": {"certificate": files[0], "key": files[1], **tls}}


@pytest.fixture
def with_listener(make_broker):
    """A broker with one more listener, made and started."""
    def make(listener):
        broker = make_broker(start=False)
        broker.config["listeners"].append(listener)
        broker.write_config()
        broker.start()
        return broker
    return make


def at(broker, authority, files=None):
    return Secure.at(tuple(broker.addresses["secure"]), authority.certificate, files)


def versions_spoken(address, context):
    with socket.create_connection(address) as plain, context.wrap_socket(plain, server_hostname="127.0.0.1") as secure:
        return secure.version()


def limited(authority, version):
    context = ssl.create_default_context(cafile=authority.certificate)
    context.minimum_version = context.maximum_version = version
    return context


def test_tls_1_3_is_preferred_1_2_allowed_and_nothing_older(with_listener):
    authority, *files = tls_files.usual()
    with with_listener(entry(files)) as broker:
        address = tuple(broker.addresses["secure"])
        assert versions_spoken(address, ssl.create_default_context(cafile=authority.certificate)) == "TLSv1.3"
        assert versions_spoken(address, limited(authority, ssl.TLSVersion.TLSv1_2)) == "TLSv1.2"
        with pytest.raises(OSError), pytest.warns(DeprecationWarning):
            versions_spoken(address, limited(authority, ssl.TLSVersion.TLSv1_1))
        assert broker.client("tina", "secure").ask("echo", "still here") == "still here"


def milliseconds_to_the_acknowledgement(secure):
    """Of what was sent last, as this side's kernel saw it: struct tcp_info of linux/tcp.h."""
    def info():
        return struct.unpack("8x13I", secure.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 60))
    eventually(lambda: info()[4] == 0, what="nothing is unacknowledged")
    _, _, _, _, _, _, _, _, _, last_sent, _, _, last_acknowledged = info()
    return last_sent - last_acknowledged


def test_a_handshake_is_acknowledged_at_once(with_listener):
    """Or who coalesces small writes waits 40 ms with its log-in."""
    authority, *files = tls_files.usual()
    context = ssl.create_default_context(cafile=authority.certificate)
    with with_listener(entry(files)) as broker:
        times = []
        for _ in range(10):
            with socket.create_connection(tuple(broker.addresses["secure"])) as plain, \
                    context.wrap_socket(plain, server_hostname="127.0.0.1") as secure:
                times.append(milliseconds_to_the_acknowledgement(secure))
        assert min(times) < 30, times


def test_the_oldest_version_can_be_1_3(with_listener):
    authority, *files = tls_files.usual()
    with with_listener(entry(files, oldest="1.3")) as broker:
        with pytest.raises(OSError):
            versions_spoken(tuple(broker.addresses["secure"]), limited(authority, ssl.TLSVersion.TLSv1_2))


def test_who_speaks_in_clear_costs_nothing(with_listener):
    with with_listener(entry(tls_files.usual()[1:])) as broker:
        with connect(tuple(broker.addresses["secure"])) as plain:
            plain.sendall(b"\x20\0\0\0" + b'{"payload":{"type":"dummy"}}    ')
            plain.settimeout(10)
            while plain.recv(1000):   # an alert, then the end
                pass
        assert broker.client("tina", "secure").ask("echo", 1) == 1


@pytest.mark.parametrize("rule", ["optional", "required"])
def test_client_certificates(with_listener, rule):
    server, *files = tls_files.usual()
    clients, strangers = tls_files.Authority("clients"), tls_files.Authority("strangers")
    with with_listener(entry(files, client_certificates=rule, authorities=[str(clients.certificate)])) as broker:
        def ask(files=None):
            address = at(broker, server, files)
            broker.addresses["shown"] = address
            return broker.client("tina", "shown").ask("echo", 1)
        assert ask(clients.issue("tina", "client")) == 1
        for refused in (strangers.issue("tina", "client"), clients.issue("other", "server")):
            with pytest.raises((OSError, Closed)):
                ask(refused)
        if rule == "optional":
            assert ask() == 1
        else:
            with pytest.raises((OSError, Closed)):
                ask()


def test_a_new_certificate_is_taken_by_a_reload_and_sessions_go_on(with_listener, tmp_path):
    old, new = tls_files.Authority("old"), tls_files.Authority("new")
    files = [str(tmp_path / name) for name in ("server.crt", "server.key")]

    def install(authority):
        for made, place in zip(authority.issue("localhost"), files):
            shutil.copy(made, place)
    install(old)
    with with_listener(entry(files)) as broker:
        broker.addresses["old"], broker.addresses["new"] = at(broker, old), at(broker, new)
        before = broker.client("tina", "old")
        install(new)
        with pytest.raises(ssl.SSLCertVerificationError):
            broker.client("tina", "new")
        assert broker.reload()["ok"]
        assert broker.client("tina", "new").ask("echo", "after") == "after"
        with pytest.raises(ssl.SSLCertVerificationError):
            broker.client("tina", "old")
        assert before.ask("echo", "before") == "before"
        (tmp_path / "server.key").write_text("nonsense")
        answer = broker.reload()
        assert not answer["ok"] and "server.key" in answer["error"]["reason"]
        assert broker.client("tina", "new").ask("echo", "as before") == "as before"


@pytest.mark.skipif(waiting.slowness != 1, reason="sanitizers keep what is freed")
def test_an_idle_session_gives_back_what_tls_needs_for_traffic(with_listener, monkeypatch):
    """Three hundred of them, that have each sent something large. What malloc keeps for others is not theirs."""
    monkeypatch.setenv("MALLOC_MMAP_THRESHOLD_", "4096")
    monkeypatch.setenv("MALLOC_TRIM_THRESHOLD_", "0")
    with with_listener(entry(tls_files.usual()[1:])) as broker:
        crowd = [broker.client("tina", "secure") for _ in range(300)]
        before = broker.resident_bytes()
        for c in crowd:
            assert c.ask("echo", "x" * 50_000) == "x" * 50_000
        eventually(lambda: broker.resident_bytes() - before < 300 * (8 << 10), 20, lambda: broker.resident_bytes() - before)
