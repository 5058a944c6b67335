"""Several brokers that are peers of one another, with an authority made by `bester ca`."""
import subprocess

import pytest

import broker as brokers
import eventually as waiting
from eventually import eventually
from ports import free_port  # noqa: F401
from proxy import Proxy

# Links that are lost are back at once; a lost one is noticed without waiting for half a minute.
QUICK = {"initial_delay": "20ms", "longest_delay": "200ms", "heartbeat": "2s", "handshake_timeout": "5s"}
USERS = ("tina", "gustav", "ann")


class Authority:
    """`bester ca` in a directory of its own: certificate and key of each server that is asked for."""

    def __init__(self, bester, directory):
        self.bester = str(bester)
        self.directory = directory / "bester-ca"
        self.home = directory
        self.home.mkdir(parents=True, exist_ok=True)
        self.run("init")

    def run(self, *words):
        done = subprocess.run([self.bester, "ca", *map(str, words)], cwd=self.home, capture_output=True, text=True,
                              timeout=60 * waiting.slowness)
        assert done.returncode == 0, done.stdout + done.stderr

    def files(self, name):
        """The three keys of `peering` for a server; issued when first asked for."""
        if not (self.directory / f"{name}.crt").exists():
            self.run("issue", name)
        return {"certificate": str(self.directory / f"{name}.crt"), "key": str(self.directory / f"{name}.key"),
                "authority": str(self.directory / "ca.crt")}


def at(*places, **entry):
    """An entry of `peers` for a server at these ports, proxies or brokers; all types may cross, unless it says otherwise."""
    ports = [place if isinstance(place, int) else place.port for place in places]
    made = {"addresses": [f"127.0.0.1:{port}" for port in ports], **entry}
    if not any(name.endswith("types") for name in made):
        made["types"] = ["*"]
    return made


class Servers:
    """Brokers by name. `end` stops them and checks that all ended cleanly; after a failed test it prints their logs."""

    def __init__(self, make_broker, bester, directory):
        self.make_broker = make_broker
        self.bester = bester
        self.directory = directory
        self.authority = Authority(bester, directory)
        self.brokers = {}
        self.proxies = []

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self.end(has_failed=kind is not None)

    def add(self, name, peers=None, peering=None, port=None, is_plain=False, start=True, **config):
        """Starts a server; `peers` are entries as `at` makes them, `{}` for one that dials us."""
        port = port or free_port()
        files = {"allow_plain": True} if is_plain else self.authority.files(name)
        entries = {who: {"types": ["*"]} if entry == {} else entry for who, entry in (peers or {}).items()}
        if is_plain:
            entries = {who: {"transport": "plain", **entry} for who, entry in entries.items()}
        made = self.make_broker(
            start=False, server={"name": name, **config.pop("server", {})},
            handlers=config.pop("handlers", {"echo": brokers.python_handler("--events", "peers")}),
            peering={"listen": [f"127.0.0.1:{port}"], **QUICK, **files, **(peering or {})}, peers=entries, **config)
        made.name = name
        made.port = port
        self.brokers[name] = made
        if start:
            made.start()
        return made

    def proxy(self, to=None):
        """On the way to a broker, a port, or wherever `proxy.target` will say."""
        made = Proxy(to if to is None or isinstance(to, int) else to.port)
        self.proxies.append(made)
        return made

    def end(self, has_failed=False):
        try:
            for made in self.brokers.values():
                if has_failed:
                    made.abandon()
                    continue
                try:
                    made.stop()
                except BaseException:
                    has_failed = True
                    for each in self.brokers.values():
                        each.print_log()
                    raise
        finally:
            for each in self.proxies:
                each.close()
            for made in self.brokers.values():
                if made.process is not None:
                    made.process.kill()
                    made.process.wait()
                made.remove()


@pytest.fixture
def servers(request, make_broker, bin_directory, tmp_path):
    made = Servers(make_broker, bin_directory / "bester", tmp_path)
    yield made
    report = getattr(request.node, "last_report", None)
    made.end(has_failed=report is None or report.failed)


# ---- what a server says of the others ----

def peers_of(broker):
    return {peer["name"]: peer for peer in broker.status()["peering"]["peers"]}


def peer(broker, name):
    """What `broker` says of the server, which need not be known."""
    return peers_of(broker).get(name, {"state": "unknown", "last_error": None})


def is_linked(broker, name):
    return peer(broker, name)["state"] == "linked"


def wait_for_link(one, other, limit=20):
    """Until both call it linked."""
    eventually(lambda: is_linked(one, other.name) and is_linked(other, one.name), limit,
               lambda: f"{one.name} and {other.name} are linked: {peer(one, other.name)}, {peer(other, one.name)}")


def wait_for_state(broker, name, *states, limit=20):
    return eventually(lambda: peer(broker, name)["state"] in states and peer(broker, name), limit,
                      lambda: f"{broker.name} calls {name} {states}: {peer(broker, name)}")


def wait_for_error(broker, name, *codes, limit=20):
    """Until the last error with this server has one of these codes; returns it."""
    def found():
        error = peer(broker, name)["last_error"]
        return error if error and error["code"] in codes else None
    return eventually(found, limit, lambda: f"{broker.name} had {codes} with {name}: {peer(broker, name)}")


# ---- commands ----

def do(client, *commands, handler="echo", limit=20):
    """The status of a message whose handler commands this."""
    return client.request(handler, {"do": list(commands)}, limit)[1]


def send_clients(client, *users, data=1, limit=20, **more):
    return do(client, {"command": "sendClients", "users": list(users), "data": data, **more}, limit=limit)


def send_servers(client, *names, data=None, **more):
    """(answers, status) of data that the handlers of the same type on these servers get."""
    return client.request("echo", {"do": [{"command": "sendServers", "servers": list(names), "data": data, **more}]}, 20)


def records(client, *kinds, handler="echo"):
    return [frame for _, frame in client.ask(handler, {"act": "records", "kinds": list(kinds)})]


def wait_for_report(client, tag, limit=20):
    def found():
        return next((f for f in records(client, "report") if f["report"] == tag), None)
    return eventually(found, limit, f"the report {tag}")
