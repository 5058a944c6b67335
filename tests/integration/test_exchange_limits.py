"""Limits of the exchange itself: nesting, groups of a session, handlers in a row; all changed by a reload."""
from broker import python_handler
from client import code_of, is_good
from eventually import eventually


def whoami(c):
    return c.ask("builtin", {"command": {"type": "whoami"}})["session"]


def do(c, *commands):
    return c.request("echo", {"do": list(commands)})[1]


def frames_of_kind(c, kind):
    return [f for _, f in c.ask("echo", {"act": "records", "kinds": [kind]})]


def nested(depth):
    return 0 if depth == 0 else [nested(depth - 1)]


def test_groups_of_a_session_are_limited_on_every_shard(make_broker):
    with make_broker(limits={"groups": 3}) as broker:
        c = broker.client("tina")
        others = [broker.client("gustav", t) for t in ("v4", "v6", "unix")]
        for i, other in enumerate(others):
            session = whoami(other)
            join = [{"command": "join", "group": f"g{n}", "sessions": [session], "report": f"{i}/{n}"} for n in range(5)]
            assert is_good(do(c, *join, join[0])), "a session that is full costs the sender nothing"
            by_tag = {}

            def all_reported():
                by_tag.update({r["report"]: r for r in frames_of_kind(c, "report")})
                return all(f"{i}/{n}" in by_tag for n in range(5))
            eventually(all_reported)
            assert [by_tag[f"{i}/{n}"]["delivered"] for n in range(5)] == [1, 1, 1, 0, 0]
            assert by_tag[f"{i}/4"]["failed"] == [{"recipient": session, "code": "too_many_groups"}]
            refused = eventually(lambda: [f for f in frames_of_kind(c, "refused")][2 * i:2 * i + 2])
            eventually(lambda: len(frames_of_kind(c, "refused")) == 2 * (i + 1))
            assert {f["code"] for f in refused} == {"too_many_groups"}
        assert broker.reload(limits={"groups": 4})["ok"]
        assert is_good(do(c, *[{"command": "join", "group": "g3", "sessions": [whoami(o)], "report": "more"} for o in others]))
        eventually(lambda: [r["delivered"] for r in frames_of_kind(c, "report") if r["report"] == "more"] == [1, 1, 1])


def test_handlers_in_a_row_are_limited(make_broker):
    handlers = {"echo": python_handler(), "next": python_handler(types=[])}
    with make_broker(handlers=handlers, limits={"hops": 2}) as broker:
        c = broker.client("tina")
        on = {"do": [{"command": "sendHandler", "handler": "next", "data": "the end"}]}
        further = {"do": [{"command": "sendHandler", "handler": "next", "data": on}]}
        assert is_good(c.request("echo", on)[1])
        assert code_of(c.request("echo", further)[1]) == "too_many_hops"
        assert broker.reload(handlers=handlers, limits={"hops": 3})["ok"]
        assert is_good(c.request("echo", further)[1])


def test_a_reload_changes_the_depth_of_messages(make_broker):
    with make_broker(limits={"json_depth": 8}) as broker:
        c = broker.client("tina")

        def refused():
            c.send("echo", nested(20))
            c.bad("error_special", "bad_message")
        refused()
        assert broker.reload(limits={"json_depth": 32})["ok"]
        assert is_good(c.request("echo", nested(20))[1])
        assert broker.reload(limits={"json_depth": 8})["ok"]
        refused()
