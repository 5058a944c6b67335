"""Instances that come, go and are replaced: what goes where, in which order, and what the new one knows."""
import json
import subprocess

import pytest

from broker import FAST, python_handler, wait_until_dead
from client import is_delivery, is_status
from eventually import eventually


def restart(broker, handler="echo"):
    assert broker.control({"request": "handlers", "action": "restart", "handler": handler})["ok"]


def place_of(client, key=None):
    """(instance, pid) that has a message of this client."""
    answer = ask(client, {"act": "envelope"}, key)
    return answer["instance"], answer["pid"]


def ask(client, data, key=None, type="echo"):
    client.next_id += 1
    id = f"asked {client.next_id}"
    send(client, data, id, key, type)
    client.good(id, 20)
    return client.find(lambda f: is_delivery(f) and f["payload"].get("id") == id)["payload"]["data"]


def send(client, data, id=None, key=None, type="echo"):
    payload = {"type": type, "data": data}
    if id is not None:
        payload["id"] = id
    if key is not None:
        payload["key"] = key
    client.send_frame({"payload": payload})


def replies(client, count):
    """Data of so many replies, in the order in which they came."""
    return [client.find(is_delivery, 20)["payload"]["data"] for _ in range(count)]


# ---- being ready ----

def test_a_new_instance_that_refuses_its_config_leaves_the_old_one_where_it_is(make_broker, tmp_path):
    there = tmp_path / "there"
    there.touch()
    with make_broker(handlers={"echo": python_handler("--ready", config=str(there), restart=FAST)}) as broker:
        c = broker.client("tina")
        old = place_of(c)
        for wish in ("refused", str(tmp_path / "never")):
            assert broker.reload(handlers={"echo": python_handler("--ready", config=wish, restart=FAST)})["ok"]
            if wish == "refused":
                broker.wait_for_log("this config is refused")
            eventually(lambda: len(broker.handler("echo")["instances"]) == 2, what="there is a new one, which is not ready")
            for _ in range(10):
                assert place_of(c) == old
        # It says so when it can serve.
        (tmp_path / "never").touch()
        eventually(lambda: place_of(c) != old, 20)
        eventually(lambda: len(broker.handler("echo")["instances"]) == 1)


def test_an_instance_gets_nothing_before_it_says_that_it_is_ready(make_broker, tmp_path):
    there = tmp_path / "there"
    with make_broker(start=False, handlers={"echo": python_handler("--ready", config=str(there))}) as broker:
        broker.start(wait_for_handlers=False)
        c = broker.client("tina")
        send(c, "early", "1")
        eventually(lambda: broker.handler("echo")["instances"][0]["pid"])
        assert broker.handler("echo")["instances"][0]["state"] == "starting"
        there.touch()
        c.good("1", 20)
        assert broker.handler("echo")["instances"][0]["state"] == "ready"


# ---- keys ----

def test_what_has_the_same_key_meets_in_one_instance(make_broker, transport):
    with make_broker(handlers={"echo": python_handler(instances=3)}) as broker:
        people = [broker.client(user, transport) for user in ("tina", "gustav", "ann", "tina", "gustav", "ann")]
        rooms = {}
        for c in people:
            for room in ("hall", "attic", "cellar", "Grüße", "x" * 128):
                rooms.setdefault(room, set()).add(place_of(c, room))
        assert all(len(places) == 1 for places in rooms.values()), rooms
        more = {place_of(people[0], f"room {i}") for i in range(30)}
        assert len(more) == 3, "keys are spread"
        # However it is written.
        people[0].send_frame(b'{"payload":{"type":"echo","key":"Gr\\u00fc\\u00dfe","data":{"act":"envelope"},"id":"escaped"}}')
        people[0].good("escaped")
        answer = people[0].find(is_delivery)["payload"]["data"]
        assert {(answer["instance"], answer["pid"])} == rooms["Grüße"] and answer["frame"]["key"] == "Grüße"


def test_without_a_key_nothing_is_said_of_one(make_broker):
    with make_broker() as broker:
        c = broker.client("tina")
        assert "key" not in ask(c, {"act": "envelope"})["frame"]
        assert "key" not in ask(c, {"act": "envelope"}, "")["frame"]
        assert ask(c, {"act": "envelope"}, "room")["frame"]["key"] == "room"


