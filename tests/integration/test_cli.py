"""The `bester` command as a person or a script uses it: output, exit codes, help."""
import json
import re
import subprocess

import pytest

from broker import python_handler
from client import password_of
from eventually import eventually

pytestmark = pytest.mark.one_thread


@pytest.fixture(scope="module")
def shared(make_broker):
    with make_broker(handlers={"echo": python_handler(), "slow": python_handler(deadline="5s")}) as running:
        yield running


@pytest.fixture
def broker(shared, shared_log):
    shared_log(shared)
    return shared


def to(broker, listener="v4"):
    address = broker.addresses[listener]
    if isinstance(address, str):
        return f"unix:{address}"
    return f"[{address[0]}]:{address[1]}" if ":" in address[0] else f"{address[0]}:{address[1]}"


def send(broker, *arguments, user="tina", password=None, listener="v4", **more):
    return broker.cli("send", "--to", to(broker, listener), "--user", user, *arguments,
                      BESTER_PASSWORD=password or password_of(user), **more)


# ---- help ----

COMMANDS = ["serve", "check", "status", "handlers", "client", "send", "user", "reload", "stop", "completions", "test-handler"]


def subcommands(text):
    found = re.search(r"Subcommands:\n((?:  .*\n?)+)", text)
    return re.findall(r"^  (\S+)", found.group(1), re.M) if found else []


