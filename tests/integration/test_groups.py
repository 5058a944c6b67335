"""Groups as seen by their source: the event `groups`, and handlers that use another's groups (`groups` of an entry)."""
import json

import pytest

from broker import FAST, python_handler
from client import code_of, is_good
from eventually import eventually

GATEWAY = python_handler("--events", "groups", restart=FAST)


@pytest.fixture(scope="module")
def shared(make_broker):
    handlers = {
        "gateway": GATEWAY,
        "feed": python_handler("--events", "groups", groups="gateway"),
        "shy": python_handler(groups="gateway", may={"groups": ["news-*"]}),
        "stranger": python_handler("--events", "groups"),
    }
    with make_broker(handlers=handlers, threads=3) as running:
        yield running


@pytest.fixture
def watcher(broker):
    return broker.client("ann")


def do(c, *commands, handler="gateway", code=None):
    status = c.request(handler, {"do": list(commands)})[1]
    assert is_good(status) if code is None else code_of(status) == code, status


def change(command, group):
    return {"command": command, "group": group}


def frames(watcher, handler):
    return watcher.ask(handler, {"act": "records", "kinds": ["snapshot", "event"]})


def sizes(watcher, handler="gateway"):
    """The sums over the channels, as the handler knows them by now; each channel's events are numbered without a gap."""
    by_shard, sequence = {}, {}
    for shard, frame in frames(watcher, handler):
        if frame["kind"] == "snapshot":
            for one in frame.get("groups", []):
                by_shard[one["group"], shard] = one["sessions"]
            continue
        assert frame["event"] == "group" and frame["sequence"] == sequence.get(shard, 0) + 1
        assert by_shard.get((frame["group"], shard), 0) != frame["sessions"], "an event that says nothing new"
        sequence[shard] = frame["sequence"]
        by_shard[frame["group"], shard] = frame["sessions"]
    sums = {}
    for (group, _), count in by_shard.items():
        sums[group] = sums.get(group, 0) + count
    return {group: count for group, count in sums.items() if count}


def expect_sizes(watcher, wanted, *handlers):
    for handler in handlers or ("gateway", "feed"):
        eventually(lambda: sizes(watcher, handler) == wanted, 10, lambda: f"{handler}: {wanted}, but {sizes(watcher, handler)}")


def test_the_source_hears_how_many_are_in_each_group(broker, watcher):
    crowd = [broker.client("tina", transport) for transport in ("v4", "v6", "unix") * 3]
    for number, c in enumerate(crowd):
        do(c, change("join", "hall"))
        if number % 2:
            do(c, change("join", "attic"))
    expect_sizes(watcher, {"hall": 9, "attic": 4})
    assert sizes(watcher, "stranger") == {}, "others' groups are nobody's business"
    do(crowd[0], change("leave", "hall"))
    do(crowd[0], change("leave", "hall"))
    crowd.pop().close()
    expect_sizes(watcher, {"hall": 7, "attic": 4})
    for c in crowd:
        do(c, change("leave", "attic"))
    expect_sizes(watcher, {"hall": 7})
    for c in crowd:
        c.close()
    expect_sizes(watcher, {})


def test_many_changes_in_one_turn_are_one_event(broker, watcher):
    c = broker.client("tina")
    before = len(frames(watcher, "feed"))
    do(c, *[change(command, "hall") for command in ("join", "leave") * 50], change("join", "hall"), change("join", "attic"))
    expect_sizes(watcher, {"hall": 1, "attic": 1}, "feed")
    events = [frame for _, frame in frames(watcher, "feed")[before:]]
    assert sorted((e["group"], e["sessions"]) for e in events) == [("attic", 1), ("hall", 1)]
    # Who comes back at once was never away.
    do(c, *[change(command, "hall") for command in ("leave", "join")])
    do(c, change("leave", "attic"))
    expect_sizes(watcher, {"hall": 1}, "feed")
    assert [(f["group"], f["sessions"]) for _, f in frames(watcher, "feed")[before + 2:]] == [("attic", 0)]


def test_the_sums_are_right_after_a_storm(broker, watcher):
    crowd = [broker.client("tina", transport) for transport in ("v4", "v6", "unix") * 2]
    for step in range(60):
        for number, c in enumerate(crowd):
            c.send("gateway", {"do": [change("leave", f"g{(number + step) % 5}"), change("join", f"g{(number + step + 1) % 5}")]}, str(step))
    for c in crowd:
        for step in range(60):
            c.good(str(step))
    wanted = {}
    for number in range(len(crowd)):
        group = f"g{(number + 60) % 5}"
        wanted[group] = wanted.get(group, 0) + 1
    expect_sizes(watcher, wanted)


