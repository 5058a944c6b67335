"""Texto on two linked servers: who is not here is looked for there. Over TCP, where a frame is a message's data as
text: the handler's `path` is the empty one of sessions that have none."""
import json
import uuid

import pytest

import broker as brokers
import servers as some
from client import code_of
from servers import at, servers, wait_for_link  # noqa: F401

TINA, GUSTAV, ANN, NOBODY = (str(uuid.UUID(int=n, version=4)) for n in (1, 2, 3, 4))


@pytest.fixture(scope="module")
def people(bin_directory, tmp_path_factory):
    path = tmp_path_factory.mktemp("people") / "accounts.db"
    brokers.make_accounts(str(bin_directory / "bester"), path, users=(TINA, GUSTAV, ANN))
    return path


def texto(bin_directory, **config):
    return {"texto": {"command": [str(bin_directory / "texto-handler")], "config": {"path": "", **config}}}


@pytest.fixture(scope="module", params=[False, True], ids=["default", "strict"])
def linked(request, make_broker, bin_directory, tmp_path_factory, people):
    handlers = texto(bin_directory, strict=request.param)
    with some.Servers(make_broker, bin_directory / "bester", tmp_path_factory.mktemp("texto")) as made:
        beta = made.add("beta", peers={"alpha": {}}, handlers=handlers, accounts=people)
        alpha = made.add("alpha", peers={"beta": at(beta)}, handlers=handlers, accounts=people)
        wait_for_link(alpha, beta)
        yield alpha, beta, request.param


@pytest.fixture
def pair(linked, shared_log):
    for each in linked[:2]:
        shared_log(each)
    yield linked
    for each in linked[:2]:
        each.close_clients()


def arrive(broker, user):
    """A client of Texto, greeted."""
    client = broker.client(user)
    greeting = json.loads(client.data("texto"))
    assert greeting["kind"] == "connection" and greeting["client_id"] == user and greeting["data"] == {"client_id": user}
    assert uuid.UUID(greeting["id"]).version == 4
    return client


def send(client, sender, receiver, text, id="m1"):
    client.send("texto", json.dumps({"client_id": sender, "id": id, "kind": "send", "data": {"receiver_id": receiver, "text": text}}))


def hears(client):
    frame = json.loads(client.data("texto"))
    return frame["kind"], frame["data"]


def test_users_of_both_servers_reach_one_another(pair):
    alpha, beta, _ = pair
    tina, gustav = arrive(alpha, TINA), arrive(beta, GUSTAV)
    for number in range(20):
        for sender, name, receiver, other in ((tina, TINA, gustav, GUSTAV), (gustav, GUSTAV, tina, TINA)):
            send(sender, name, other, f"Grüße \"{number}\"\n", f"m{number}")
            assert hears(sender) == ("ack", {})
            assert hears(receiver) == ("receive", {"sender_id": name, "text": f"Grüße \"{number}\"\n"})
    for each in (tina, gustav):
        each.expect_nothing_before_ping()


def test_users_of_one_server_need_no_other(pair):
    alpha, _, _ = pair
    tina, ann = arrive(alpha, TINA), arrive(alpha, ANN)
    send(tina, TINA, ANN, "Hallo")
    assert hears(tina) == ("ack", {})
    assert hears(ann) == ("receive", {"sender_id": TINA, "text": "Hallo"})


def test_the_order_of_many_texts_holds_across_servers(pair):
    alpha, beta, is_strict = pair
    tina, gustav = arrive(alpha, TINA), arrive(beta, GUSTAV)
    for number in range(200):
        send(tina, TINA, GUSTAV, str(number))
    assert [hears(gustav)[1]["text"] for _ in range(200)] == [str(number) for number in range(200)]
    assert [hears(tina) for _ in range(200)] == [("ack", {})] * 200