@pytest.mark.parametrize("key", ['1', 'null', '["a"]', '{}', '"' + 'k' * 129 + '"', '"' + 'ä' * 65 + '"', '"a","key":"a"'])
def test_bad_keys(make_broker, key, transport):
    if transport not in ("v4", "web"):
        pytest.skip("the same decoder")
    with make_broker() as broker:
        c = broker.client("tina", transport)
        c.send_frame(('{"payload":{"id":"k","type":"echo","key":%s,"data":1}}' % key).encode())
        status = c.find(is_status)
        assert status["header"]["error"]["code"] == "bad_message", status
        assert status["payload"]["id"] == ("error_special" if "key\":" in key else "k")
        assert ask(c, 1) == 1


def test_a_handler_passes_a_message_on_with_its_key_or_another(make_broker):
    handlers = {"echo": python_handler(), "next": python_handler(instances=3, types=[])}
    with make_broker(handlers=handlers) as broker:
        c = broker.client("tina")

        def passed_on(own, **fields):
            command = {"command": "sendHandler", "handler": "next", "data": {"act": "envelope"}, **fields}
            return ask(c, {"do": [command]}, own)["frame"].get("key")
        assert passed_on(None) is None
        assert passed_on("mine") == "mine"
        assert passed_on("mine", key="its own") == "its own"
        assert passed_on(None, key="its own") == "its own"
        assert passed_on("mine", key="") is None
        for bad in (1, None, "k" * 129):
            client_id = f"bad {bad}"[:60]
            send(c, {"do": [{"command": "sendHandler", "handler": "next", "data": 1, "key": bad}]}, client_id)
            c.bad(client_id, "bad_command")


def test_bester_send_sets_a_key(make_broker):
    with make_broker() as broker:
        host, port = broker.addresses["v4"]
        told = subprocess.run([broker.bester, "send", "--to", f"{host}:{port}", "--user", "tina", "--type", "echo", "--routing-key", "room 7",
                               "--data", '{"act":"envelope"}'], env={"BESTER_PASSWORD": "secret of tina"}, capture_output=True,
                              text=True, timeout=60)
        assert told.returncode == 0, told.stderr
        assert json.loads(told.stdout)["frame"]["key"] == "room 7"


# ---- who stays where ----

def test_sessions_and_keys_keep_their_instance_when_another_is_lost(make_broker):
    with make_broker(handlers={"echo": python_handler(instances=3, restart=FAST)}) as broker:
        people = [broker.client("tina", "unix") for _ in range(20)]
        keys = [None] * 10 + [f"room {i}" for i in range(10)]
        before = [place_of(c, key) for c, key in zip(people, keys)]
        instance, victim = before[0]
        assert len({place for place, _ in before}) == 3
        send(people[0], {"act": "crash"}, "crash", keys[0])
        people[0].bad("crash", "handler_failed")
        wait_until_dead(victim)
        for _ in range(2):
            # While it is gone, and when it is back.
            for c, key, (place, pid) in zip(people, keys, before):
                now_at = place_of(c, key)
                assert now_at == (place, pid) or pid == victim, (now_at, place, pid)
            broker.wait_for_handlers("echo")
        assert [place_of(c, key)[0] for c, key in zip(people, keys)] == [place for place, _ in before]


# ---- order ----

@pytest.mark.parametrize("idempotent", [False, True])
def test_what_is_given_anew_keeps_its_place(make_broker, idempotent):
    entry = python_handler(window=2, idempotent=idempotent, deadline="20s", restart=FAST, instances=1)
    with make_broker(handlers={"echo": entry}, limits={"busy_timeout": "20s"}, threads=1) as broker:
        c = broker.client("tina")
        pid = broker.pid_of("echo")
        # Two are with it, the others wait: it is lost with both.
        send(c, {"act": "hold", "n": 1}, "1")
        send(c, {"act": "hold", "n": 2}, "2")
        eventually(lambda: broker.instance("echo")["in_flight"] == 2)
        for i in range(3, 7):
            send(c, i, str(i))
        eventually(lambda: broker.handler("echo")["waiting"] == 4)
        subprocess.run(["kill", "-9", str(pid)], check=True)
        broker.wait_for_other_pid("echo", pid)
        if idempotent:
            eventually(lambda: broker.instance("echo")["in_flight"] == 2)
            assert broker.handler("echo")["waiting"] == 4
            other = broker.client("gustav")
            restart(broker)  # which releases what it holds
            assert [c.find(is_status, 20)["payload"]["id"] for _ in range(6)] == ["1", "2", "3", "4", "5", "6"]
            assert other.ask("echo", 1) == 1
        else:
            assert sorted(c.find(is_status, 20)["payload"]["id"] for _ in range(2)) == ["1", "2"]
            assert [c.find(is_status, 20)["payload"]["id"] for _ in range(4)] == ["3", "4", "5", "6"]


