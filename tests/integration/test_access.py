"""Access rules: tokens, certificates, log-ins that a handler decides, permissions, and what slows guessers down."""
import json
import socket
import time

import pytest

import eventually as waiting
import tls_files
from broker import python_handler
from client import Closed, Secure, code_of, is_good, is_status
from eventually import eventually
from tokens import SECRET, Ed25519, token

HANDLERS = {"echo": python_handler(types=["echo", "admin.stop", "chat"]), "door": python_handler(types=["login"], deadline="1s")}


@pytest.fixture
def start(make_broker, tmp_path):
    """A broker whose plain listener takes these methods, tokens signed with SECRET among them."""
    def make(methods, listener=None, issuer=None, **config):
        secret = tmp_path / "secret"
        secret.write_text(SECRET)
        secret.chmod(0o600)
        broker = make_broker(start=False, handlers=HANDLERS, **config)
        broker.config["tokens"] = {"test": {"algorithms": ["HS256"], "key_file": str(secret), "passed_claims": ["tenant"], **(issuer or {})}}
        broker.config["listeners"][0] |= {"authentication": methods, **(listener or {})}
        broker.write_config()
        broker.start()
        return broker
    return make


def enter(broker, listener="v4", **authentication):
    """(client, the answer to its log-in)"""
    client = broker.client(None, listener)
    client.send_frame({"header": {"scope": "client", "authentication": authentication}, "payload": {"type": "dummy"}})
    return client, client.status("auth_special")


def entered(broker, **authentication):
    client, status = enter(broker, **authentication)
    assert is_good(status), status
    client.user = status["payload"]["user"]
    return client


def refused(broker, code, **authentication):
    client, status = enter(broker, **authentication)
    assert not is_good(status) and status["header"]["error"]["code"] == code, status
    client.expect_closed()
    return status["header"]["error"]


def whoami(client):
    replies, status = client.request("builtin", {"command": {"type": "whoami"}})
    assert is_good(status)
    return replies[0]["payload"]["data"]


def builtin(client, **command):
    return client.request("builtin", {"command": command})[1]


# ---- tokens --------------------------------------------------------------------------------------

def test_a_token_says_user_roles_and_claims_and_handlers_see_them(start):
    with start(["jwt"]) as broker:
        client = entered(broker, token=token("tina", roles=["admin", "x:y"], tenant={"id": 7}, secret_thing=1))
        assert client.user == "tina"
        origin = client.ask("echo", {"act": "envelope"})["frame"]["from"]
        assert (origin["user"], origin["roles"], origin["claims"]) == ("tina", ["admin", "x:y"], {"tenant": {"id": 7}})
        assert whoami(client)["roles"] == ["admin", "x:y"] and whoami(client)["expires"] > time.time()
        plain = entered(broker, token=token("rolf"))
        assert "roles" not in plain.ask("echo", {"act": "envelope"})["frame"]["from"]


@pytest.mark.parametrize("made, code", [
    (lambda: token("tina", secret="another secret, but just as long as it has to be"), "token_invalid"),
    (lambda: token("tina", header={"alg": "none"}), "token_invalid"),
    (lambda: token("tina", lifetime=-100), "token_expired"),
    (lambda: token("tina", nbf=time.time() + 1000), "token_not_yet_valid"),
    (lambda: token("tina", aud="others"), "token_wrong_audience"),
    (lambda: token("not a name"), "token_invalid"),
    (lambda: "nonsense", "token_invalid"),
    (lambda: "x" * 60_000, "token_invalid"),
])
def test_a_bad_token_is_refused(start, made, code):
    with start(["jwt", "accounts"]) as broker:
        bad = made()
        error = refused(broker, code, token=bad)
        assert bad not in error["reason"] and bad not in broker.log()
        refused(broker, "token_invalid", token=7)
        assert broker.counters()["authentications_failed"] == 2


def test_a_log_in_that_is_too_large_is_told_the_limit_that_holds(start):
    with start(["jwt", "accounts"]) as broker:
        client = broker.client()
        client.send_frame({"header": {"scope": "client", "authentication": {"token": "x" * 70_000}}, "payload": {"type": "dummy"}})
        assert "65536" in client.bad("error_special", "too_large")["header"]["error"]["reason"]


def test_a_listener_without_jwt_takes_no_token(start):
    with start(["accounts"]) as broker:
        refused(broker, "authentication_unsupported", token=token("tina"))


