"""`bester client` and `bester send`, and with them the SDK's client, over TLS."""
import json
import socket
import subprocess

import pytest

import tls_files
from broker import python_handler
from client import password_of
from eventually import eventually
from tokens import SECRET, token

pytestmark = pytest.mark.one_thread

LARGE = json.dumps("x" * 900_000)


@pytest.fixture(scope="module")
def shared(make_broker, tmp_path_factory):
    authority, certificate, key = tls_files.usual()
    secret = tmp_path_factory.mktemp("token") / "secret"
    secret.write_text(SECRET)
    secret.chmod(0o600)
    with make_broker(handlers={"echo": python_handler()}, start=False) as running:
        own = {"certificate": certificate, "key": key}
        running.config["listeners"] += [
            {"name": "elsewhere", "address": "127.0.0.2:0", "tls": own},
            {"name": "named", "address": "127.0.0.1:0", "authentication": ["certificate"],
             "tls": {**own, "authorities": [str(authority.certificate)], "client_certificates": "required"}},
            {"name": "token", "address": "127.0.0.1:0", "tls": own, "authentication": ["jwt"]}]
        running.config["tokens"] = {"test": {"algorithms": ["HS256"], "key_file": str(secret)}}
        running.write_config()
        running.start()
        yield running


@pytest.fixture
def broker(shared, shared_log):
    shared_log(shared)
    return shared


def at(broker, listener="tls", host="127.0.0.1"):
    return f"tls:{host}:{broker.addresses[listener][1]}"


def send(broker, to, *words, data="1", **more):
    return broker.cli("send", "--to", to, "--type", "echo", "--data", data, *words, **more)


def as_tina(broker, to, *words, **more):
    return send(broker, to, "--user", "tina", *words, BESTER_PASSWORD=password_of("tina"), **more)


def ca():
    return "--ca", tls_files.usual()[0].certificate


def test_send_over_tls(broker):
    for host in ("127.0.0.1", "localhost"):
        code, out, err = as_tina(broker, at(broker, host=host), *ca())
        assert (code, out) == (0, "1\n"), err
    code, out, err = as_tina(broker, at(broker), BESTER_CA=str(tls_files.usual()[0].certificate))
    assert (code, out) == (0, "1\n"), err


def test_large_messages_pass(broker):
    code, out, err = as_tina(broker, at(broker), *ca(), data="-", input=LARGE)
    assert code == 0 and out.strip() == LARGE, err[:500]


def test_the_line_mode_over_tls(broker):
    lines = "".join(json.dumps({"type": "echo", "data": i, "id": str(i)}) + "\n" for i in range(500))
    code, out, err = broker.cli("client", "--json", "--to", at(broker), *ca(), "--user", "tina", input=lines,
                                BESTER_PASSWORD=password_of("tina"))
    assert code == 0, err
    frames = [json.loads(line) for line in out.splitlines()]
    assert [f["payload"]["data"] for f in frames if f["header"]["messageType"] == "receivedMessage"] == list(range(500))


def test_whom_the_client_does_not_trust(broker):
    other = tls_files.Authority("somebody else")
    code, _, err = as_tina(broker, at(broker), "--ca", other.certificate)
    assert code == 3 and "tls_failed" in err and "certificate is not taken" in err
    code, _, err = as_tina(broker, at(broker))   # the system does not trust it either
    assert code == 3 and "tls_failed" in err and "certificate is not taken" in err
    code, _, err = as_tina(broker, at(broker, "elsewhere", "127.0.0.2"), *ca())   # the right one, with other names
    assert code == 3 and "IP address mismatch" in err, err


def test_files_that_cannot_be_read(broker, tmp_path):
    (tmp_path / "text").write_text("no certificate")
    for words in (("--ca", tmp_path / "text"), ("--ca", tmp_path / "nowhere"), (*ca(), "--certificate", tmp_path / "text")):
        code, _, err = as_tina(broker, at(broker), *words)
        assert code == 3 and "tls_failed" in err and "cannot be read" in err, err
    assert "No such file" in as_tina(broker, at(broker), "--ca", tmp_path / "nowhere")[2]
    code, _, err = send(broker, at(broker), *ca(), "--token-file", tmp_path / "nowhere")
    assert code == 2 and "cannot be read" in err


def test_what_does_not_speak_tls_and_what_speaks_nothing_else(broker):
    code, _, err = as_tina(broker, at(broker, "v4"), *ca())
    assert code == 3 and ("connection_lost" in err or "tls_failed" in err), err
    code, _, err = as_tina(broker, at(broker).removeprefix("tls:"), "--timeout", "5s")
    assert code == 3 and "connection_lost" in err, err


def test_a_handshake_that_nobody_answers_has_an_end(broker):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        code, _, err = as_tina(broker, f"tls:127.0.0.1:{silent.getsockname()[1]}", *ca(), "--timeout", "300ms")
    assert code == 5 and "timeout" in err, err


def test_a_broker_that_goes_away_in_the_middle_is_noticed(make_broker):
    with make_broker(handlers={"echo": python_handler()}) as dying:
        with subprocess.Popen([dying.bester, "send", "--to", at(dying), *ca(), "--user", "tina", "--type", "echo",
                               "--data", '{"act":"silent"}'], stderr=subprocess.PIPE, text=True,
                              env={"BESTER_PASSWORD": password_of("tina")}) as sender:
            eventually(lambda: sum(s["unanswered"] for s in dying.status()["shards"]) == 1)
            dying.kill9()
            assert "connection_lost" in sender.communicate(timeout=60)[1] and sender.returncode == 3


def test_tls_is_not_forgotten(broker):
    plain = at(broker, "v4").removeprefix("tls:")
    code, out, err = as_tina(broker, plain, *ca())
    assert code == 2 and out == "" and "--to tls:" in err
    assert as_tina(broker, plain, BESTER_CA=str(ca()[1]))[:2] == (0, "1\n")


def test_a_certificate_is_who_one_is(broker):
    authority = tls_files.usual()[0]
    certificate, key = authority.issue("ann", "client")
    code, out, err = broker.cli("client", "--json", "--to", at(broker, "named"), *ca(), "--certificate", certificate, "--key", key,
                                input='{"type":"builtin","data":{"command":{"type":"whoami"}},"id":"1"}\n')
    assert code == 0 and '"user":"ann"' in out, err
    both = authority.directory / "both.pem"
    both.write_text(open(certificate).read() + open(key).read())
    assert send(broker, at(broker, "named"), *ca(), "--certificate", both)[:2] == (0, "1\n")
    code, _, err = send(broker, at(broker, "named"), *ca())
    assert code == 3 and "certificate required" in err, err


def test_a_token_is_who_one_is(broker, tmp_path):
    path = tmp_path / "token"
    path.write_text(token("ann") + "\n")
    assert send(broker, at(broker, "token"), *ca(), "--token-file", path)[:2] == (0, "1\n")
    assert send(broker, at(broker, "token"), *ca(), BESTER_TOKEN=token("ann"))[:2] == (0, "1\n")
    code, _, err = send(broker, at(broker, "token"), *ca(), BESTER_TOKEN=token("ann", secret="x" * 40))
    assert code == 4 and "token_invalid" in err, err
