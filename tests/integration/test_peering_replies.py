"""Replies and results of another server are taken only for messages that it was sent."""
import pytest

import link_peer
import servers as some
from client import code_of, is_good
from link_peer import ACKNOWLEDGEMENT, deliver, read_submit, reply, result, submit
from servers import send_servers, servers, wait_for_link, wait_for_report, wait_for_state  # noqa: F401

MOST_DELIVERED = 1 << 32


@pytest.fixture(scope="module")
def shared_home(make_broker, bin_directory, tmp_path_factory):
    with some.Servers(make_broker, bin_directory / "bester", tmp_path_factory.mktemp("replies")) as made:
        home = made.add("home", peers={"bad": {}, "evil": {"send_types": ["echo"]}}, peering={"deadline": "2s"})
        home.authority = made.authority
        yield home


@pytest.fixture
def home(shared_home, shared_log):
    shared_log(shared_home)
    yield shared_home
    shared_home.close_clients()


def dial(home, name="bad"):
    link = link_peer.dial(home.port, name, home.authority.files(name), "home")
    wait_for_state(home, name, "linked")
    link.begin_flow()
    return link


def wait_until_taken(link):
    """Until the broker has executed all that was sent."""
    while True:
        frame = link.receive(ACKNOWLEDGEMENT)
        if (frame["flow"], frame["number"]) == (link.flow, link.sequence + 1):
            return


def session_of(client):
    return client.ask("echo", {"act": "envelope"})["frame"]["from"]["session"]


def ask(client, server, id="x"):
    client.send("echo", {"do": [{"command": "sendServers", "servers": [server], "data": 1}]}, id=id)


def test_a_reply_goes_to_the_session_that_asked_with_its_id_until_the_result(home):
    with dial(home) as link, home.client("tina") as tina, home.client("ann") as ann:
        other = session_of(ann)
        ask(tina, "bad")
        asked = read_submit(link.take_message()["rest"])
        assert asked["id"] == '"x"'
        session = asked["session"]
        link.send_message(reply(other, "", "echo", "to one who did not ask"))
        link.send_message(reply(other, "x", "echo", "to one who did not ask"))
        link.send_message(reply(session, "forged", "echo", "with another id"))
        link.send_message(reply(session, "", "echo", "with none"))
        for step in range(-3, 4):
            guess = f"{int(session, 16) + (step << 32) & (1 << 64) - 1:016x}"
            if guess != session:
                link.send_message(reply(guess, "x", "echo", "a guess"))
        link.send_message(reply(session, "x", "echo", "first"))
        link.send_message(reply(session, "x", "news", "second"))
        link.send_message(result(asked["ref"]))
        link.send_message(reply(session, "x", "echo", "after the result"))
        wait_until_taken(link)
        assert tina.delivery("echo")["payload"] == {"type": "echo", "data": "first", "id": "x"}
        assert tina.delivery("news")["payload"] == {"type": "news", "data": "second", "id": "x"}
        assert is_good(tina.status("x"))
        for each in (tina, ann):
            each.expect_nothing_before_ping()


def test_a_server_that_was_not_asked_may_not_reply(home):
    with dial(home) as link, dial(home, "evil") as evil, home.client("tina") as tina:
        ask(tina, "bad")
        asked = read_submit(link.take_message()["rest"])
        evil.send_message(reply(asked["session"], "x", "echo", "forged"))
        evil.send_message(result(asked["ref"], code="forged"))
        wait_until_taken(evil)
        link.send_message(result(asked["ref"]))
        assert is_good(tina.status("x"))
        tina.expect_nothing_before_ping()


def test_a_server_that_may_send_nothing_replies_to_what_it_is_asked(home):
    with dial(home, "evil") as evil, home.client("tina") as tina:
        ask(tina, "evil")
        asked = read_submit(evil.take_message()["rest"])
        evil.send_message(reply(asked["session"], "x", "echo", "answer"))
        evil.send_message(result(asked["ref"]))
        assert tina.data("echo") == "answer" and is_good(tina.status("x"))


def test_no_reply_comes_after_its_status(home):
    with dial(home) as link, home.client("tina") as tina:
        ask(tina, "bad")
        asked = read_submit(link.take_message()["rest"])
        link.send_message(reply(asked["session"], "x", "echo", "in time"))
        assert tina.data("echo") == "in time"
        tina.bad("x", "peer_expired")
        link.send_message(reply(asked["session"], "x", "echo", "late"))
        link.send_message(result(asked["ref"]))
        wait_until_taken(link)
        tina.expect_nothing_before_ping()
        # The same id once more is another message.
        ask(tina, "bad")
        again = read_submit(link.take_message()["rest"])
        link.send_message(reply(again["session"], "x", "echo", "anew"))
        link.send_message(result(asked["ref"], code="forged"))
        link.send_message(result(again["ref"]))
        assert tina.data("echo") == "anew" and is_good(tina.status("x"))