def test_a_session_ends_with_its_token_after_a_notice_and_a_fresh_one_extends_it(start):
    with start(["jwt"], issuer={"clock_skew": "0s"}, login={"token_notice": "1h"}) as broker:
        short, renewed, wrong = (entered(broker, token=token("tina", lifetime=4)) for _ in range(3))
        for client in (short, renewed, wrong):
            notice = client.find(lambda f: f["header"].get("notice") == "token_expires")
            assert 0 < notice["payload"]["after"] <= 4000
        assert is_good(builtin(renewed, type="token", token=token("tina", lifetime=1000, roles=["fresh"])))
        assert whoami(renewed)["roles"] == ["fresh"]
        for bad, code in [(token("rolf"), "token_invalid"), (token("tina", lifetime=-5), "token_expired"), ("", "token_invalid")]:
            assert builtin(wrong, type="token", token=bad)["header"]["error"]["code"] == code
        for client in (short, wrong):
            last = client.expect_closed()[-1]
            assert last["payload"]["id"] == "close_special" and last["header"]["error"]["code"] == "session_expired"
        assert renewed.ask("echo", "still here") == "still here"
        assert broker.counters()["sessions_expired"] == 2


def test_only_a_session_of_a_token_takes_a_fresh_one(start):
    with start(["jwt", "accounts"]) as broker:
        client = broker.client("tina")
        status = builtin(client, type="token", token=token("tina", roles=["admin"]))
        assert status["header"]["error"]["code"] == "authentication_unsupported" and whoami(client)["roles"] == []


def test_a_key_set_is_read_anew_by_a_reload_and_a_bad_one_changes_nothing(start, tmp_path):
    old, new = Ed25519(tmp_path, "old"), Ed25519(tmp_path, "new")
    keys = tmp_path / "keys.json"
    keys.write_text(json.dumps({"keys": [old.jwk()]}))
    with start(["jwt"]) as broker:
        assert broker.reload(tokens={"test": {"algorithms": ["EdDSA"], "key_file": None}})["ok"] is False
        broker.config["tokens"] = {"test": {"algorithms": ["EdDSA"], "jwks_file": str(keys)}}
        assert broker.reload()["ok"]
        before = entered(broker, token=old.token("tina"))
        refused(broker, "token_invalid", token=new.token("tina"))
        keys.write_text(json.dumps({"keys": [new.jwk()]}))
        assert broker.reload()["ok"]
        entered(broker, token=new.token("tina"))
        refused(broker, "token_invalid", token=old.token("tina"))
        keys.write_text("{}")
        answer = broker.reload()
        assert not answer["ok"] and "there is no array `keys`" in answer["error"]["reason"]
        entered(broker, token=new.token("tina"))
        assert before.ask("echo", "as before") == "as before"


# ---- certificates, handlers ----------------------------------------------------------------------

def test_a_certificate_is_a_user(start):
    clients, (server, *files) = tls_files.Authority("clients"), tls_files.usual()
    tls = {"certificate": files[0], "key": files[1], "client_certificates": "optional", "authorities": [str(clients.certificate)]}
    with start(["certificate", "accounts"], listener={"tls": tls}) as broker:
        address = tuple(broker.addresses["v4"])
        def at(name=None):
            broker.addresses["shown"] = Secure.at(address, server.certificate, clients.issue(name, "client") if name else None)
            return broker.client(None, "shown")
        with at("rolf") as client:
            client.send("dummy", id="1")
            assert client.good("auth_special")["payload"]["user"] == "rolf"
            assert client.good("1")
        with at() as client:
            client.send("dummy")
            client.bad("auth_special", "authentication_required")
        with at("rolf") as client:   # who says who he is, is that
            client.log_in("tina")
            assert whoami(client)["user"] == "tina"
        with at("not a user") as client:
            client.send("dummy")
            client.bad("auth_special", "authentication_failed")


def test_a_certificate_that_expired_since_the_connection_began_lets_nobody_in(start):
    clients = tls_files.Authority("clients")
    server = tls_files.usual()[0]
    tls = dict(zip(("certificate", "key"), tls_files.usual()[1:]), client_certificates="optional", authorities=[str(clients.certificate)])
    with start(["certificate"], listener={"tls": tls}, limits={"authentication_timeout": "5m"}) as broker:
        address = tuple(broker.addresses["v4"])
        until = int(time.time() + 5 * waiting.slowness)
        broker.addresses["shown"] = Secure.at(address, server.certificate, clients.issue("rolf", "client", until=until))
        early, late = broker.client(None, "shown"), broker.client(None, "shown")
        early.send("dummy", id="1")
        assert early.good("auth_special")["payload"]["user"] == "rolf"
        assert time.time() < until
        eventually(lambda: time.time() > until + 0.5, 20, "the certificate has expired")
        late.send("dummy")
        late.bad("auth_special", "authentication_failed")