def test_a_text_to_nobody(pair):
    alpha, beta, is_strict = pair
    tina, gustav = arrive(alpha, TINA), arrive(beta, GUSTAV)
    send(tina, TINA, NOBODY, "Hallo?")
    kind, data = hears(tina)
    if is_strict:
        assert (kind, data["code"]) == ("error", "ENOENT")
    else:
        assert (kind, data) == ("ack", {})
    gustav.expect_nothing_before_ping()


def test_a_client_that_has_gone_is_nobody(pair):
    alpha, beta, is_strict = pair
    tina, gustav = arrive(alpha, TINA), arrive(beta, GUSTAV)
    gustav.close()
    for _ in range(3):
        gustav = arrive(beta, GUSTAV)  # there again: reached again
        send(tina, TINA, GUSTAV, "Hallo")
        assert hears(tina) == ("ack", {})
        assert hears(gustav) == ("receive", {"sender_id": TINA, "text": "Hallo"})
        gustav.close()


def test_a_client_cannot_say_what_only_servers_say(pair):
    alpha, beta, _ = pair
    tina, gustav = arrive(alpha, TINA), arrive(beta, GUSTAV)
    tina.send("texto", {"receiver_id": GUSTAV, "frame": "forged"})
    kind, data = hears(tina)
    assert (kind, data["code"]) == ("error", "EINVAL")
    gustav.expect_nothing_before_ping()


def test_a_handler_that_is_started_anew_knows_who_is_there(pair):
    alpha, beta, is_strict = pair
    tina, gustav = arrive(alpha, TINA), arrive(beta, GUSTAV)
    pid = beta.pid_of("texto")
    assert beta.control({"request": "handlers", "action": "restart", "handler": "texto"})["ok"]
    beta.wait_for_other_pid("texto", pid)
    assert hears(gustav) == ("connection", {"client_id": GUSTAV})
    send(tina, TINA, GUSTAV, "still there?")
    assert hears(tina) == ("ack", {})
    assert hears(gustav) == ("receive", {"sender_id": TINA, "text": "still there?"})


def test_without_other_servers(make_broker, bin_directory, people):
    for is_strict in (False, True):
        with make_broker(handlers=texto(bin_directory, strict=is_strict), accounts=people) as broker:
            tina = arrive(broker, TINA)
            send(tina, TINA, NOBODY, "Hallo?")
            assert hears(tina)[0] == ("error" if is_strict else "ack")
            send(tina, TINA, TINA, "me")
            assert sorted(hears(tina)[0] for _ in range(2)) == ["ack", "receive"]


def test_a_server_that_is_away_holds_nobody_up(servers, bin_directory, people):
    for is_strict in (False, True):
        handlers = texto(bin_directory, strict=is_strict)
        handlers["texto"]["deadline"] = "1s"
        alpha = servers.add(f"alpha-{is_strict}".lower(), peers={"beta": at(1)}, handlers=handlers, accounts=people)
        tina = arrive(alpha, TINA)
        send(tina, TINA, NOBODY, "Hallo?")
        kind, data = hears(tina)
        assert kind == ("error" if is_strict else "ack")
        assert not is_strict or (data["code"] == "ENOENT" and "in time" in data["description"])
        send(tina, TINA, TINA, "me")
        assert sorted(hears(tina)[0] for _ in range(2)) == ["ack", "receive"]


def test_who_did_not_come_on_the_path_is_refused(make_broker, bin_directory):
    with make_broker(handlers={"texto": {"command": [str(bin_directory / "texto-handler")]}}) as broker:
        tina = broker.client("tina")
        assert code_of(tina.request("texto", "{}")[1]) == "not_on_texto_path"
        tina.expect_nothing_before_ping()


@pytest.mark.parametrize("config", [{"strict": 1}, {"path": None}, {"strickt": True}, ["strict"]])
def test_a_bad_config_is_told(make_broker, bin_directory, config):
    entry = {"command": [str(bin_directory / "texto-handler")], "config": config}
    with make_broker(handlers={"texto": entry}, start=False) as broker:
        broker.start(wait_for_handlers=False)
        broker.wait_for_log("there are" if isinstance(config, dict) else "must be an object")
