"""What the pages and examples say is run: a reader can rely on it."""
import contextlib
import json
import os
import pathlib
import re
import runpy
import subprocess
import sys

import pytest

import tls_files
from broker import PYTHON, python_handler
from browser import install_packages
from client import code_of, is_good, password_of
from eventually import eventually

pytestmark = pytest.mark.one_thread

ROOT = pathlib.Path(__file__).resolve().parents[2]
DOCS = ROOT / "proto-docs"


def blocks(page, language):
    return re.findall(rf"^```{language}\n(.*?)^```", (DOCS / page).read_text(), re.M | re.S)


@pytest.fixture(scope="module")
def echo_handler(bin_directory):
    binary = bin_directory / "echo-handler"
    return {"command": [str(binary)]} if binary.exists() else python_handler()


@pytest.fixture
def program_of(tmp_path):
    """Writes the one Python program of a page to a file, word for word; returns its path."""
    def write(page, most_lines):
        (source,) = blocks(page, "python")
        assert len([line for line in source.splitlines() if line.strip()]) <= most_lines
        assert set(re.findall(r"^import (.*)$", source, re.M)[0].split(", ")) <= set(sys.stdlib_module_names)
        path = tmp_path / page.replace(".md", ".py")
        path.write_text(source)
        return path
    return write


def test_every_link_of_the_installed_pages_leads_to_what_is_installed(bin_directory, tmp_path):
    script = bin_directory.parent / "conf" / "cmake_install.cmake"
    if not script.exists():
        pytest.skip("these executables are not where they were built")
    subprocess.run(["cmake", f"-DCMAKE_INSTALL_PREFIX={tmp_path}", "-P", script], check=True, capture_output=True, timeout=60)
    installed = tmp_path / "share" / "doc" / "bester"
    pages = sorted(installed.rglob("*.md"))
    assert {"README.md", "config.md", "CHANGELOG.md"} <= {page.name for page in pages}
    codes = re.compile(r"^```.*?^```", re.M | re.S)
    for page in pages:
        text = page.read_text()
        for target in re.findall(r"\]\(([^()#: ]+)(?:#[^() ]*)?\)", codes.sub("", text)):
            assert (page.parent / target).exists(), f"{page.relative_to(installed)} leads to {target}"
        source = ROOT / page.relative_to(installed)
        assert codes.findall(text) == codes.findall(source.read_text()), f"{page.name}: its examples are changed"
    assert "[proto-docs/config.md](proto-docs/config.md)" in (installed / "README.md").read_text()
    assert not list(installed.rglob("*.db")) and not list(installed.rglob("spectator.key"))