@pytest.mark.parametrize("replace", ["beside", "after"])
@pytest.mark.parametrize("key", [None, "room"])
def test_order_holds_through_a_replacement(make_broker, replace, key):
    entry = python_handler("--keep-on-drain", deadline="20s", replace=replace)
    with make_broker(handlers={"echo": entry, "other": python_handler()}) as broker:
        c, other = broker.client("tina"), broker.client("gustav")
        old = broker.pid_of("echo")
        send(c, {"act": "later", "ms": 2000}, "held", key)
        eventually(lambda: sum(one["in_flight"] for one in broker.handler("echo")["instances"]) == 1)
        restart(broker)
        if replace == "beside":
            broker.wait_for_other_pid("echo", old)
            eventually(lambda: any(one["state"] == "ready" and one["pid"] != old for one in broker.handler("echo")["instances"]))
            # Others go on at once, with the new one.
            assert place_of(other)[1] != old
        else:
            eventually(lambda: any(one["state"] == "draining" for one in broker.handler("echo")["instances"]))
        for i in range(5):
            send(c, {"n": i}, f"n{i}", key)
        assert other.ask("other", 1) == 1
        assert [c.find(is_status, 20)["payload"]["id"] for _ in range(6)] == ["held", "n0", "n1", "n2", "n3", "n4"]
        assert place_of(c, key)[1] != old
        wait_until_dead(old)


def test_after_means_never_two_processes(make_broker):
    with make_broker(handlers={"echo": python_handler(instances=2, replace="after", deadline="20s")}) as broker:
        c = broker.client("tina")
        before = {one["pid"] for one in broker.handler("echo")["instances"]}
        for i in range(3):
            restart(broker)
            for n in range(20):
                send(c, n, f"{i} {n}")

            def all_new():
                instances = broker.handler("echo")["instances"]
                numbers = [one["number"] for one in instances if "pid" in one]
                assert len(numbers) == len(set(numbers)), instances
                return len(numbers) == 2 and all(one["state"] == "ready" and one["pid"] not in before for one in instances)
            eventually(all_new, 40)
            before |= {one["pid"] for one in broker.handler("echo")["instances"]}
            for n in range(20):
                c.good(f"{i} {n}", 20)


# ---- what the new one knows ----

def memberships(records):
    """session → groups, as an instance knows them by its snapshots and events."""
    known = {}
    for _, frame in records:
        for one in frame.get("clients", []):
            known[one["session"]] = set(one["groups"])
        if frame.get("event") == "joined":
            known.setdefault(frame["session"], set()).add(frame["group"])
        if frame.get("event") == "left":
            known.setdefault(frame["session"], set()).discard(frame["group"])
        if frame.get("event") == "disconnected":
            known.pop(frame["session"], None)
    return known


@pytest.mark.parametrize("replace", ["beside", "after"])
def test_what_the_old_one_joins_and_leaves_in_its_drain_reaches_the_new_one(make_broker, replace):
    entry = python_handler("--events", "clients", "--keep-on-drain", deadline="20s", replace=replace)
    with make_broker(handlers={"echo": entry}) as broker:
        people = [broker.client("tina") for _ in range(6)]
        other = broker.client("gustav")
        old = broker.pid_of("echo")
        for c in people:
            ask(c, {"do": [{"command": "join", "group": "before"}, {"command": "reply"}]})
        # Answered late: the old one joins and leaves for each when the new one stands.
        for c in people:
            send(c, {"act": "later_do", "ms": 1500, "do": [{"command": "join", "group": "late"}, {"command": "leave", "group": "before"}]}, "late")
        eventually(lambda: sum(one["in_flight"] for one in broker.handler("echo")["instances"]) == 6)
        restart(broker)
        for c in people:
            c.good("late", 20)
        wait_until_dead(old)
        broker.wait_for_handlers("echo")
        records = ask(other, {"act": "records", "kinds": ["snapshot", "event"]})
        known = memberships(records)
        assert sum(groups == {"late"} for groups in known.values()) == 6, known
        told = [frame for _, frame in records if frame.get("event") in ("joined", "left")]
        assert len(told) == (12 if replace == "beside" else 0), told
