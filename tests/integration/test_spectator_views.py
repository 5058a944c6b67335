"""Views of the spectator gateway: switching at full speed, tokens that end, processes that die, and what is not even sent."""
import os
import signal

import pytest

import eventually as waiting
from broker import wait_until_dead
from eventually import eventually
from spectator import ADMINISTRATOR, Panel, token


# Seconds: long enough to sign in and to choose a guild.
SHORT = 2 * waiting.slowness + 1


@pytest.fixture
def make_panel(make_broker, bin_directory, tmp_path):
    made = []

    def make(**settings):
        panel = Panel(make_broker, bin_directory, tmp_path, **settings)
        made.append(panel)
        return panel
    yield make
    for panel in made:
        panel.__exit__(None, None, None)


def watched(panel):
    return panel.statistics()["watched_groups"]


# ---- switching ----

class Switcher:
    """Reads one viewer's stream: after the answer to a switch, every update is of that guild, and none before."""

    def __init__(self, panel, token):
        self.viewer = panel.viewer(token)
        self.current = None
        self.expected = {}
        self.seen = 0
        self.since_switch = 0

    def switch(self, guild, log):
        self.expected[self.viewer.send("spectate", guild=guild, log=log)] = guild

    def read(self):
        frame = self.viewer.next()
        if frame["kind"] == "log_pool":
            assert frame["data"]["guild"] == self.current, f"an update of {frame['data']['guild']} in the view of {self.current}"
            self.seen += 1
            self.since_switch += 1
        else:
            assert frame["kind"] == "reply", frame
            guild = self.expected.pop(frame["id"])
            assert frame["data"]["guild"] == guild
            self.current = guild
            self.since_switch = 0


def test_switching_at_full_speed_never_mixes_guilds(make_panel):
    panel = make_panel(threads=3, guilds=4, rate=int(4000 / waiting.slowness))
    switchers = [Switcher(panel, token(roles=ADMINISTRATOR)) for _ in range(4)]
    for step in range(40):
        for number, each in enumerate(switchers):
            each.switch(f"g{(step + number) % 4 + 1}", log=(step + number) % 3 != 0)
        for each in switchers:
            while each.expected or each.since_switch == 0:
                each.read()
    # And many at once, without waiting for what comes of it.
    for step in range(200):
        for number, each in enumerate(switchers):
            each.switch(None if step % 7 == 0 else f"g{(step * 3 + number) % 4 + 1}", log=True)
    for each in switchers:
        while each.expected:
            each.read()
        assert each.seen >= 40
        each.switch(None, False)
        while each.expected:
            each.read()
    eventually(lambda: watched(panel) == 0, 10, "the feed has heard that nobody looks")
    for each in switchers:
        assert each.viewer.updates_until_answer() == [], "of no guild, nothing"


def test_the_log_can_be_turned_on_and_off_without_losing_the_changes(make_panel):
    panel = make_panel(guilds=2, rate=800)
    viewer = panel.viewer(token())
    viewer.ask("spectate", guild="g1", log=True)
    for step in range(20):
        viewer.ask("spectate", guild="g1", log=bool(step % 2))
    panel.wait_for_produced(400)
    viewer.ask("spectate", guild=None)
    pushes = [frame["data"] for frame in viewer.pushes]
    sequence = [u["sequence"] for u in pushes]
    assert sequence == sorted(set(sequence)) and {"changes", "log"} <= {u["log"] for u in pushes}


# ---- interest ----