def test_a_message_without_an_id_is_replied_to(home):
    with dial(home) as link, home.client("tina") as tina:
        ask(tina, "bad", id=None)
        asked = read_submit(link.take_message()["rest"])
        assert asked["id"] == "" and asked["ref"] != 0
        link.send_message(reply(asked["session"], "", "echo", "answer"))
        assert tina.delivery("echo")["payload"] == {"type": "echo", "data": "answer"}
        link.send_message(result(asked["ref"]))
        link.send_message(reply(asked["session"], "", "echo", "late"))
        wait_until_taken(link)
        tina.expect_nothing_before_ping()


@pytest.mark.parametrize("said, told", [(MOST_DELIVERED, MOST_DELIVERED), (MOST_DELIVERED + 1, MOST_DELIVERED),
                                        ((1 << 64) - 1, MOST_DELIVERED), (0, 0)])
def test_the_number_of_deliveries_is_one_that_can_be(home, said, told):
    with dial(home) as link, home.client("tina") as tina, home.client("ann") as ann:
        tina.send("echo", {"do": [{"command": "sendClients", "users": ["eve@bad", "ann"], "data": 1, "report": f"counted {said}"}]}, id="x")
        link.send_message(result(read_submit(link.take_message()["rest"])["ref"], delivered=said))
        assert tina.good("x")["payload"]["delivered"] == told + 1 and ann.data() == 1
        assert wait_for_report(tina, f"counted {said}")["delivered"] == told + 1


def test_only_users_that_were_addressed_are_reported_each_once(home):
    with dial(home) as link, home.client("tina") as tina:
        tina.send("echo", {"do": [{"command": "sendClients", "users": ["eve@bad", "a-b@bad", "a@bad"], "data": 1, "report": "missed"}]}, id="x")
        unreached = [(user, "recipient_offline") for user in ["eve", "ann", "a"] * 900]
        link.send_message(result(read_submit(link.take_message()["rest"])["ref"], unreached=unreached))
        assert is_good(tina.status("x"))
        failed = wait_for_report(tina, "missed")["failed"]
        assert sorted(f["recipient"] for f in failed) == ["a@bad", "eve@bad"]


@pytest.mark.parametrize("name", ["tina@home", "gustav@other", "eve@bad"])
def test_a_server_speaks_for_its_own_users_and_handlers_only(home, name):
    with dial(home) as link, home.client("ann") as ann:
        for ref, message in enumerate((submit("echo", name, 1, ref=1), submit("echo", name, 1, ref=2, session=""),
                                       deliver("echo", ["ann"], 1, ref=3, sender=name)), 1):
            link.send_message(message)
            answer = link.take_message()["rest"]
            assert read_submit(answer)["ref"] == ref and b"peer_refused" in answer
        ann.expect_nothing_before_ping()


def test_what_is_passed_on_once_more_comes_from_the_handler(servers):
    first = servers.add("first", peers={"middle": {}})
    middle = servers.add("middle", peers={"first": some.at(first), "bad": {}})
    wait_for_link(middle, first)
    with link_peer.dial(middle.port, "bad", servers.authority.files("bad"), "middle") as link, first.client("tina") as tina:
        wait_for_state(middle, "bad", "linked")
        link.begin_flow()
        tina.send("echo", {"do": [{"command": "sendServers", "servers": ["middle"], "data": {
            "do": [{"command": "sendServers", "servers": ["bad"], "data": 1}]}}]}, id="x")
        asked = read_submit(link.take_message()["rest"])
        assert (asked["user"], asked["session"]) == ("echo", "")
        link.send_message(result(asked["ref"]))
        assert is_good(tina.status("x"))
        # Back to where it came from it does not come as its user either.
        _, status = send_servers(tina, "middle", data={"do": [{"command": "sendServers", "servers": ["first"], "data": {
            "do": [{"command": "sendClients", "users": ["tina"], "data": "round"}]}}]})
        assert is_good(status) and tina.data() == "round"


def test_of_one_server_so_many_answers_are_awaited_and_no_more(servers):
    home = servers.add("home", peers={"bad": {}}, peering={"queue_messages": 5})
    with link_peer.dial(home.port, "bad", servers.authority.files("bad"), "home") as link, home.client("tina") as tina:
        wait_for_state(home, "bad", "linked")
        link.begin_flow()
        for i in range(5):
            ask(tina, "bad", id=str(i))
        refs = [read_submit(link.take_message()["rest"])["ref"] for _ in range(5)]
        ask(tina, "bad", id="sixth")
        assert code_of(tina.status("sixth")) == "busy"
        link.send_message(result(refs[0]))
        tina.good("0")
        ask(tina, "bad", id="seventh")
        link.send_message(result(read_submit(link.take_message()["rest"])["ref"]))
        tina.good("seventh")