def test_every_subcommand_has_help_with_examples_and_exit_codes(bin_directory):
    def help_of(*words):
        done = subprocess.run([bin_directory / "bester", *words, "--help"], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0 and done.stderr == "", (words, done.stderr)
        return done.stdout
    top = help_of()
    assert set(COMMANDS) <= set(subcommands(top)), subcommands(top)
    for command in subcommands(top):
        text = help_of(command)
        assert "Examples:" in text and f"bester {command}" in text and "Exit codes:" in text, command
        for deeper in subcommands(text):
            assert deeper in help_of(command, deeper)


def test_wrong_usage_is_two(broker):
    for words in (["nonsense"], ["send"], ["status", "--nonsense"], ["user"], ["check", "--nonsense"], ["completions", "tcsh"]):
        code, out, err = broker.cli(*words)
        assert code == 2 and err and not out, (words, code, out, err)


def test_a_typing_mistake_gets_a_suggestion(broker):
    for words, meant in ((["stauts"], "status"), (["user", "lst"], "list"), (["status", "--jsn"], "--json"),
                         (["send", "--usr=tina"], "--user"), (["nonsense"], None), (["status", "--json", "--x"], None),
                         (["user", "add"], None)):
        code, _, err = broker.cli(*words)
        said = re.search(r"did you mean (\S+)\?", err)
        assert code == 2 and (said.group(1) if said else None) == meant, (words, err)
        assert ("unknown: " in err) == (words != ["user", "add"])


def test_version(broker):
    code, out, _ = broker.cli("--version")
    assert code == 0 and re.search(r"\d+\.\d+\.\d+", out)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completions(broker, shell):
    code, out, _ = broker.cli("completions", shell)
    assert code == 0
    for command in COMMANDS:
        assert command in out
    if shell == "bash":
        assert subprocess.run(["bash", "-n"], input=out, text=True, capture_output=True).returncode == 0


# ---- send ----

@pytest.mark.parametrize("listener", ["v4", "v6", "unix"])
def test_send_prints_the_reply(broker, listener):
    code, out, err = send(broker, "--type", "echo", "--data", '{"text": "hello"}', listener=listener)
    assert code == 0 and json.loads(out) == {"text": "hello"} and "good" in err
    code, out, _ = send(broker, "--type", "echo", "--text", "plain", listener=listener)
    assert code == 0 and out == '"plain"\n'
    code, out, _ = send(broker, "--type", "echo", input="[1, 2]", listener=listener)
    assert code == 0 and json.loads(out) == [1, 2]


def test_send_as_json(broker):
    code, out, _ = send(broker, "--type", "echo", "--data", "5", "--json")
    assert code == 0 and json.loads(out) == {"status": "good", "replies": [{"type": "echo", "data": 5}]}
    code, out, _ = send(broker, "--type", "nothing", "--data", "5", "--json")
    answer = json.loads(out)
    assert code == 1 and answer["status"] == "bad" and answer["error"]["code"] == "no_handler" and answer["replies"] == []
    code, out, err = send(broker, "--type", "echo", "--data", "5", "--json", password="wrong")
    answer = json.loads(out)
    assert code == 4 and answer["status"] == "bad" and answer["error"]["code"] == "authentication_failed" and not err
    code, out, _ = broker.cli("send", "--to", "127.0.0.1:1", "--user", "tina", "--type", "echo", "--data", "1", "--json", BESTER_PASSWORD="x")
    assert code == 3 and json.loads(out)["status"] == "bad"


def test_exit_codes_of_send(broker):
    assert send(broker, "--type", "nothing", "--data", "1")[0] == 1
    assert send(broker, "--type", "echo", "--data", "no json")[0] == 2
    assert broker.cli("send", "--to", "127.0.0.1:1", "--user", "tina", "--type", "echo", "--data", "1", BESTER_PASSWORD="x")[0] == 3
    assert send(broker, "--type", "echo", "--data", "1", password="wrong")[0] == 4
    assert send(broker, "--type", "slow", "--data", '{"act":"silent"}', "--timeout", "200ms")[0] == 5


def test_the_password_from_a_file(broker):
    path = broker.directory / "password"
    path.write_text(password_of("tina") + "\nmore\n")
    code, out, err = broker.cli("send", "--to", to(broker), "--user", "tina", "--password-file", path, "--type", "echo", "--data", "1")
    assert (code, out) == (0, "1\n"), err


def test_send_anonymously(broker):
    code, _, err = broker.cli("send", "--to", to(broker, "open"), "--type", "echo", "--data", "1")
    assert code == 0, err


# ---- client --json ----

def test_the_line_mode_of_client(broker):
    lines = "".join(json.dumps(each) + "\n" for each in (
        {"type": "echo", "data": {"n": 1}, "id": "a"}, {"type": "nothing", "id": "b"}, {"type": "dummy", "id": "c"}))
    code, out, err = broker.cli("client", "--json", "--to", to(broker), "--user", "tina", input=lines, BESTER_PASSWORD=password_of("tina"))
    assert code == 0, err
    got = [json.loads(line) for line in out.splitlines()]
    assert got[0]["payload"] == {"id": "auth_special", "user": "tina"}
    by_id = {}
    for frame in got[1:]:
        by_id.setdefault(frame["payload"]["id"], []).append(frame["header"])
    assert [h["messageType"] for h in by_id["a"]] == ["receivedMessage", "statusReport"]
    assert by_id["b"][0]["error"]["code"] == "no_handler" and by_id["c"][0]["status"] == "good"


def test_line_mode_says_how_the_log_in_ended(broker):
    for endpoint, code, said in ((to(broker), 4, "authentication_failed"), ("127.0.0.1:1", 3, "unreachable"), ("nowhere", 2, "bad_endpoint")):
        got, out, err = broker.cli("client", "--json", "--to", endpoint, "--user", "tina", input="", BESTER_PASSWORD="wrong")
        assert got == code and said in err, (got, err)
        (line,) = out.splitlines()
        status = json.loads(line)
        assert status["payload"]["id"] == "auth_special" and status["header"]["error"]["code"] == said


def test_line_mode_refuses_nonsense(broker):
    code, _, err = broker.cli("client", "--json", "--to", to(broker), "--user", "tina", input="nonsense\n", BESTER_PASSWORD=password_of("tina"))
    assert code == 2 and "nonsense" in err


def test_two_line_clients_talk(broker):
    """A conversation of two processes, as `examples/demo.sh --check` has it."""
    process = subprocess.Popen([broker.bester, "client", "--json", "--to", to(broker), "--user", "gustav"], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, text=True, env={"BESTER_PASSWORD": password_of("gustav")})
    try:
        assert json.loads(process.stdout.readline())["payload"]["user"] == "gustav"
        code, _, err = send(broker, "--type", "echo", "--data", json.dumps({"do": [{"command": "sendClients", "users": ["gustav"], "data": "Hallo"}]}))
        assert code == 0 and "delivered to 1 session" in err
        assert json.loads(process.stdout.readline())["payload"]["data"] == "Hallo"
        # The last frame says why the connection ends, in the line mode as well.
        code, _, err = send(broker, "--type", "echo", "--data", json.dumps({"do": [{"command": "disconnect", "users": ["gustav"]}]}))
        assert code == 0, err
        last = json.loads(process.stdout.readline())
        assert last["payload"]["id"] == "close_special" and last["header"]["error"]["code"] == "disconnected"
        assert process.wait(20) == 3 and process.stdout.read() == ""
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_the_typed_mode_of_client(broker):
    code, out, err = broker.cli("client", "--to", to(broker), "--user", "tina", input='echo {"n":1}\necho some words\n/help\n',
                                BESTER_PASSWORD=password_of("tina"))
    assert code == 0, err
    assert '{"n":1}' in out and '"some words"' in out


# ---- status, handlers ----

def test_status_for_people_and_programs(broker, threads):
    code, out, _ = broker.cli("status", "--socket", broker.control_path)
    assert code == 0
    for word in ("home", "echo", "slow", "ready", "v4", "open"):
        assert word in out, out
    code, out, _ = broker.cli("status", "--json", "--config", broker.config_path)
    status = json.loads(out)
    assert code == 0 and status["server"] == "home" and len(status["shards"]) == threads
    assert status["pid"] == broker.process.pid and status["counters"]["internal_errors"] == 0
    assert [x["name"] for x in status["listeners"]] == ["v4", "v6", "unix", "tls", "web", "wss", "open"]
    assert len(status["config"]["digest"]) == 16


def test_commands_work_while_the_config_has_mistakes(broker):
    """Not where it names the socket: what does, is known."""
    config = json.loads(broker.config_path.read_text())
    config["handlers"]["new"] = {"command": ["/nowhere"]}
    broken = broker.directory / "broken.json"
    broken.write_text(json.dumps(config))
    code, out, err = broker.cli("status", "--json", "--config", broken)
    assert code == 0 and json.loads(out)["server"] == "home" and "has mistakes" in err
    code, out, err = broker.cli("reload", "--config", broken)
    assert code == 0, "the broker reads its own file"
    broken.write_text("{")
    code, out, err = broker.cli("status", "--config", broken)
    assert code == 2 and not out and "--socket" in err


def test_status_is_what_its_schema_says(broker):
    jsonschema = pytest.importorskip("jsonschema", reason="python3-jsonschema is not installed; tests/run.sh installs it")
    import pathlib
    schema = json.loads((pathlib.Path(__file__).parents[2] / "proto-docs/schemas/admin-status.json").read_text())
    jsonschema.Draft202012Validator(schema).validate(broker.status())


def test_status_counts_sessions(broker):
    before = broker.status()["sessions"]
    with broker.client("tina", "v6"), broker.client("tina", "unix"):
        assert broker.status()["sessions"] == before + 2
    eventually(lambda: broker.status()["sessions"] == before)


def test_no_broker_is_three(broker):
    for words in (["status"], ["handlers"], ["reload"], ["stop"], ["handlers", "restart", "x"]):
        code, out, err = broker.cli(*words, "--socket", broker.directory / "none.sock")
        assert code == 3 and "none.sock" in err and not out


def test_handlers_lists_and_orders(broker):
    code, out, _ = broker.cli("handlers", "--socket", broker.control_path)
    assert code == 0 and "echo" in out and "ready" in out
    code, out, _ = broker.cli("handlers", "list", "--json", "--socket", broker.control_path)
    assert {h["name"] for h in json.loads(out)} == {"echo", "slow"}
    code, _, err = broker.cli("handlers", "restart", "nobody", "--socket", broker.control_path)
    assert code == 1 and "nobody" in err
    broker.wait_for_handlers("slow")
    pid = broker.pid_of("slow")
    assert broker.cli("handlers", "restart", "slow", "--socket", broker.control_path)[0] == 0
    broker.wait_for_other_pid("slow", pid)


# ---- user ----

def test_accounts(broker):
    database = broker.directory / "own.db"
    config = broker.directory / "own.json"
    config.write_text(json.dumps({"accounts": {"database": str(database), "argon2_memory": "8KiB", "argon2_operations": 1}}))

    def user(*words, **more):
        return broker.cli("user", *words, "--config", config, **more)
    assert user("list")[0] == 0
    assert user("add", "tina", input="geheim\n")[0] == 0
    assert user("add", "tina", input="geheim\n")[0] == 1
    assert user("add", "no spaces", input="x\n")[0] == 2
    assert user("add", "gustav", input="")[0] == 2
    assert user("passwd", "tina", input="geheimer\n")[0] == 0
    assert user("passwd", "nobody", input="x\n")[0] == 1
    code, out, _ = user("list", "--json")
    assert code == 0 and [u["name"] for u in json.loads(out)] == ["tina"]
    assert b"geheim" not in database.read_bytes()
    assert user("remove", "tina")[0] == 0
    assert user("remove", "tina")[0] == 1
    code, out, _ = user("list")
    assert "no users" in out
    assert (database.stat().st_mode & 0o077) == 0, "others may read the accounts"


def test_warnings_do_not_mix_with_what_was_asked_for(broker):
    database = broker.directory / "open.db"
    broker.cli("user", "add", "tina", "--database", database, input="geheim\n")
    database.chmod(0o644)
    code, out, err = broker.cli("user", "list", "--json", "--database", database)
    assert code == 0 and [u["name"] for u in json.loads(out)] == ["tina"] and "chmod 600" in err


def test_the_default_account_database_gets_its_folder(broker):
    state = broker.directory / "deep" / "state"
    config = broker.directory / "defaults.json"
    config.write_text(json.dumps({"accounts": {"argon2_memory": "8KiB", "argon2_operations": 1}}))
    code, out, err = broker.cli("user", "add", "tina", "--config", config, input="geheim\n", STATE_DIRECTORY=str(state))
    assert code == 0 and str(state / "accounts.db") in out, err
    assert (state.stat().st_mode & 0o777) == 0o700
    code, out, _ = broker.cli("user", "list", "--json", STATE_DIRECTORY=str(state))
    assert code == 0 and [u["name"] for u in json.loads(out)] == ["tina"]
    code, _, err = broker.cli("user", "list", "--database", broker.directory / "none" / "a.db")
    assert code == 3 and "No such file" in err and not (broker.directory / "none").exists()


def test_serve_makes_the_folder_of_the_default_account_database(make_broker):
    with make_broker(start=False) as own:
        del own.config["accounts"]
        own.write_config()
        own.environment = {"STATE_DIRECTORY": str(own.directory / "state")}
        own.start()
        assert ((own.directory / "state").stat().st_mode & 0o777) == 0o700
        assert (own.directory / "state" / "accounts.db").exists()


# ---- check, serve ----

def test_check_tells_all_mistakes_at_once(broker):
    path = broker.directory / "bad.jsonc"
    path.write_text('{\n  // comment\n  "limits": {"mesage_size": "1MiB", "queue_bytes": 5},\n  "handlers": {"chat": {"command": ["/does/not/exist"]}},\n}')
    code, out, err = broker.cli("check", path)
    text = out + err
    assert code == 1 and "3 mistakes" in text
    assert re.search(r"bad\.jsonc:3:\d+: limits\.mesage_size: .*did you mean \"message_size\"", text)
    lines = err.splitlines()
    assert lines[lines.index('  "limits": {"mesage_size": "1MiB", "queue_bytes": 5},') + 1].index("^") == 13
    assert re.search(r"bad\.jsonc:3:\d+: limits\.queue_bytes", text) and re.search(r"bad\.jsonc:4:\d+: handlers\.chat\.command", text)
    code, out, _ = broker.cli("check", path, "--json")
    found = json.loads(out)
    assert code == 1 and len(found["mistakes"]) == 3 and found["mistakes"][0]["line"] == 3


def test_check_of_a_good_file(broker):
    code, out, err = broker.cli("check", broker.config_path)
    assert code == 0 and "good" in out and err == ""
    digest = re.search(r"digest:? (\w+)", out).group(1)
    assert digest == broker.status()["config"]["digest"]


def test_check_and_serve_take_the_file_in_each_way(broker):
    good = broker.config_path
    bad = broker.directory / "unknown.json"
    bad.write_text('{"nonsense": 1}')
    for words, environment, code in (([good], {}, 0), (["--config", good], {}, 0), ([], {"BESTER_CONFIG": str(good)}, 0),
                                     ([good], {"BESTER_CONFIG": str(bad)}, 0), ([bad], {"BESTER_CONFIG": str(good)}, 1)):
        assert broker.cli("check", *words, **environment)[0] == code, (words, environment)
    for words, environment in (([bad], {"BESTER_CONFIG": str(good)}), (["--config", bad], {}), ([], {"BESTER_CONFIG": str(bad)})):
        code, _, err = broker.cli("serve", *words, **environment)
        assert code == 2 and "nonsense" in err and "nothing was started" in err, (words, environment)
    for command in ("check", "serve"):
        assert "=/etc/bester/bester.jsonc" in broker.cli(command, "--help")[1]


def test_a_refused_reload_is_printed_without_an_empty_line(make_broker):
    with make_broker() as own:
        own.config_path.write_text('{"nonsense": 1, "rubbish": 2}')
        code, out, err = own.cli("reload", "--socket", own.control_path)
        assert code == 1 and out == "" and "nonsense" in err and "rubbish" in err
        assert err.endswith("\n") and "\n\n" not in err


def test_the_log_says_what_is_listened_on_and_that_a_stop_begins(make_broker):
    with make_broker(start=False) as own:
        own.config["listeners"].append({"address": "127.0.0.2:0"})
        own.write_config()
        own.start()
        eventually(lambda: re.search(r"listening on 127\.0\.0\.1:\d+ \(v4\)\n", own.log()))
        eventually(lambda: re.search(r"listening on 127\.0\.0\.2:\d+\n", own.log()))
        relative = own.cli("status", "--json", "--socket", own.control_path)[1]
        assert json.loads(relative)["config"]["file"] == str(own.config_path)
        pid = own.pid_of("echo")
        own.stop()
        assert "stopping: draining for 10 s at most" in own.log()
        assert f"handler echo#0: stopped, pid {pid}: exited with status 0 after the drain" in own.log()


def test_serve_with_a_bad_config_starts_nothing(broker):
    path = broker.directory / "bad.json"
    path.write_text('{"handlers": {"x": {}}}')
    code, _, err = broker.cli("serve", "--config", path)
    assert code == 2 and "handlers.x" in err and "nothing was started" in err


def test_serve_on_a_taken_address_says_so(broker):
    host, port = broker.addresses["v4"]
    config = json.loads(broker.config_path.read_text())
    config["listeners"] = [{"address": f"{host}:{port}"}]
    config["server"]["runtime_directory"] = str(broker.directory / "run2")
    config["handlers"] = {"marks": {"command": ["touch", str(broker.directory / "a handler ran")]}}
    path = broker.directory / "second.json"
    path.write_text(json.dumps(config))
    code, _, err = broker.cli("serve", "--config", path)
    assert code == 1 and f"{host}:{port}" in err and "in use" in err
    assert not (broker.directory / "a handler ran").exists() and "started, pid" not in err
    assert broker.client("tina").ask("echo", "the first one lives") == "the first one lives"


def test_a_second_broker_in_the_same_directory_does_not_take_over(broker):
    config = json.loads(broker.config_path.read_text())
    config["listeners"] = [{"address": "127.0.0.1:0"}]
    path = broker.directory / "third.json"
    path.write_text(json.dumps(config))
    code, _, err = broker.cli("serve", "--config", path)
    assert code == 1 and err
    assert broker.client("tina").ask("echo", 1) == 1
    assert broker.status()["pid"] == broker.process.pid
    pid = broker.pid_of("echo")
    assert broker.control({"request": "handlers", "action": "restart", "handler": "echo"})["ok"]
    eventually(lambda: broker.pid_of("echo") != pid and broker.instance("echo")["state"] == "ready")


def test_test_handler(broker, bin_directory):
    code, out, err = broker.cli("test-handler", "--help")
    assert code == 0 and "cases" in out
    cases = broker.directory / "cases.jsonl"
    cases.write_text('{"message":{"type":"a","data":1},"expect":{}}\n')
    code, out, err = broker.cli("test-handler", "build/nope", cases)
    assert code == 3 and (out + err).count("build/nope") == 1, out + err