def test_a_handler_decides_who_gets_in_and_as_whom(start):
    with start(["handler"], login={"type": "login"}) as broker:
        client = entered(broker, username="tina", password="sesame")
        assert client.user == "tina" and whoami(client)["roles"] == []
        client = entered(broker, username="x", password="sesame", **{"as": {"user": "boss", "roles": ["admin"], "claims": {"a": [1]}, "expires": 4e9}})
        assert whoami(client) | {"session": 0} == {"user": "boss", "session": 0, "server": "home", "roles": ["admin"], "expires": 4_000_000_000}
        assert client.ask("echo", {"act": "envelope"})["frame"]["from"]["claims"] == {"a": [1]}
        error = refused(broker, "authentication_failed", username="tina", password="guess")
        assert error["reason"] == "that is not the word"
        client, status = enter(broker, custom="kept as it is", password="sesame", **{"as": {"user": "c"}})
        assert is_good(status)
        assert status["payload"]["user"] == "c"


@pytest.mark.parametrize("expires", [1000, 1, "now"])
def test_who_is_let_in_until_a_time_that_is_over_is_not_let_in(start, expires):
    """Also not for the moment until the end of its time would be noticed."""
    with start(["handler"], login={"type": "login"}) as broker:
        credentials = {"password": "sesame", "as": {"user": "tina", "expires": int(time.time()) if expires == "now" else expires}}
        for _ in range(3):
            client = broker.client()
            client.send("echo", "executed", id="first", header={"scope": "client", "authentication": credentials})
            for number in range(100):
                client.send("echo", "executed", id=f"{number}")
            came = client.expect_closed()
            assert [code_of(frame) for frame in came] == ["session_expired"] and came[0]["payload"]["id"] == "auth_special"
        assert broker.counters()["messages"] == 0
        entered(broker, password="sesame", **{"as": {"user": "tina", "expires": int(time.time()) + 1000}})


def test_a_message_after_the_end_of_the_session_is_not_executed(start):
    """The end is looked for now and then; what comes before that is too late all the same."""
    with start(["jwt"], issuer={"clock_skew": "0s"}) as broker:
        clients = [entered(broker, token=token("tina", lifetime=2 + number / 10)) for number in range(8)]
        ends = {client: whoami(client)["expires"] for client in clients}
        late = 0
        while ends:
            for client in list(ends):
                asked = time.time()
                try:
                    client.send("echo", "x", id="asked")
                    status = client.find(lambda frame: is_status(frame))
                except (Closed, ConnectionError):
                    del ends[client]
                    continue
                if not is_good(status):
                    assert code_of(status) == "session_expired"
                    late += status["payload"]["id"] == "asked"
                assert not is_good(status) or asked < ends[client] + 0.1, "executed after its end"
        assert late > 0, "some came between the end and its being seen"


@pytest.mark.parametrize("credentials, code", [
    ({"act": "silent"}, "handler_timeout"),
    ({"act": "crash"}, "handler_failed"),
    ({"act": "none"}, "handler_failed"),
    ({"password": "sesame", "as": {}}, "handler_failed"),
    ({"password": "sesame", "as": {"user": "a b"}}, "handler_failed"),
    ({"password": "sesame", "as": {"user": "a", "roles": "admin"}}, "handler_failed"),
    ({"password": "sesame", "as": {"user": "a", "claims": []}}, "handler_failed"),
    ({"password": "sesame", "as": "a"}, "handler_failed"),
])
def test_a_handler_that_fails_lets_nobody_in(start, credentials, code):
    with start(["handler"], login={"type": "login"}) as broker:
        refused(broker, code, **credentials)


def test_a_handler_that_takes_longer_than_a_log_in_may_take_lets_nobody_in(start):
    with start(["handler"], login={"type": "login"}, limits={"authentication_timeout": "200ms"}) as broker:
        for _ in range(3):   # its answers come too late for anybody
            refused(broker, "handler_timeout", act="later", ms=400)
        entered(broker, username="tina", password="sesame")


def test_without_its_handler_nobody_is_let_in(start):
    with start(["handler"], login={"type": "nobody.serves"}) as broker:
        refused(broker, "no_handler", username="tina", password="sesame")


