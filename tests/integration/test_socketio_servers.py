"""Rooms across two linked brokers: a room is a group on each, and the handlers tell one another what is said."""
import os
import signal

import pytest

import servers as some
from broker import python_handler
from eventually import eventually
from servers import at, wait_for_link
from socketio import PERMISSIONS, WEBSOCKET, clients, listener  # noqa: F401
from websocket_clients import port_of


@pytest.fixture(scope="module")
def linked(make_broker, bin_directory, tmp_path_factory):
    handlers = {"socketio": {"command": [str(bin_directory / "socketio-handler")], "types": ["chat", "panel"]}, "echo": python_handler()}
    namespaces = {"/": "chat", "/admin": "panel", "/script": "echo"}
    config = {"handlers": handlers, "listeners": [listener(recovery="1m", namespaces=namespaces)], "permissions": PERMISSIONS}
    with some.Servers(make_broker, bin_directory / "bester", tmp_path_factory.mktemp("socketio")) as made:
        beta = made.add("beta", peers={"alpha": {}}, **config)
        way = made.proxy(beta)
        alpha = made.add("alpha", peers={"beta": at(way)}, **config)
        wait_for_link(alpha, beta)
        yield alpha, beta, way


@pytest.fixture
def pair(linked, shared_log):
    for each in linked[:2]:
        shared_log(each)
    return linked


@pytest.fixture
def arrive(clients):
    opened = []

    def make(broker, name, room=None):
        socket = clients.open(f"http://127.0.0.1:{port_of(broker, 'edge')}", WEBSOCKET, query={"name": name})
        opened.append(socket)
        socket.connected()
        socket.next("welcome")
        if room:
            socket.ask("join room", room)
        return socket
    yield make
    for socket in opened:
        socket.leave()


def members(socket, room):
    return sorted(each["name"] for each in socket.ask("join room", room)["members"])


def test_a_room_on_two_servers(arrive, pair):
    alpha, beta, _ = pair
    tina, gustav = arrive(alpha, "Tina", "garden"), arrive(beta, "Gustav", "garden")
    eventually(lambda: members(tina, "garden") == members(gustav, "garden") == ["Gustav", "Tina"], 10, "each server knows both")
    for sender, hearer, server in ((tina, gustav, "alpha"), (gustav, tina, "beta")):
        sender.emit_many("message", [{"room": "garden", "text": str(number)} for number in range(100)])
        heard = [hearer.argument("message") for _ in range(100)]
        assert [each["text"] for each in heard] == [str(number) for number in range(100)]
        assert heard[0]["from"]["id"] == f"{sender.id}@{server}"
    tina.ask("image", {"room": "garden", "type": "image/png", "image": {"_binary": "AAECAw=="}})
    assert gustav.argument("image")["image"] == {"_binary": "AAECAw=="}
    tina.emit("typing", "garden")
    assert gustav.argument("typing")["from"]["name"] == "Tina"


def test_who_comes_and_goes_is_known_on_both(arrive, pair):
    alpha, beta, _ = pair
    tina, gustav = arrive(alpha, "Tina", "hall"), arrive(beta, "Gustav", "hall")
    came = tina.argument("presence")
    assert came["is_here"] and came["who"]["id"] == f"{gustav.id}@beta" and came["members"] == 2
    gustav.close()
    assert tina.argument("presence")["is_here"] is False


def test_a_whisper_and_a_kick_cross(arrive, pair, clients):
    alpha, beta, _ = pair
    tina, gustav = arrive(alpha, "Tina", "attic"), arrive(beta, "Gustav", "attic")
    there = f"{gustav.id}@beta"
    eventually(lambda: "Gustav" in members(tina, "attic"), 10, "Gustav is known")
    tina.ask("whisper", {"to": there, "text": "psst"})
    heard = gustav.argument("whisper")
    assert heard["text"] == "psst" and heard["from"]["id"] == f"{tina.id}@alpha" and heard["from"]["user"].endswith("@alpha")
    panel = tina.namespace("/admin", {"username": "tina", "password": "secret of tina"})
    panel.connected()
    seen = next(each for each in panel.ask("who is online") if each["id"] == there)
    assert seen["server"] == "beta" and seen["rooms"] == ["attic"]
    panel.ask("kick", {"id": there, "reason": "too loud"})
    assert gustav.argument("bester")["reason"] == "too loud"
    assert gustav.disconnected() == "io server disconnect"
    eventually(lambda: panel.argument("offline")["id"] == there, 10, "he is gone")


def test_an_acknowledgement_comes_from_another_server(pair, clients):
    alpha, _, _ = pair
    script = clients.open(f"http://127.0.0.1:{port_of(alpha, 'edge')}", WEBSOCKET, namespace="/script")
    script.connected()
    for number in range(3):
        command = {"command": "sendServers", "servers": ["beta"], "data": {"number": number}}
        assert script.ask("script", {"do": [command]}) == {"number": number}
    command["data"] = {"act": "refuse", "error": {"code": "closed", "reason": "no"}}
    assert script.error("script", {"do": [command]}) == "closed"
    script.leave()


def test_a_link_that_is_cut_loses_nothing(arrive, pair):
    alpha, beta, way = pair
    tina, gustav = arrive(alpha, "Tina", "cellar"), arrive(beta, "Gustav", "cellar")
    for number in range(200):
        tina.emit("message", {"room": "cellar", "text": str(number)})
        if number % 40 == 20:
            way.cut()
    assert [gustav.argument("message", limit=30)["text"] for _ in range(200)] == [str(number) for number in range(200)]


def test_a_handler_that_is_started_anew_learns_who_is_there(arrive, pair):
    alpha, beta, _ = pair
    tina, gustav = arrive(alpha, "Tina", "tower"), arrive(beta, "Gustav", "tower")
    eventually(lambda: members(tina, "tower") == ["Gustav", "Tina"], 10, "both are known")
    before = alpha.pid_of("socketio")
    os.kill(before, signal.SIGKILL)
    alpha.wait_for_other_pid("socketio", before)
    eventually(lambda: members(tina, "tower") == ["Gustav", "Tina"], 20, "both are known again")
    gustav.ask("message", {"room": "tower", "text": "still there?"})
    assert tina.argument("message")["text"] == "still there?"