def test_what_nobody_looks_at_is_not_even_sent(make_panel):
    panel = make_panel(threads=3, guilds=40, rate=4000)
    panel.wait_for_produced(10)
    before = panel.broker.counters()
    made = panel.wait_for_produced(4000)
    assert made["sent"] == 0 and made["watched_groups"] == 0
    assert panel.broker.counters()["pushes"] == before["pushes"], "not one frame of the feed"
    viewers = [panel.viewer(token()) for _ in range(5)]
    for viewer in viewers[:3]:
        viewer.ask("spectate", guild="g7")
    viewers[3].ask("spectate", guild="g8", log=True)
    eventually(lambda: watched(panel) == 3, 10, "g7, and g8 with its log")
    start, sent_before = panel.statistics(), panel.broker.counters()
    end = panel.wait_for_produced(8000)
    counters = panel.broker.counters()
    produced, sent = end["produced"] - start["produced"], end["sent"] - start["sent"]
    # Half of the changes of one guild of 40, and 9 tenths of another's.
    assert 0 < sent < produced * 2 / 40 * 1.3
    commands = counters["commands"] - sent_before["commands"]
    assert sent * 0.8 < commands < sent * 1.3 + 200, "a command for each update that somebody sees, and no more"
    for viewer in viewers[:3]:
        assert {u["guild"] for u in viewer.updates_until_answer()} == {"g7"}
    assert viewers[4].updates_until_answer() == []
    for viewer in viewers:
        viewer.close()
    eventually(lambda: watched(panel) == 0, 10, "they have gone")
    start = panel.statistics()
    assert panel.wait_for_produced(2000)["sent"] == start["sent"]


# ---- tokens end ----

def updates(viewer, count=5):
    """So many more updates come."""
    for _ in range(count):
        viewer.push("log_pool")


def test_a_new_token_within_the_grace_goes_on_with_the_view(make_panel):
    panel = make_panel(guilds=2, rate=400)
    viewer = panel.viewer()
    viewer.ask("authenticate", token=token(lifetime=SHORT))
    viewer.ask("spectate", guild="g2", log=True)
    assert viewer.push("token_expired", 20) == {"grace_ms": 30000}
    updates(viewer)   # the view stays,
    for kind, data in (("pool", {"of": "guilds"}), ("spectate", {"guild": "g1"})):
        assert viewer.refused(kind, **data) == "token_expired"   # but one may ask for nothing
    assert viewer.ask("interpret", entries=[])["texts"] == []
    assert viewer.refused("authenticate", token=token(lifetime=-1)) == "token_expired"
    assert viewer.refused("authenticate", token="x.y.z") == "token_invalid"
    viewer.pushes.clear()
    told = viewer.ask("authenticate", token=token())
    assert told["view"] == {"guild": "g2", "log": True, "categories": ["members", "channels", "roles", "emoji", "log"]}
    updates(viewer)
    assert viewer.ask("pool", of="guilds")["total"] == 2


def test_without_a_new_token_the_view_ends_with_the_grace(make_panel):
    panel = make_panel(guilds=2, rate=400, grace_ms=500)
    viewer = panel.viewer(token(lifetime=SHORT))
    viewer.ask("spectate", guild="g2", log=True)
    viewer.push("token_expired", 20)
    assert viewer.push("view_dropped", 20) == {"guild": "g2"}
    assert viewer.updates_until_answer() == []
    assert viewer.refused("pool", of="guilds") == "not_authenticated"
    eventually(lambda: watched(panel) == 0, 10, "the feed has heard")
    assert viewer.ask("authenticate", token=token())["view"] is None
    viewer.ask("spectate", guild="g2")
    updates(viewer)


def test_a_new_token_changes_the_view_as_far_as_it_must(make_panel):
    panel = make_panel(guilds=3, rate=400)
    viewer = panel.viewer(token(roles=ADMINISTRATOR))
    viewer.ask("spectate", guild="g1", log=True)
    eventually(lambda: watched(panel) == 4, 10)
    assert viewer.ask("authenticate", token=token())["view"]["categories"][-1] == "log"
    eventually(lambda: watched(panel) == 2, 10, "an administrator no more")
    told = viewer.ask("authenticate", token=token(guilds={"g1": ["view"]}))
    assert told["view"]["log"] is False
    eventually(lambda: watched(panel) == 1, 10, "no log any more")
    assert viewer.ask("authenticate", token=token(guilds={"g2": ["view"]}))["view"] is None
    eventually(lambda: watched(panel) == 0, 10, "not this guild any more")
    viewer.ask("spectate", guild="g2")
    assert viewer.ask("authenticate", token=token("gustav"))["view"] is None, "somebody else begins anew"
    eventually(lambda: watched(panel) == 0, 10)