def test_the_snapshot_has_what_is_there_when_a_source_comes_back(broker, watcher):
    crowd = [broker.client("tina", transport) for transport in ("v4", "v6", "unix") * 2]
    names = [f"group-{number:04}-{'x' * 50}" for number in range(600)]
    do(crowd[0], *[change("join", name) for name in names])   # more than a page of the snapshot
    for c in crowd:
        do(c, change("join", "hall"))
    pid = broker.pid_of("gateway")
    watcher.send("gateway", {"act": "crash"})
    broker.wait_for_other_pid("gateway", pid)
    snapshots = [f for _, f in frames(watcher, "gateway") if f["kind"] == "snapshot"]
    assert len(snapshots) > 3 and all(f["clients"] == [] for f in snapshots)
    expect_sizes(watcher, {"hall": 6, **{name: 1 for name in names}})
    do(crowd[1], change("leave", "hall"))
    expect_sizes(watcher, {"hall": 5, **{name: 1 for name in names}})


def test_another_handler_sends_to_the_groups(broker, watcher):
    inside, outside = broker.client("tina", "v6"), broker.client("gustav")
    do(inside, change("join", "hall"))
    news = {"command": "sendGroup", "group": "hall", "type": "news", "data": "hear!"}
    do(watcher, news, handler="feed")
    assert inside.data("news") == "hear!"
    do(watcher, {**news, "data": "not for you"}, handler="stranger")
    do(watcher, {**news, "data": "again"}, handler="feed")
    assert inside.data("news") == "again"
    members = watcher.ask("feed", {"act": "query", "query": {"query": "listGroup", "group": "hall"}})["sessions"]
    assert [m["user"] for m in members] == ["tina"]
    # It may put in and take out, too.
    do(outside, change("join", "hall"), handler="feed")
    expect_sizes(watcher, {"hall": 2})
    do(watcher, {**news, "data": "both"})
    assert inside.data("news") == outside.data("news") == "both"


def test_rights_over_anothers_groups_are_ones_own(broker, watcher):
    do(watcher, change("join", "hall"), change("join", "news-1"))
    do(watcher, {"command": "sendGroup", "group": "hall", "data": 1}, handler="shy", code="command_forbidden")
    do(watcher, {"command": "sendGroup", "group": "news-1", "type": "news", "data": 2}, handler="shy")
    assert watcher.data("news") == 2


def test_another_owner_takes_effect_at_a_reload(make_broker):
    gateway, stranger = python_handler(), python_handler()
    feed = python_handler("--events", "groups", groups="gateway")
    with make_broker(handlers={"gateway": gateway, "stranger": stranger, "feed": feed}, threads=3) as broker:
        c, watcher = broker.client("tina"), broker.client("ann")
        do(c, change("join", "hall"))
        do(c, change("join", "club"), handler="stranger")
        expect_sizes(watcher, {"hall": 1}, "feed")
        pid = broker.pid_of("feed")
        answer = broker.reload(handlers={"gateway": gateway, "stranger": stranger, "feed": {**feed, "groups": "stranger"}})
        assert [change["path"] for change in answer["changes"]] == ["handlers.feed.groups"]
        broker.wait_for_other_pid("feed", pid)
        expect_sizes(watcher, {"club": 1}, "feed")
        do(watcher, {"command": "sendGroup", "group": "club", "type": "news", "data": "new"}, handler="feed")
        assert c.data("news") == "new"
        # Nobody may point at what is gone: nothing changes.
        assert not broker.reload(handlers={"gateway": gateway, "feed": {**feed, "groups": "stranger"}})["ok"]
        assert watcher.ask("stranger", 5) == 5


@pytest.mark.parametrize("handlers, told", [
    ({"feed": {"groups": "gatewy"}, "gateway": {}}, 'there is no handler "gatewy"; did you mean "gateway"?'),
    ({"feed": {"groups": "middle"}, "middle": {"groups": "gateway"}, "gateway": {}}, '"middle" has no groups of its own'),
    ({"feed": {"groups": 7}}, "must be a text in quotes"),
])
def test_mistakes_are_told(broker, tmp_path, handlers, told):
    file = tmp_path / "bester.jsonc"
    file.write_text(json.dumps({"handlers": {name: {"start": "manual", **entry} for name, entry in handlers.items()}}, indent=1))
    code, _, errors = broker.cli("check", file)
    assert code != 0 and "handlers.feed.groups: " in errors and told in errors
