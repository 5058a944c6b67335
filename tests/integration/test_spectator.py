"""The spectator gateway: its protocol, as examples/spectator/README.md has it, over real sockets with the real feed."""
import subprocess

import pytest

import tokens
from eventually import eventually
from spectator import ADMINISTRATOR, Panel, token

WATCHED = {"members", "channels", "roles", "emoji"}


@pytest.fixture(scope="module")
def shared_panel(make_broker, bin_directory, tmp_path_factory):
    with Panel(make_broker, bin_directory, tmp_path_factory.mktemp("panel"), rate=600) as panel:
        yield panel


@pytest.fixture
def panel(shared_panel, shared_log):
    shared_log(shared_panel.broker)
    yield shared_panel
    for viewer in shared_panel.opened:
        viewer.close()
    shared_panel.opened.clear()
    # The broker has noticed, and the feed, too.
    eventually(lambda: shared_panel.statistics()["watched_groups"] == 0, 20, "nobody watches")


# ---- before one is signed in ----

def test_only_interpret_works_before_one_is_signed_in(panel):
    viewer = panel.viewer()
    assert viewer.ask("interpret", line='member_renamed before=Ann after="Ann \\"Lee\\" Visser"')["text"] == 'Ann is now called Ann "Lee" Visser'
    assert viewer.ask("interpret", language="de-AT", line="member_joined name=Ann")["text"] == "Ann ist beigetreten"
    entries = [{"code": "member_left", "parameters": {"name": "Ann"}}, {"code": "nobody_knows"}, {"code": "member_joined"}]
    assert viewer.ask("interpret", language="af", entries=entries)["texts"] == ["Ann het vertrek", None, "… het aangesluit"]
    assert viewer.refused("interpret", line="nobody_knows a=b") == "unknown_code"
    assert viewer.refused("interpret", line="What is this?") == "bad_request"
    assert viewer.refused("interpret", entries=[{}] * 101) == "bad_request"
    for kind, data in (("spectate", {"guild": "g1"}), ("pool", {"of": "guilds"}), ("spectate", {"guild": None})):
        assert viewer.refused(kind, **data) == "not_authenticated"
    assert viewer.refused("dance") == "unknown_kind"


@pytest.mark.parametrize("frame, wanted", [
    ("[]", "bad_request"), ('"x"', "bad_request"), ('{"kind":"pool"}', "bad_request"), ('{"id":{},"kind":"pool"}', "bad_request"),
    ('{"id":1}', "bad_request"), ('{"id":1,"kind":2}', "bad_request"), ('{"id":"%s","kind":"pool"}' % ("x" * 65), "bad_request"),
    ('{"id":"a","kind":"authenticate","data":7}', "bad_request"), ('{"id":"a","kind":"authenticate","data":{"token":"x.y.z"}}', "token_invalid"),
])
def test_what_is_no_request_is_answered_and_the_session_goes_on(panel, frame, wanted):
    viewer = panel.viewer()
    viewer.run(viewer.socket.send(frame))
    answer = viewer.next()
    assert answer["kind"] == "error" and answer["data"]["code"] == wanted
    assert answer["id"] == ("a" if '"id":"a"' in frame else 1 if '"id":1' in frame else None)
    assert viewer.ask("interpret", entries=[])["texts"] == []


def test_who_comes_on_another_path_is_sent_away(panel):
    viewer = panel.viewer(path="other")
    viewer.send("interpret", entries=[])
    assert viewer.close_code() == (1008, "not_on_spectator_path")


def test_tokens_that_are_not_good_are_refused(panel):
    viewer = panel.viewer()
    none = tokens.encoded({"alg": "none"}) + "." + tokens.encoded({"sub": "tina", "exp": 4e9, "guilds": {"*": ["view"]}}) + "."
    bad = [tokens.token("tina", secret="another secret of more than 32 bytes"), none, token() + "x", token()[:-3], "x", "a.b.c", "." * 50,
           tokens.token("tina", header={"alg": "HS512"}), token(user=""), tokens.token("tina", exp=None), token(nbf=4e9),
           token(guilds={"g1": "view"}), token(guilds=[1]), token(exp="tomorrow")]
    for each in bad:
        assert viewer.refused("authenticate", token=each) == "token_invalid", each
    assert viewer.refused("authenticate", token=token(lifetime=-5)) == "token_expired"
    assert viewer.refused("authenticate") == "bad_request"
    assert viewer.refused("authenticate", token="x" * 9000) == "bad_request"
    assert viewer.refused("pool", of="guilds") == "not_authenticated"
    assert viewer.ask("authenticate", token=token(roles=["helper"]))["roles"] == ["helper"]


