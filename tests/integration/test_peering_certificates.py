"""Certificates of links: those that are refused, with the reason where an admin looks for it, and their renewal."""
import shutil
import ssl
import subprocess

import pytest

import link_peer
from client import is_good
from eventually import eventually
from servers import (Authority, at, peer, send_clients, servers, wait_for_error, wait_for_link,  # noqa: F401
                     wait_for_state)

pytestmark = pytest.mark.skipif(not shutil.which("openssl"), reason="no openssl program; tests/run.sh installs it")


def openssl(*words):
    done = subprocess.run(["openssl", *map(str, words)], capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stderr


class Forger:
    """Certificates for the server b that nobody should take."""

    def __init__(self, servers, directory):
        self.authority = servers.authority
        self.bester = servers.bester
        self.directory = directory
        self.files = servers.authority.files("b")

    def made(self, name, certificate):
        return {**self.files, "certificate": str(certificate)}

    def expired(self):
        request, made = self.directory / "b.csr", self.directory / "expired.crt"
        openssl("req", "-new", "-key", self.files["key"], "-subj", "/CN=b", "-addext", "subjectAltName=DNS:b",
                "-addext", "extendedKeyUsage=serverAuth,clientAuth", "-out", request)
        openssl("x509", "-req", "-in", request, "-CA", self.files["authority"], "-CAkey",
                self.authority.directory / "ca.key", "-days", "-1", "-copy_extensions", "copyall", "-out", made)
        return self.made("expired", made)

    def self_signed(self):
        made = self.directory / "self.crt"
        openssl("req", "-new", "-x509", "-key", self.files["key"], "-subj", "/CN=b", "-addext", "subjectAltName=DNS:b", "-out", made)
        return self.made("self", made)

    def of_another_authority(self):
        return Authority(self.bester, self.directory / "elsewhere").files("b")

    def of_another_name(self):
        return self.authority.files("c")

    def none(self):
        return None


# What the log of the broker says where b dials it, and where it dials b; the error code in `bester peers` for the latter.
BAD = {
    "expired": ("expired", "expired", "tls_failed"),
    "self_signed": ("is signed by itself", "is signed by itself", "tls_failed"),
    "of_another_authority": ("which is no authority trusted here", "which is no authority trusted here", "tls_failed"),
    "of_another_name": ("calls itself b, but its certificate is for c", "is not that of b", "peer_refused"),
}


@pytest.fixture
def forger(servers, tmp_path):
    return Forger(servers, tmp_path)


@pytest.mark.parametrize("kind", [*BAD, "none"])
def test_a_server_with_a_bad_certificate_is_not_taken(servers, forger, kind):
    a = servers.add("a", peers={"b": {}})
    files = getattr(forger, kind)()
    with pytest.raises((link_peer.Ended, ssl.SSLError, ConnectionError)) as ended:
        link_peer.dial(a.port, "b", files, "a", context=link_peer.tls(files))
    a.wait_for_log(BAD.get(kind, ("the peer has shown no certificate",))[0])
    assert peer(a, "b")["state"] == "idle"
    if kind == "of_another_name":
        assert "its certificate is for c" in str(ended.value)
    with link_peer.dial(a.port, "b", servers.authority.files("b"), "a"):
        wait_for_state(a, "b", "linked")


@pytest.mark.parametrize("kind", BAD)
def test_a_server_with_a_bad_certificate_is_not_linked_to(servers, forger, kind):
    files = getattr(forger, kind)()
    words, code = BAD[kind][1:]
    with link_peer.Listener() as there:
        a = servers.add("a", peers={"b": at(there)})
        with pytest.raises((link_peer.Ended, OSError)):
            there.accept("b", "a", link_peer.tls(files, is_server=True))
        error = wait_for_error(a, "b", code)
        assert words in error["reason"] and str(there.port) in error["reason"], error
        a.wait_for_log(words)
        code, out, _ = a.cli("peers", "--config", a.config_path)
        assert code == 0 and words in out, out


def test_both_logs_say_why_servers_of_different_authorities_do_not_link(servers, forger):
    b = servers.add("b", peers={"a": {}}, peering=forger.of_another_authority())
    a = servers.add("a", peers={"b": at(b)})
    assert "no authority trusted here" in wait_for_error(a, "b", "tls_failed")["reason"]
    a.wait_for_log("no authority trusted here")
    b.wait_for_log("the peer refused: unknown ca")


def test_a_server_that_dials_with_a_bad_certificate_hears_why(servers, forger):
    """Its own check passes: it trusts both authorities, the other only one."""
    other = Authority(servers.bester, servers.directory / "elsewhere")
    both = servers.directory / "both.crt"
    mine = servers.authority.files("a")
    both.write_bytes(open(mine["authority"], "rb").read() + open(other.files("a")["authority"], "rb").read())
    b = servers.add("b", peers={"a": {}})
    a = servers.add("a", peers={"b": at(b)}, peering={**other.files("a"), "authority": str(both)})
    b.wait_for_log("no authority trusted here")
    eventually(lambda: "the peer refused" in (peer(a, "b")["last_error"] or {}).get("reason", ""),
               what=lambda: peer(a, "b")["last_error"])
    a.wait_for_log("the peer refused: unknown ca")


def test_nothing_below_tls_1_3(servers, forger):
    a = servers.add("a", peers={"b": {}})
    files = servers.authority.files("b")
    with pytest.raises((ssl.SSLError, ConnectionError)):
        link_peer.dial(a.port, "b", files, "a", context=link_peer.tls(files, version=ssl.TLSVersion.TLSv1_2))
    a.wait_for_log("the peer speaks no version of TLS that is allowed here")


def test_another_protocol_on_tls_is_no_link(servers):
    a = servers.add("a", peers={"b": {}})
    files = servers.authority.files("b")
    with pytest.raises((link_peer.Ended, ssl.SSLError, ConnectionError)):
        link_peer.dial(a.port, "b", files, "a", context=link_peer.tls(files, alpn="http/1.1"))
    assert peer(a, "b")["state"] == "idle"


def test_a_server_that_nobody_named_is_refused_and_told(servers):
    b = servers.add("b")
    a = servers.add("a", peers={"b": at(b)})
    error = wait_for_error(a, "b", "peer_unknown")
    assert error["reason"] == "it refused: server b has no entry for a among its peers"
    b.wait_for_log("peer a: a link from 127.0.0.1:")
    a.wait_for_log("peer_unknown")
    assert peer(b, "a")["state"] == "unknown"


def test_a_server_is_expected_under_another_name(servers):
    b = servers.add("b", peers={"a": {}})
    a = servers.add("a", peers={"c": at(b)})
    assert "is not that of c" in wait_for_error(a, "c", "peer_refused")["reason"]
    b.wait_for_log("peering: a connection from")


def test_a_renewed_certificate_is_used_after_a_reload_and_no_link_is_dropped(servers):
    b = servers.add("b", peers={"a": {}})
    way = servers.proxy(b)
    a = servers.add("a", peers={"b": at(way)})
    wait_for_link(a, b)
    before = peer(a, "b")["certificate"]["sha256"]
    tina, gustav = a.client("tina"), b.client("gustav")
    servers.authority.run("renew", "b")
    assert b.reload()["ok"]
    eventually(lambda: b.status()["peering"]["certificate"]["sha256"] != before)
    assert send_clients(tina, "gustav@b")["payload"]["delivered"] == 1 and gustav.data() == 1
    assert way.accepted == 1 and peer(a, "b")["certificate"]["sha256"] == before
    way.cut()
    eventually(lambda: (peer(a, "b")["certificate"] or {}).get("sha256") == b.status()["peering"]["certificate"]["sha256"])
    assert is_good(send_clients(tina, "gustav@b"))


def test_a_certificate_out_of_its_time_costs_links_and_nothing_else(servers, forger):
    a = servers.add("a", peers={"b": {}})
    b = servers.add("b", peers={"a": at(a)}, peering=forger.expired())
    assert is_good(b.client("tina").request("echo", 1)[1])
    wait_for_error(b, "a", "tls_failed", "connection_lost")
    code, out, err = b.cli("check", b.config_path)
    assert code == 0 and "warning" in err and "expired" in err and "no links" in err
    assert b.reload(limits={"message_size": "2MiB"})["ok"], "other things can be changed meanwhile"
    changes = b.reload(peering=servers.authority.files("b"))
    assert changes["ok"], changes
    wait_for_link(a, b)


def test_a_reload_with_a_bad_certificate_changes_nothing(servers, forger):
    b = servers.add("b", peers={"a": {}})
    a = servers.add("a", peers={"b": at(b)})
    wait_for_link(a, b)
    used = b.config["peering"]["certificate"]
    for bad in (forger.of_another_name()["certificate"], "/nowhere.crt"):
        assert not b.reload(peering={"certificate": bad})["ok"]
    assert b.reload(peering={"certificate": used})["ok"]
    assert is_good(send_clients(a.client("tina"), "gustav@b"))


def test_a_certificate_that_expires_soon_is_warned_of(servers):
    servers.authority.run("issue", "b", "--days", "9")
    b = servers.add("b", peers={"a": {}})
    a = servers.add("a", peers={"b": at(b)})
    wait_for_link(a, b)
    b.wait_for_log("expires in")
    a.wait_for_log("peer b: its certificate expires in")
    assert peer(a, "b")["certificate"]["days_left"] in (8, 9)


# ---- without TLS ----

def test_plain_links_need_both_configs(servers):
    b = servers.add("b", peers={"a": {}})
    a = servers.add("a", peers={"b": at(b, transport="plain")}, is_plain=True)
    assert "allow_plain" in wait_for_error(a, "b", "plain_not_allowed")["reason"]
    b.wait_for_log("plain_not_allowed")


def test_a_plain_link_where_the_entry_wants_tls(servers):
    b = servers.add("b", peers={"a": {}}, peering={"allow_plain": True})
    a = servers.add("a", peers={"b": at(b, transport="plain")}, is_plain=True)
    assert "wants TLS" in wait_for_error(a, "b", "peer_refused")["reason"]


def test_plain_links_work_between_loopback_addresses(servers):
    b = servers.add("b", peers={"a": {}}, is_plain=True)
    a = servers.add("a", peers={"b": at(b)}, is_plain=True)
    wait_for_link(a, b)
    gustav = b.client("gustav")
    assert send_clients(a.client("tina"), "gustav@b")["payload"]["delivered"] == 1 and gustav.data() == 1
    assert peer(a, "b")["transport"] == "plain" and peer(a, "b")["certificate"] is None