def words_printed_by(*command):
    done = subprocess.run([PYTHON, *map(str, command)], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_the_client_in_25_lines_works_as_it_stands(make_broker, echo_handler, program_of):
    program = program_of("client.md", 25)
    with make_broker(handlers={"echo": echo_handler}) as broker:
        for listener in ("v4", "v6"):
            words = words_printed_by(program, *broker.addresses[listener], "tina", password_of("tina"))
            assert words == ["good", "hello", "good"]


def test_the_client_in_25_lines_survives_what_a_broker_may_say(make_broker, echo_handler, program_of):
    client = runpy.run_path(str(program_of("client.md", 25)))
    with make_broker(handlers={"echo": echo_handler}) as broker:
        def connected(password):
            s = client["connect"](*broker.addresses["v4"], "tina", password)
            return s, client["answer"](s, "auth_special")[0]
        _, refused = connected("wrong")
        assert refused["error"]["code"] == "authentication_failed"
        s, header = connected(password_of("tina"))
        assert header["status"] == "good"
        for id in ("a", "b"):
            client["send"](s, "echo", {"text": id}, id=id)
        assert client["answer"](s, "a")[1] == [{"text": "a"}] and client["answer"](s, "b")[1] == [{"text": "b"}]
        assert client["send"](s, "nothing", 1, id="c") is None and client["answer"](s, "c")[0]["error"]["code"] == "no_handler"
        client["send"](s, "echo", float("nan"), id="d")
        assert client["answer"](s, "d")[0]["error"]["code"] == "bad_message"
        client["send"](s, "builtin", {"command": {"type": "close"}})
        with pytest.raises(ConnectionError):
            client["answer"](s, "e")


def test_the_client_in_javascript_works_as_it_stands(make_broker, echo_handler, tmp_path):
    """In Node, which has the same WebSocket once `ws` is given its name."""
    (source,) = blocks("websocket.md", "js")
    assert len(source.split("\n\n")[0].splitlines()) <= 17
    with make_broker(handlers={"echo": echo_handler}) as broker:
        place = "%s:%d" % broker.addresses["web"]
        for old, new in (("localhost:8080/ws", place + "/"), ('"secret"', json.dumps(password_of("tina")))):
            assert source.count(old) == 1
            source = source.replace(old, new)
        program = tmp_path / "client.mjs"
        program.write_text('import { createRequire } from "node:module";\n'
                           f'globalThis.WebSocket = createRequire({json.dumps(str(install_packages()) + "/")})("ws").WebSocket;\n' + source)
        done = subprocess.run(["node", program], capture_output=True, text=True, timeout=60, check=False)
        assert (done.returncode, done.stdout.split("\n")) == (0, ["tina", "hello", ""]), done.stderr


def test_the_administrator_in_10_lines_works_as_it_stands(make_broker, program_of):
    program = program_of("admin.md", 10)
    with make_broker() as broker:
        for sessions in range(3):
            assert words_printed_by(program, broker.control_path) == [str(sessions)]
            broker.client("tina")


def test_the_handler_in_30_lines_works_as_it_stands(make_broker, program_of):
    program = str(program_of("handler.md", 30))
    with make_broker(handlers={"chat": {"command": [PYTHON, program]}, "hand": {"start": "manual"}}) as broker:
        by_hand = subprocess.Popen([PYTHON, program], env={
            "BESTER_HANDLER": "hand", "BESTER_SOCKET": str(broker.directory / "run" / "handlers.sock")})
        eventually(lambda: broker.handler("hand")["state"] == "ready")
        tina, gustav = broker.client("tina"), broker.client("gustav", "unix")
        for type in ("chat", "hand"):
            _, status = tina.request(type, {"to": "gustav", "text": "Hallo"})
            assert is_good(status) and status["payload"]["delivered"] == 1
            assert gustav.delivery()["payload"] == {"type": type, "data": {"from": "tina", "text": "Hallo"}}
            # One bad message costs itself, on whatever shard.
            for each in (tina, *(broker.client("tina") for _ in range(3))):
                for bad in (7, "to", None, {"to": "gustav"}, {"to": [{}], "text": ""}, {"to": 1e300, "text": ""}, {"to": "gustav", "text": [1]}):
                    assert code_of(each.request(type, bad)[1]) in ("bad_letter", "bad_command")
                assert is_good(each.request(type, {"to": "gustav", "text": "still there"})[1])
                assert gustav.data() == {"from": "tina", "text": "still there"}
            # What grows when it is written as JSON again, or what Python reads otherwise than the broker.
            assert is_good(tina.request(type, {"to": "gustav", "text": "é" * 400_000})[1])
            assert gustav.data() == {"from": "tina", "text": "é" * 400_000}
            for i, number in enumerate(("1e400", "9" * 5000)):
                tina.send_frame(f'{{"payload":{{"type":"{type}","id":"n{i}","data":{{"to":{number},"text":""}}}}}}'.encode())
                tina.bad(f"n{i}", "bad_letter")
        # Drained, not killed: one that is started by hand gets no signal.
        broker.stop()
        assert by_hand.wait(20) == 0


@pytest.fixture(scope="module")
def bester(bin_directory):
    def run(*arguments, **more):
        return subprocess.run([bin_directory / "bester", *map(str, arguments)], capture_output=True, text=True, timeout=60, **more)
    return run


SAMPLES = [(f"{page} {number}", text) for page in ("config.md", "websocket.md") for number, text in enumerate(blocks(page, "jsonc"))]


@pytest.mark.parametrize("text", [text for _, text in SAMPLES], ids=[name for name, _ in SAMPLES])
def test_the_samples_of_configs_pass_the_check(bester, tmp_path, text):
    if not re.match(r"\s*(//[^\n]*\n\s*)*\{", text):
        text = "{" + text + "}"
    for program in ("chat", "chat.py"):
        (tmp_path / program).write_text("#!/bin/sh\n")
        (tmp_path / program).chmod(0o755)
    path = tmp_path / "bester.jsonc"
    if "ca.crt" in text:
        for words in (["init"], ["issue", "home", "--out", tmp_path / "tls"]):
            assert bester("ca", *words, cwd=tmp_path).returncode == 0
    for place, made in zip(("/etc/bester/home.example.org.crt", "/etc/bester/home.example.org.key"), tls_files.usual()[1:]):
        text = text.replace(place, made)
    # Folders of an installed system need not exist where the test runs.
    for place in ("/run/bester", "/srv/www"):
        text = text.replace(place, str(tmp_path))
    path.write_text(text)
    done = bester("check", path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_reference_of_the_config_page_is_what_the_program_prints(bester):
    page = (DOCS / "config.md").read_text()
    generated = re.search(r"<!-- generated by bester check --reference -->\n(.*?)<!-- end of the generated part -->", page, re.S).group(1)
    assert generated.strip() == bester("check", "--reference").stdout.strip()


def test_the_schema_in_the_docs_is_what_the_program_prints(bester):
    assert json.loads((DOCS / "schemas" / "config.json").read_text()) == json.loads(bester("check", "--schema").stdout)


def test_every_counter_is_on_the_admin_page(make_broker):
    page = (DOCS / "admin.md").read_text().split("### Counters")[1].split("## Other servers")[0]
    said = set(re.findall(r"`(\w+)`", " ".join(line.split("|")[1] for line in page.splitlines() if line.startswith("| `"))))
    with make_broker() as broker:
        assert said == set(broker.status()["counters"])


def test_every_error_code_on_a_page_is_in_the_table():
    table = set(re.findall(r"^\| `(\w+)` \|", (DOCS / "errors.md").read_text(), re.M))
    assert len(table) > 30
    for page in ("client.md", "handler.md"):
        said = set(re.findall(r'"code":"(\w+)"', (DOCS / page).read_text()))
        assert said - {"no_such_user", "x"} <= table, (page, said - table)


# ---- the examples, as their folders have them ----

EXAMPLES = sorted(path.parent.name for path in (ROOT / "examples").glob("*/config.jsonc"))


def test_there_are_the_examples_that_the_docs_promise():
    assert {"afrikaans", "echo", "one-shot", "socketio", "spectator", "texto", "ticker"} <= set(EXAMPLES)
    assert (ROOT / "examples" / "two-servers" / "README.md").exists()  # run by test_peering_docs.py


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_is_complete_and_its_config_passes_the_check(bester, bin_directory, name):
    folder = ROOT / "examples" / name
    for file in ("README.md", "cases.jsonl", "config.jsonc"):
        assert (folder / file).exists(), f"{folder} lacks {file}"
    done = bester("check", folder / "config.jsonc", env={**os.environ, "PATH": f"{bin_directory}:{os.environ['PATH']}"})
    assert done.returncode == 0, done.stdout + done.stderr


def without_comments(text):
    """JSON from the examples' JSONC: no string of theirs has // in it."""
    return json.loads(re.sub(r"^\s*//.*$|(?<=[,{\[])\s*//.*$", "", text, flags=re.M))


@pytest.fixture
def example(make_broker, bin_directory, tmp_path):
    """A broker with the handlers of an example's own config."""
    with contextlib.ExitStack() as stack:
        def start(name, change=lambda handlers: None):
            handlers = without_comments((ROOT / "examples" / name / "config.jsonc").read_text())["handlers"]
            change(handlers)
            environment = {"PATH": f"{bin_directory}:{os.environ['PATH']}"}
            return stack.enter_context(make_broker(handlers=handlers, environment=environment))
        yield start


def test_example_echo(example):
    c = example("echo").client("tina")
    assert c.ask("echo", {"any": ["thing", 1.5, None]}) == {"any": ["thing", 1.5, None]}


def test_example_afrikaans(example):
    broker = example("afrikaans")
    t, g = broker.client("tina"), broker.client("gustav", "unix")
    _, status = t.request("afrikaans", {"to": "gustav", "text": "Hallo"})
    assert status["payload"]["delivered"] == 1
    assert g.delivery()["payload"] == {"type": "afrikaans", "data": {"from": "tina", "text": "Hallo"}}
    _, status = g.request("afrikaans", {"to": "tina", "text": "Goeie môre"})
    assert t.data("afrikaans") == {"from": "gustav", "text": "Goeie môre"}
    assert code_of(t.request("afrikaans", {"text": "to whom?"})[1]) == "bad_letter"


def test_example_ticker(example):
    def fast(handlers):
        handlers["ticker"]["config"]["interval"] = "20ms"
    broker = example("ticker", fast)
    listeners = [broker.client("tina"), broker.client("gustav", "unix")]
    stranger = broker.client("ann")
    for c in listeners:
        assert is_good(c.request("ticker", {"do": "join"})[1])
    for c in listeners:
        ticks = [c.data("ticker")["tick"] for _ in range(5)]
        assert ticks == list(range(ticks[0], ticks[0] + 5))
    assert is_good(listeners[0].request("ticker", {"do": "leave"})[1])
    listeners[0].inbox.clear()
    # What the other one hears from now on, this one does not.
    last = listeners[1].inbox[-1]["payload"]["data"]["tick"] if listeners[1].inbox else listeners[1].data("ticker")["tick"]
    listeners[1].find(lambda f: f["payload"].get("data", {}).get("tick", 0) > last + 5)
    heard = [f for f in listeners[0].inbox]
    listeners[0].expect_nothing_before_ping()
    stranger.expect_nothing_before_ping()
    assert heard == []


def test_example_one_shot(example, tmp_path):
    path = str(tmp_path / "s")

    def move(handlers):
        assert set(handlers["one-shot"]) == {"socket"}
        handlers["one-shot"]["socket"] = path
    process = subprocess.Popen([PYTHON, ROOT / "examples" / "one-shot" / "one_shot.py", path])
    try:
        eventually(lambda: os.path.exists(path))
        broker = example("one-shot", move)
        t, g = broker.client("tina"), broker.client("gustav")
        eventually(lambda: is_good(t.request("one-shot", {"to": "gustav", "text": "Hallo"})[1]))
        assert g.delivery()["payload"] == {"type": "one-shot", "data": {"text": "Hallo"}}
        assert code_of(t.request("one-shot", {"text": "to whom?"})[1]) == "handler_refused"
    finally:
        process.terminate()
        process.wait(10)


@pytest.mark.parametrize("name", ["bester.jsonc", "minimal.jsonc"])
def test_the_sample_configs_pass_the_check(bester, name):
    done = bester("check", ROOT / "conf" / name)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_commands_of_the_systemd_unit_work(make_broker, bin_directory):
    unit = (ROOT / "conf" / "bester.service.in").read_text()
    commands = dict(re.findall(r"^(Exec\w*)=(.*)$", unit, re.M))
    with make_broker(start=False) as broker:
        for command in commands:
            commands[command] = (commands[command].replace("@BINDIR@", str(bin_directory))
                                 .replace("/etc/bester/bester.jsonc", str(broker.config_path)).split())
        assert subprocess.run(commands["ExecStartPre"], stdout=subprocess.DEVNULL, timeout=60, check=False).returncode == 0
        with open(broker.log_path, "ab") as log:
            broker.process = subprocess.Popen(commands["ExecStart"], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        broker.until_running(broker.is_answering, "the broker answers on its control socket")
        reload = subprocess.run(commands["ExecReload"], capture_output=True, text=True, timeout=60, check=False)
        assert reload.returncode == 0 and "nothing has changed" in reload.stdout
        broker.config_path.write_text(broker.config_path.read_text().replace('"limits"', '"limts"').replace('"server"', '"sever"'))
        reload = subprocess.run(commands["ExecReload"] + ["--socket", broker.control_path], capture_output=True, text=True, timeout=60,
                                check=False)
        assert reload.returncode == 1 and "sever" in reload.stderr
