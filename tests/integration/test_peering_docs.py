"""What README, proto-docs/peering.md and examples/two-servers say of other servers is run and compared."""
import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile

import jsonschema
import pytest

import eventually as waiting
import link_peer
from broker import PYTHON, SANITIZER
from client import is_good
from frames import Decoder, encode
from link_peer import ADVERT, GOODBYE, HELLO, flow_frame
from servers import peer, servers, wait_for_link  # noqa: F401

pytestmark = pytest.mark.one_thread

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGE = (ROOT / "proto-docs" / "peering.md").read_text()


def code_blocks(text, language):
    return [body for which, body in re.findall(r"^```(\w*)\n(.*?)^```$", text, re.M | re.S) if which == language]


# ---- README: two servers in five minutes ----

@pytest.fixture
def run_alone(bin_directory):
    """Runs a script with the programs in its PATH, a home (of a short path, for its sockets) and, where the machine
    lets us, a network of its own, so that the ports of the pages are free. Whatever it leaves running ends with it.
    Returns what it said."""
    home = pathlib.Path(tempfile.mkdtemp(prefix="bester-"))

    def run(script, limit):
        alone = ["unshare", "-rn"] if shutil.which("unshare") and shutil.which("ip") else []
        if alone and subprocess.run([*alone, "true"], capture_output=True, check=False).returncode:
            alone = []
        if alone:
            script = "ip link set lo up\n" + script
        environment = {**os.environ, "HOME": str(home), "PATH": f"{bin_directory}:{os.environ['PATH']}"}
        said = home / "said"
        with open(said, "wb") as to:
            process = subprocess.Popen([*alone, "bash", "-c", script], stdin=subprocess.DEVNULL, stdout=to, stderr=to,
                                       env=environment, cwd=home, start_new_session=True)
        try:
            code = process.wait(limit * waiting.slowness)
        except subprocess.TimeoutExpired:
            code = "no end in time"
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        text = said.read_text(errors="replace")
        assert code == 0, f"{code}\n{text}"
        assert not SANITIZER.search(text), text
        return text
    yield run
    shutil.rmtree(home)


def test_two_servers_in_five_minutes_work_as_they_stand_in_the_readme(run_alone):
    section = re.search(r"^## Two servers in five minutes\n(.*?)^## ", (ROOT / "README.md").read_text(), re.M | re.S).group(1)
    setup, look, gustav, tina = code_blocks(section, "sh")
    said = run_alone(f"""
set -eu
{setup}
look() {{
{look}
}}
until look 2>&1 | grep -E '^beta +linked'; do sleep 0.1; done
{{
{gustav}
}} < <(sleep 600) >gustav.txt 2>&1 &
until {{
{tina}
}} 2>&1 | grep 'delivered to 1 session'; do sleep 0.1; done
until grep Hallo gustav.txt; do sleep 0.1; done
kill $(jobs -p)
wait
""", limit=60)
    assert '"from":"tina@alpha"' in said.replace(" ", "")