# ---- processes die ----

def test_a_feed_that_comes_back_finds_who_looks(make_panel):
    panel = make_panel(threads=3, guilds=2, rate=400)
    viewers = [panel.viewer(token()) for _ in range(4)]
    for viewer in viewers:
        viewer.ask("spectate", guild="g1")
    pid = panel.broker.pid_of("feed")
    panel.broker.cli("handlers", "restart", "feed", "--socket", panel.broker.control_path)
    panel.broker.wait_for_other_pid("feed", pid)
    for viewer in viewers:
        viewer.updates_until_answer()
        updates(viewer)
        assert viewer.ask("pool", guild="g1", of="roles")["total"] == 7


def test_a_gateway_that_comes_back_knows_nobody_and_says_so(make_panel):
    panel = make_panel(threads=3, guilds=2, rate=400)
    viewers = [panel.viewer(token()) for _ in range(4)]
    for viewer in viewers:
        viewer.ask("spectate", guild="g1", log=True)
    pid = panel.broker.pid_of("spectator")
    os.kill(pid, signal.SIGKILL)
    panel.broker.wait_for_other_pid("spectator", pid)
    for viewer in viewers:
        assert viewer.push("signed_out", 20)["description"]
        assert viewer.updates_until_answer() == [], "nobody sees what they may not see any more"
        assert viewer.refused("spectate", guild="g1") == "not_authenticated"
    eventually(lambda: watched(panel) == 0, 10)
    viewers[0].ask("authenticate", token=token())
    viewers[0].ask("spectate", guild="g2")
    updates(viewers[0])


def test_a_gateway_that_takes_over_leaves_nobody_where_only_the_former_one_knew_them(make_panel):
    panel = make_panel(threads=3, guilds=6, rate=100)
    viewers = [panel.viewer() for _ in range(4)]
    for _ in range(3):
        pid = panel.broker.pid_of("spectator")
        assert panel.broker.cli("handlers", "restart", "spectator", "--socket", panel.broker.control_path)[0] == 0
        step = 0
        # While one serves and the other comes, both are asked.
        while step < 20 or panel.broker.pid_of("spectator") == pid:
            step += 1
            for number, viewer in enumerate(viewers):
                viewer.send("authenticate", token=token(roles=ADMINISTRATOR))
                viewer.send("spectate", guild=f"g{(step + number) % 6 + 1}", log=True)
        wait_until_dead(pid)   # or it takes the last log-in to its grave
    for viewer in viewers:
        viewer.ask("authenticate", token=token())
        viewer.ask("spectate", guild=None)
    eventually(lambda: watched(panel) == 0, 20, "nobody looks at anything")
    for viewer in viewers:
        viewer.updates_until_answer()   # what came until then
    for viewer in viewers:
        assert viewer.updates_until_answer() == []


def test_a_gateway_with_a_bad_config_does_not_serve(make_broker, bin_directory, tmp_path):
    short = tmp_path / "short.key"
    short.write_text("too short")
    for config in ({}, {"token": {"key_file": str(tmp_path / "nowhere")}}, {"token": {"key_file": str(short)}},
                   {"token": {"algorithm": "none", "key_file": str(short)}}, {"grace": 5}):
        with make_broker(handlers={"spectator": {"command": [str(bin_directory / "spectator-handler")], "config": config}}, start=False) as broker:
            broker.start(wait_for_handlers=False)
            broker.wait_for_log("the welcome function threw")