def test_the_login_type_cannot_be_sent_and_the_asking_is_no_session(start):
    with start(["handler", "anonymous"], login={"type": "login"}) as broker:
        client = broker.client()
        client.log_in_anonymously()
        _, status = client.request("login", {"credentials": {"password": "sesame", "username": "x"}})
        assert status["header"]["error"]["code"] == "forbidden"
        asking = broker.client()
        asking.send("dummy", header={"scope": "client", "authentication": {"act": "hold"}})
        eventually(lambda: broker.handler("door")["instances"][0]["in_flight"] > 0, 5)
        _, status = client.request("echo", {"do": [{"command": "sendClients", "users": ["*"], "data": 1}]})
        assert status["payload"]["delivered"] == 1
        asking.bad("auth_special", "handler_timeout")


def test_a_client_that_leaves_while_it_is_decided_on_is_forgotten(start):
    with start(["handler"], login={"type": "login"}) as broker:
        for _ in range(20):
            client = broker.client()
            client.send("dummy", header={"scope": "client", "authentication": {"act": "later", "ms": 300}})
            client.close()
        entered(broker, username="tina", password="sesame")


# ---- permissions ---------------------------------------------------------------------------------

RULES = [{"types": ["admin.*"], "roles": ["admin"]}, {"types": ["chat"], "users": ["*"], "rate": 2, "per": "1m"},
         {"types": ["echo"], "users": ["*"], "anonymous": True}]


def code_of_request(client, type, data=None):
    _, status = client.request(type, data)
    return None if is_good(status) else status["header"]["error"]["code"]


def test_permissions_are_checked_before_the_handler_sees_anything(start):
    with start(["jwt", "accounts", "anonymous"], permissions=RULES) as broker:
        tina, admin, anonymous = broker.client("tina"), entered(broker, token=token("boss", roles=["admin"])), broker.client()
        anonymous.log_in_anonymously()
        assert [code_of_request(c, "admin.stop") for c in (tina, admin, anonymous)] == ["forbidden", None, "forbidden"]
        assert [code_of_request(c, "echo") for c in (tina, admin, anonymous)] == [None, None, None]
        assert [code_of_request(c, "chat") for c in (tina, admin, anonymous)] == [None, None, "forbidden"]
        assert code_of_request(admin, "unheard of") == "forbidden"
        assert code_of_request(tina, "dummy") is None and whoami(tina)["user"] == "tina"
        tina.send("admin.stop", "not seen")
        tina.expect_nothing_before_ping()
        assert "not seen" not in tina.ask("echo", {"act": "seen"})
        assert broker.counters()["messages_forbidden"] == 5


def test_a_reload_does_not_fill_the_buckets_of_rules_that_stay(start):
    rules = [{"types": ["chat"], "users": ["*"], "rate": 2, "per": "24h"}, {"types": ["echo"], "users": ["*"], "rate": 2, "per": "24h"}]
    with start(["accounts"], permissions=rules) as broker:
        tina = broker.client("tina")
        assert [code_of_request(tina, "chat") for _ in range(3)] == [None, None, "rate_limited"]
        assert broker.reload()["changes"] == []
        assert code_of_request(tina, "chat") == "rate_limited"
        # Another rule changes, and comes first: the one for `chat` is the same.
        assert broker.reload(permissions=[{"types": ["echo"], "users": ["*"], "rate": 1000}, rules[0]])["changes"]
        assert code_of_request(tina, "chat") == "rate_limited"
        # This rule changes: that takes effect at once.
        assert broker.reload(permissions=[{"types": ["chat"], "users": ["*"], "rate": 1000}])["changes"]
        assert code_of_request(tina, "chat") is None


def test_a_rate_is_kept_and_the_time_to_wait_is_told(start):
    with start(["accounts"], permissions=RULES) as broker:
        tina, other = broker.client("tina"), broker.client("tina")
        assert [code_of_request(tina, "chat") for _ in range(4)] == [None, None, "rate_limited", "rate_limited"]
        _, status = tina.request("chat")
        assert 1000 < status["header"]["error"]["retry_after_ms"] <= 30_001 and status["header"]["error"]["temporary"]
        assert code_of_request(other, "chat") is None
        assert broker.counters()["messages_limited"] == 3


def test_permissions_change_by_a_reload_for_the_sessions_that_there_are(start):
    with start(["accounts"]) as broker:
        tina = broker.client("tina")
        assert code_of_request(tina, "echo") is None
        assert broker.reload(permissions=[{"types": ["chat"], "users": ["tina"]}])["ok"]
        assert code_of_request(tina, "echo") == "forbidden" and code_of_request(tina, "chat") is None
        assert broker.reload(permissions=[])["ok"]
        assert code_of_request(tina, "echo") is None


