"""conf/nginx-websocket.conf and conf/haproxy-websocket.cfg, word for word but for ports and files, in front of a broker."""
import pathlib
import shutil
import socket
import subprocess

import pytest

import eventually as waiting
import tls_files
import websocket_stream as ws
from broker import python_handler
from client import Secure
from eventually import eventually
from ports import free_port

ROOT = pathlib.Path(__file__).resolve().parents[2]


def program(name):
    found = shutil.which(name, path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
    assert found, f"{name} is not installed; tests/support/install.sh tests does it"
    return found


MAIN = """
daemon off;
master_process off;
pid nginx.pid;
error_log error.log warn;
events {}
http {
    access_log off;
    client_body_temp_path temporary; proxy_temp_path temporary; fastcgi_temp_path temporary;
    uwsgi_temp_path temporary; scgi_temp_path temporary;
    include site.conf;
}
"""


def replaced(text, *pairs):
    for old, new in pairs:
        assert text.count(old) == 1, old
        text = text.replace(old, str(new))
    return text


class Proxy:
    """One in a folder of its own. Use as a context."""

    def __init__(self, folder, broker):
        self.folder = folder
        self.broker = broker
        self.process = None

    def start(self):
        self.port, self.second_port = free_port(), free_port()
        with open(self.folder / "output", "wb") as output:
            self.process = subprocess.Popen(self.write(), cwd=self.folder, stdout=output, stderr=output)
        assert eventually(lambda: self.process.poll() is not None and "ended" or self.listens() and "listens", 20, "it listens") == "listens", self.errors()
        return self

    def port_of(self, listener):
        return self.broker.addresses[listener][1]

    def listens(self):
        try:
            socket.create_connection(("127.0.0.1", self.port)).close()
            return True
        except ConnectionRefusedError:
            return False

    def errors(self):
        return "\n".join((self.folder / name).read_text() for name in ("output", "error.log") if (self.folder / name).exists())

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(10 * waiting.slowness)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    # ---- talking through it ----

    def connection(self, from_address="127.0.0.1"):
        plain = socket.create_connection(("127.0.0.1", self.port), timeout=10 * waiting.slowness, source_address=(from_address, 0))
        return Secure.at(("127.0.0.1", self.port), tls_files.usual()[0].certificate).wrap(plain)

    def opened(self, path, from_address="127.0.0.1", **headers):
        return ws.Stream(self.connection(from_address), path, host=f"127.0.0.1:{self.port}", **headers)

    def get(self, target, *headers):
        """(head, body)"""
        secure = self.connection()
        lines = [f"GET {target} HTTP/1.1", f"Host: 127.0.0.1:{self.port}", "Connection: close", *headers]
        secure.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        received = b""
        while piece := secure.recv(1 << 16):
            received += piece
        secure.close()
        head, body = received.split(b"\r\n\r\n", 1)
        return head.decode(), body

    def log(self):
        return (self.folder / self.log_file).read_text()


class Nginx(Proxy):
    log_file = "access.log"

    def write(self):
        """Its config; the command that starts it."""
        _, certificate, key = tls_files.usual()
        site = replaced((ROOT / "conf" / "nginx-websocket.conf").read_text(),
                        ("    server 127.0.0.1:8080;", f"    server 127.0.0.1:{self.port_of('web')};"),
                        ("listen 443 ssl;", f"listen 127.0.0.1:{self.port} ssl;"),
                        ("/etc/bester/home.example.org.crt", certificate), ("/etc/bester/home.example.org.key", key),
                        ("/var/log/nginx/bester.log", "access.log"))
        (self.folder / "site.conf").write_text(site)
        (self.folder / "nginx.conf").write_text(MAIN)
        return [program("nginx"), "-p", self.folder, "-c", "nginx.conf", "-e", "error.log"]


class HAProxy(Proxy):
    log_file = "output"

    def write(self):
        _, certificate, key = tls_files.usual()
        (self.folder / "both.pem").write_bytes(pathlib.Path(certificate).read_bytes() + pathlib.Path(key).read_bytes())
        config = replaced((ROOT / "conf" / "haproxy-websocket.cfg").read_text(),
                          ("    log /dev/log local0", "    log stdout format raw local0"),
                          ("bind :443 ssl", f"bind 127.0.0.1:{self.port} ssl"), ("/etc/haproxy/chat.example.org.pem", "both.pem"),
                          ("    server bester 127.0.0.1:8080", f"    server bester 127.0.0.1:{self.port_of('web')}"),
                          ("bind :2223", f"bind 127.0.0.1:{self.second_port}"),
                          ("    server bester 127.0.0.1:2224", f"    server bester 127.0.0.1:{self.port_of('behind')}"))
        (self.folder / "haproxy.cfg").write_text(config)
        return [program("haproxy"), "-db", "-f", "haproxy.cfg"]


@pytest.fixture(scope="module")
def broker_behind(make_broker, tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    (folder / "index.html").write_text("<!doctype html><title>page</title>")
    (folder / "large.bin").write_bytes(bytes(range(256)) * 8192)
    secret = folder / ".secret"
    secret.write_text("a secret of more than 32 bytes, as it has to be")
    secret.chmod(0o600)
    listener = {"name": "web", "transport": "websocket", "address": "127.0.0.1:0", "proxies": ["127.0.0.1"], "files": str(folder),
                "paths": {"/ws": {}, "/chat": {"type": "echo", "authentication": ["jwt", "anonymous"]}}}
    behind = {"name": "behind", "transport": "tcp", "address": "127.0.0.1:0", "proxies": ["127.0.0.1"], "proxy_protocol": True,
              "authentication": ["accounts", "jwt"]}
    tokens = {"test": {"algorithms": ["HS256"], "key_file": str(secret)}}
    with make_broker(listeners=[listener, behind], tokens=tokens, limits={"connections_per_address": 2}, handlers={"echo": python_handler()}) as running:
        yield running


@pytest.fixture(scope="module", params=[Nginx, HAProxy], ids=["nginx", "haproxy"])
def proxy_before(request, broker_behind, tmp_path_factory):
    with request.param(tmp_path_factory.mktemp("proxy"), broker_behind) as running:
        yield running


@pytest.fixture
def proxy(proxy_before, broker_behind, shared_log):
    shared_log(broker_behind)
    return proxy_before


def client_of(stream):
    """A client of the protocol on a stream that stands."""
    import client
    made = client.Client.__new__(client.Client)
    made.socket, made.decoder, made.inbox, made.user, made.next_id = stream, client.frames.Decoder(), [], None, 0
    return made



def test_a_session_goes_through_it(proxy):
    stream = proxy.opened("/ws", Origin=f"https://127.0.0.1:{proxy.port}")
    with client_of(stream) as tina:
        tina.log_in("tina")
        for data in ("short", "long " * 50_000, None):
            assert tina.ask("echo", data) == data
        tina.send("builtin", {"command": {"type": "close"}}, "bye")
        tina.good("bye")
        tina.expect_closed()
        assert stream.closed_with == (1000, "")


def test_a_page_from_elsewhere_is_refused_through_it(proxy):
    for origin in ("https://evil.example.org", "https://127.0.0.1"):
        with pytest.raises(ConnectionError, match="HTTP/1.1 403 "):
            proxy.opened("/ws", Origin=origin)


def test_files_come_through_it(proxy):
    head, body = proxy.get("/")
    assert head.startswith("HTTP/1.1 200 ") and body == b"<!doctype html><title>page</title>"
    # Names of headers are written as the proxy likes it.
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in head.splitlines()[1:])}
    assert headers["content-type"] == "text/html; charset=utf-8" and headers["cache-control"] == "no-cache"
    tag = headers["etag"]
    assert proxy.get("/", f"If-None-Match: {tag}")[0].startswith("HTTP/1.1 304 ")
    head, body = proxy.get("/large.bin")
    assert head.startswith("HTTP/1.1 200 ") and body == bytes(range(256)) * 8192
    assert proxy.get("/.secret")[0].startswith("HTTP/1.1 404 ")