def test_the_example_of_three_servers_works_unattended(bin_directory):
    environment = {**os.environ, "PATH": f"{bin_directory}:{os.environ['PATH']}"}
    done = subprocess.run([ROOT / "examples" / "two-servers" / "run.sh", "--check"], env=environment, capture_output=True,
                          text=True, timeout=100 * waiting.slowness, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("users of three servers have talked\n")
    assert not SANITIZER.search(done.stderr), done.stderr


def test_the_handler_of_the_example_passes_its_cases(bin_directory):
    done = subprocess.run([bin_directory / "bester", "test-handler", bin_directory / "chat-handler",
                           ROOT / "examples" / "two-servers" / "cases.jsonl"], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


# ---- peering.md: a peer in 80 lines ----

@pytest.fixture
def program(tmp_path):
    (source,) = code_blocks(PAGE, "python")
    assert len([line for line in source.splitlines() if line.strip()]) <= 85
    assert set(re.findall(r"^import (.*)$", source, re.M)[0].split(", ")) <= set(sys.stdlib_module_names)
    path = tmp_path / "peer.py"
    path.write_text(source)
    return path


def test_the_peer_in_80_lines_works_as_it_stands(servers, program):  # noqa: F811
    beta = servers.add("beta", {"gate": {}})
    folder = pathlib.Path(servers.authority.files("gate")["certificate"]).parent
    process = subprocess.Popen([PYTHON, program, "127.0.0.1", str(beta.port), folder, "gate", "beta"],
                               stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout.readline() == "linked to beta\n"
        waiting.eventually(lambda: peer(beta, "gate")["state"] == "linked")
        tina = beta.client("tina")
        for round in range(3):
            letter = {"command": "sendClients", "users": ["bob@gate", "eve@gate"], "data": {"round": round}}
            _, status = tina.request("echo", {"do": [letter]})
            assert is_good(status) and status["payload"]["delivered"] == 2
            assert process.stdout.readline() == f'from tina to bob eve {{"round":{round}}}\n'
            question = {"command": "sendServers", "servers": ["gate"], "data": {"round": round}}
            replies, status = tina.request("echo", {"do": [question]})
            assert is_good(status) and [each["payload"]["data"] for each in replies] == [{"round": round}]
        beta.stop()
        assert process.wait(20) != 0
    finally:
        process.kill()
        process.wait()


# ---- peering.md against the code and the other pages ----

def hex_blocks():
    for block in code_blocks(PAGE, ""):
        if re.match(r"([0-9a-f]{2} ){4}", block):
            yield b"".join(bytes.fromhex(line[:47].split("   ")[0]) for line in block.splitlines())


def test_the_bytes_of_the_page_are_frames():
    at = ("alpha", "beta", 1790000000000, 1)
    hallo = link_peer.deliver("chat", ["gustav"], "?", ref=1, sender="tina", budget=30000).replace(b'"?"', b'{"text":"Hallo"}')
    assert list(hex_blocks()) == [encode(flow_frame(link_peer.PROBE, *at)),
                                  encode(flow_frame(link_peer.ACKNOWLEDGEMENT, *at, b"\0")),
                                  encode(flow_frame(link_peer.MESSAGE, *at, hallo))]
    for block in hex_blocks():
        assert len(Decoder().feed(block)) == 1


def test_every_goodbye_of_the_broker_is_on_the_page():
    said = set()
    for path in (ROOT / "broker" / "peering").rglob("*.cpp"):
        said |= set(re.findall(r'(?:part\(|link_refusal(?: why)?|end_link\(\*?peer, )\{"(\w+)"', path.read_text()))
    assert len(said) >= 8
    table = re.search(r"^\| code \| when \|\n(.*?)\n\n", PAGE, re.M | re.S).group(1)
    assert said <= set(re.findall(r"`(\w+)`", table)), said


def test_the_keys_on_the_page_are_keys():
    page = (ROOT / "proto-docs" / "config.md").read_text()
    section = re.search(r"^### `peering`\n(.*?)^### ", page, re.M | re.S).group(1)
    keys = set(re.findall(r"^\| `(\w+)` \|", section, re.M))
    said = set(re.findall(r"`peering\.(\w+)`", PAGE))
    assert len(said) > 8 and said <= keys, said - keys


def test_the_codes_of_the_failure_table_are_codes():
    table = re.search(r"^## Failures\n(.*?)^## ", PAGE, re.M | re.S).group(1)
    known = set(re.findall(r"^\| `(\w+)` \|", (ROOT / "proto-docs" / "errors.md").read_text(), re.M))
    said = {code for row in table.splitlines() if row.count("|") == 3
            for code in re.findall(r"`([a-z]+_[a-z_]+|busy)`", row.split("|")[2])}
    assert {"peer_unknown", "peer_unreachable", "peer_refused", "peer_expired"} <= said <= known, said - known


# ---- real frames against the schemas ----

def check(name, frame):
    schema = json.loads((ROOT / "proto-docs" / "schemas" / f"link-{name}.json").read_text())
    jsonschema.Draft202012Validator(schema).validate({key: value for key, value in frame.items() if key != "kind"})


def test_what_a_broker_says_on_links_is_what_the_schemas_say(servers):  # noqa: F811
    features = {"discovery": True, "routing": True}
    beta = servers.add("beta", {"gate": {}, "alpha": {}}, peering=features)
    alpha = servers.add("alpha", {"beta": {"addresses": [f"127.0.0.1:{beta.port}"], "types": ["*"]}},
                        peering={**features, "advertise": ["127.0.0.1:7000", "[::1]:7000"]})
    wait_for_link(alpha, beta)
    files = servers.authority.files("gate")

    def known_to_beta():
        with link_peer.dial(beta.port, "gate", files, "beta", hello=False) as gate:
            gate.hello(features=["discovery", "routing"])
            gate.receive(HELLO)
            return [server for server, _, _ in gate.receive(ADVERT)["known"]]
    waiting.eventually(lambda: "alpha" in known_to_beta(), what="alpha's advert at beta")
    with link_peer.dial(beta.port, "gate", files, "beta", hello=False) as gate:
        gate.hello(features=["discovery", "routing", "something new"])
        hello = gate.receive(HELLO)
        check("hello", hello)
        assert {"discovery", "routing"} == set(hello["features"])
        summary = gate.receive(ADVERT)
        check("advert", summary)
        assert "alpha" in [server for server, _, _ in summary["known"]]
        # It lacks everything, and is told.
        mine = {"server": "gate", "incarnation": "0123456789abcdef", "version": 1, "links": [{"peer": "beta", "cost_us": 5}]}
        for said in ({"known": []}, mine):
            jsonschema.Draft202012Validator(json.loads((ROOT / "proto-docs" / "schemas" / "link-advert.json").read_text())).validate(said)
            gate.send(bytes([ADVERT]) + json.dumps(said).encode())
        adverts = {}
        while not {"alpha", "beta"} <= set(adverts):
            advert = gate.receive(ADVERT)
            check("advert", advert)
            adverts[advert["server"]] = advert
        assert adverts["alpha"]["addresses"] == ["127.0.0.1:7000", "[::1]:7000"]
        assert adverts["alpha"]["transit"] is True and [each["peer"] for each in adverts["alpha"]["links"]] == ["beta"]
        gate.send(b"\xff?")
        goodbye = gate.receive(GOODBYE)
        check("goodbye", goodbye)
        assert goodbye["code"] == "bad_frame"
    with link_peer.dial(beta.port, "gate", files, "beta", hello=False) as gate:
        gate.hello(protocol=2)
        check("goodbye", gate.receive(GOODBYE))