def test_a_fresh_token_brings_other_roles_and_so_other_permissions(start):
    with start(["jwt"], permissions=RULES) as broker:
        client = entered(broker, token=token("tina"))
        assert code_of_request(client, "admin.stop") == "forbidden"
        assert is_good(builtin(client, type="token", token=token("tina", roles=["admin"])))
        assert code_of_request(client, "admin.stop") is None
        assert is_good(builtin(client, type="token", token=token("tina")))
        assert code_of_request(client, "admin.stop") == "forbidden"


# ---- guessers and crowds -------------------------------------------------------------------------

def outside_address():
    """An address of this machine that is not a loopback one."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))   # sends nothing
            address = probe.getsockname()[0]
        except OSError:
            pytest.skip("this machine has no network")
    if address.startswith("127."):
        pytest.skip("this machine has no address but loopback")
    return address


def test_after_some_failures_a_user_has_to_wait_even_with_the_right_password(start):
    with start(["accounts"], login={"user_failures": 3, "first_wait": "1s"}) as broker:
        for _ in range(3):
            refused(broker, "authentication_failed", username="tina", password="guess")
        error = refused(broker, "login_throttled", username="tina", password="secret of tina")
        assert 0 < error["retry_after_ms"] <= 1000 and error["temporary"]
        entered(broker, username="gustav", password="secret of gustav")
        assert broker.counters()["logins_throttled"] == 1
        def tries():
            return is_good(enter(broker, username="tina", password="secret of tina")[1])
        eventually(tries, 10, "waiting helps")


def test_a_remembered_password_does_not_answer_guesses_while_waiting(start):
    with start(["accounts"], login={"user_failures": 2, "first_wait": "1h"}) as broker:
        entered(broker, username="tina", password="secret of tina")   # known and remembered from here on
        for _ in range(2):
            refused(broker, "authentication_failed", username="tina", password="guess")
        refused(broker, "login_throttled", username="tina", password="secret of tina")


def test_a_change_of_password_is_no_way_to_guess(start):
    with start(["accounts"], login={"user_failures": 2, "first_wait": "1h"}) as broker:
        tina = broker.client("tina")
        codes = [builtin(tina, type="password", old="guess", new="n")["header"]["error"]["code"] for _ in range(3)]
        assert codes == ["authentication_failed", "authentication_failed", "login_throttled"]


def test_bad_tokens_and_passwords_slow_their_address_down_and_no_other(start):
    host = outside_address()
    with start(["accounts", "jwt"], listener={"address": "0.0.0.0:0"}, login={"address_failures": 3, "first_wait": "1h"}) as broker:
        port = broker.addresses["v4"][1]
        broker.addresses["outside"], broker.addresses["inside"] = (host, port), ("127.0.0.1", port)
        refused(broker, "authentication_failed", listener="outside", username="tina", password="guess")
        refused(broker, "authentication_failed", listener="outside", username="nobody", password="guess")
        refused(broker, "token_expired", listener="outside", token=token("tina", lifetime=-100))   # no guess
        refused(broker, "token_invalid", listener="outside", token="guess")
        refused(broker, "login_throttled", listener="outside", token=token("tina"))
        refused(broker, "login_throttled", listener="outside", username="tina", password="secret of tina")
        assert is_good(enter(broker, "inside", username="tina", password="secret of tina")[1])


def test_connections_from_one_address_are_limited(start):
    host = outside_address()
    with start(["accounts"], listener={"address": "0.0.0.0:0"}, limits={"connections_per_address": 2}) as broker:
        port = broker.addresses["v4"][1]
        broker.addresses["outside"], broker.addresses["inside"] = (host, port), ("127.0.0.1", port)
        first, second = broker.client("tina", "outside"), broker.client("tina", "outside")
        third = broker.client(None, "outside")
        assert third.expect_closed()[0]["header"]["error"]["code"] == "too_many_from_address"
        for _ in range(3):
            broker.client("tina", "inside")
        assert broker.counters()["connections_refused"] == 1
        first.close()
        eventually(lambda: is_good(enter(broker, "outside", username="tina", password="secret of tina")[1])
                   if broker.status()["shards"] and sum(s["connections"] for s in broker.status()["shards"]) == 4 else False, 10)
        assert second.ask("echo", 1) == 1