def test_tokens_of_the_program_that_makes_them(panel, tmp_path):
    made = panel.made_token("--user", "ann", "--role", "administrator", "--guild", "g1=view,log", "--guild", "*=view", "--lifetime", "60")
    viewer = panel.viewer()
    told = viewer.ask("authenticate", token=made)
    assert told["user"] == "ann" and told["roles"] == ["administrator"] and told["view"] is None
    key = tmp_path / "new.key"
    program = panel.bin_directory / "spectator-token"
    assert subprocess.run([program, "--make-key", key]).returncode == 0
    assert len(key.read_text()) == 129 and key.stat().st_mode & 0o777 == 0o600
    assert subprocess.run([program, "--make-key", key], capture_output=True).returncode == 1, "a secret is never overwritten"


def test_tokens_signed_with_rsa(make_broker, bin_directory, tmp_path):
    private, public = tmp_path / "private.pem", tmp_path / "public.pem"
    subprocess.run(["openssl", "genrsa", "-out", private, "2048"], check=True, capture_output=True)
    subprocess.run(["openssl", "rsa", "-in", private, "-pubout", "-out", public], check=True, capture_output=True)
    with Panel(make_broker, bin_directory, tmp_path, algorithm="RS256", key=public) as panel:
        panel.key = private
        viewer = panel.viewer(panel.made_token("--algorithm", "RS256", "--user", "ann", "--guild", "*=view"))
        assert viewer.ask("pool", of="guilds")["total"] == 6
        # The public key is no secret: it is not to be used as one.
        assert viewer.refused("authenticate", token=tokens.token("ann", secret=public.read_text())) == "token_invalid"


# ---- pool ----

def pages(viewer, **wish):
    items, cursor, count = [], None, 0
    while True:
        page = viewer.ask("pool", **wish, **({"cursor": cursor} if cursor else {}))
        items += page["items"]
        cursor = page["cursor"]
        count += 1
        if cursor is None:
            return items, count


@pytest.fixture(scope="module")
def still_panel(make_broker, bin_directory, tmp_path_factory):
    """Nothing happens in its guilds."""
    with Panel(make_broker, bin_directory, tmp_path_factory.mktemp("still"), rate=0) as panel:
        yield panel


def test_one_all_and_search_page_by_page(still_panel):
    viewer = still_panel.viewer(token(roles=ADMINISTRATOR))
    for category, count, letter, field in (("members", 60, "m", "role"), ("channels", 14, "c", "topic"), ("roles", 7, "r", "colour"),
                                           ("emoji", 16, "e", "symbol"), ("bans", 3, "b", "reason")):
        items, _ = pages(viewer, guild="g2", of=category, limit=7)
        assert [i["id"] for i in items] == [f"{letter}{n}" for n in range(1, count + 1)]
        assert all(i["name"] and i[field] for i in items)
        assert viewer.ask("pool", guild="g2", of=category, get="one", item=f"{letter}2")["item"] == items[1]
        first_word = items[1]["name"].split()[0].upper()
        found, _ = pages(viewer, guild="g2", of=category, get="search", text=first_word, limit=2)
        assert found == [i for i in items if first_word.lower() in i["name"].lower() or first_word.lower() in i[field].lower()]
        assert pages(viewer, guild="g2", of=category, get="search", text="no such thing")[0] == []
    assert pages(viewer, guild="g2", of="members", limit=60)[1] == 1, "a page that is just full is the last"
    assert pages(viewer, guild="g2", of="members")[0] != pages(viewer, guild="g3", of="members")[0]
    assert pages(still_panel.viewer(token()), guild="g2", of="members") == pages(viewer, guild="g2", of="members"), "the same for the same seed"
    assert viewer.refused("pool", guild="g2", of="members", get="one", item="m999") == "not_found"
    assert viewer.refused("pool", guild="g99", of="members") == "not_found"


@pytest.mark.parametrize("wish", [{}, {"of": "songs", "guild": "g1"}, {"of": "members"}, {"of": "members", "guild": 5},
                                  {"of": "members", "guild": "g1", "get": "some"}, {"of": "members", "guild": "g1", "get": "one"},
                                  {"of": "members", "guild": "g1", "get": "search"}, {"of": "members", "guild": "g1", "limit": 0},
                                  {"of": "members", "guild": "g1", "limit": 201}, {"of": "members", "guild": "g1", "limit": "5"},
                                  {"of": "members", "guild": "g1", "cursor": "next"}, {"of": "guilds", "get": "one", "item": "g1"}])