@pytest.mark.parametrize("source, said, seen", [("127.0.0.9", None, "127.0.0.9"), ("127.0.0.1", "192.0.2.7", "192.0.2.7"),
                                                ("127.0.0.9", "192.0.2.7", "127.0.0.9")])
def test_the_broker_learns_whom_it_speaks_for_and_believes_nobody_else(proxy, source, said, seen):
    # The proxy and the first of these clients are at 127.0.0.1, which is the only proxy.
    headers = {"X_Forwarded_For": said} if said else {}
    stream = proxy.opened("/chat?access_token=forged.in.vain", source, **headers)
    assert stream.recv(1) == b"" and stream.closed_with == (1008, "token_invalid")
    assert proxy.broker.wait_for_log(f"a token from {seen} was refused")
    eventually(lambda: "/chat" in proxy.log())
    assert "forged" not in proxy.log()


def test_connections_are_counted_by_client_through_it(proxy):
    def opened(address):
        return proxy.opened("/chat", X_Forwarded_For=address)
    kept = [opened("203.0.113.9"), opened("203.0.113.9")]
    with pytest.raises(ConnectionError, match="HTTP/1.1 429 "):
        opened("203.0.113.9")
    other = opened("203.0.113.10")
    for stream in [*kept, other]:
        stream.close()


def test_clients_of_tcp_come_through_haproxy_with_their_address(broker_behind, tmp_path, shared_log):
    shared_log(broker_behind)
    with HAProxy(tmp_path, broker_behind) as proxy:
        def arrived(address):
            plain = socket.create_connection(("127.0.0.1", proxy.second_port), timeout=10 * waiting.slowness, source_address=(address, 0))
            return client_of(plain)
        with arrived("127.0.0.7") as tina:
            tina.log_in("tina")
            assert tina.ask("echo", "hello") == "hello"
        with arrived("127.0.0.9") as stranger:
            stranger.send_frame({"header": {"authentication": {"token": "forged.in.vain"}}, "payload": {"type": "dummy"}})
            stranger.bad("auth_special", "token_invalid")
            port = stranger.socket.getsockname()[1]
            assert broker_behind.wait_for_log(f"a token from 127.0.0.9:{port} was refused")