def test_what_cannot_be_fetched_is_refused(still_panel, wish):
    assert still_panel.viewer(token()).refused("pool", **wish) == "bad_request"


def test_guilds_are_those_that_one_may_see(still_panel):
    def seen(guilds, **wish):
        return [g["id"] for g in still_panel.viewer(token(guilds=guilds)).ask("pool", of="guilds", **wish)["items"]]
    assert seen({"*": ["view"]}) == [f"g{n}" for n in range(1, 7)]
    assert seen({"g2": ["view"], "g5": ["log"], "nowhere": ["view"]}) == ["g2"]
    assert seen({"*": ["view"], "g3": []}) == ["g1", "g2", "g4", "g5", "g6"]
    assert seen({}) == []
    assert seen({"*": ["view"]}, limit=2) == ["g1", "g2"]


def test_requests_are_matched_by_their_ids(still_panel):
    viewer = still_panel.viewer(token())
    ids = [viewer.send("pool", id=f"q{n}", guild=f"g{n % 6 + 1}", of="members", get="one", item=f"m{n + 1}") for n in range(50)]
    answers = {}
    while len(answers) < len(ids):
        frame = viewer.next()
        answers[frame["id"]] = frame["data"]
    assert all(answers[f"q{n}"]["item"]["id"] == f"m{n + 1}" and answers[f"q{n}"]["guild"] == f"g{n % 6 + 1}" for n in range(50))


# ---- rights ----

def categories_seen(panel, viewer):
    """Of the updates that come while the feed makes very many."""
    panel.wait_for_produced(2500)
    return {update["log"] for update in viewer.updates_until_answer()}


def test_what_one_gets_is_what_one_may_see(panel):
    plain = panel.viewer(token(guilds={"g1": ["view"], "g2": ["view", "log"]}))
    assert plain.ask("spectate", guild="g1")["categories"] == ["members", "channels", "roles", "emoji"]
    assert plain.refused("spectate", guild="g1", log=True) == "forbidden"
    assert plain.refused("spectate", guild="g3") == "forbidden"
    assert plain.refused("pool", guild="g3", of="members") == "forbidden"
    assert plain.refused("pool", guild="g1", of="bans") == "forbidden"
    for wrong in ({}, {"guild": 5}, {"guild": ""}, {"guild": "a b"}, {"guild": "x" * 40}, {"guild": "g1", "log": "yes"}):
        assert plain.refused("spectate", **wrong) == "bad_request"
    reader = panel.viewer(token(guilds={"g2": ["view", "log"]}))
    assert reader.ask("spectate", guild="g2", log=True)["categories"][-1] == "log"
    chief = panel.viewer(token(roles=ADMINISTRATOR))
    assert chief.ask("spectate", guild="g2", log=True)["categories"][-2:] == ["audit", "bans"]
    assert chief.ask("pool", guild="g2", of="bans")["items"]
    assert categories_seen(panel, chief) == {"changes", "log", "audit", "bans"}
    assert categories_seen(panel, reader) == {"changes", "log"}
    assert categories_seen(panel, plain) == {"changes"}, "what was refused changed nothing"
    # Without the log also an administrator sees only changes.
    chief.ask("spectate", guild="g2", log=False)
    chief.pushes.clear()
    assert categories_seen(panel, chief) == {"changes"}


def test_updates_say_what_happened(panel):
    viewer = panel.viewer(token(roles=ADMINISTRATOR))
    viewer.ask("spectate", guild="g4", log=True)
    panel.wait_for_produced(6000)
    updates = viewer.updates_until_answer()
    sequence = [u["sequence"] for u in updates]
    assert sequence == list(range(sequence[0], sequence[0] + len(updates))), "with all rights nothing is missing"
    assert {u["guild"] for u in updates} == {"g4"}
    texts = []
    for begin in range(0, len(updates), 100):
        texts += viewer.ask("interpret", entries=updates[begin:begin + 100])["texts"]
    assert all(text and "…" not in text for text in texts), "each code and its parameters are known"
    for update in updates:
        assert ("item" in update or "gone" in update) == (update["category"] in WATCHED or update["category"] == "bans")
