"""Hundreds of sessions leave at once, which were noted for one thing and another: those who stay are still looked after."""
import random

import eventually as waiting
import frames
import websocket_stream as ws
from broker import python_handler
from client import code_of, is_good, is_status
from eventually import eventually
from raw_websocket import Raw
from tokens import SECRET, token

LONG = 3600


def milliseconds(seconds):
    return f"{int(seconds * 1000 * waiting.slowness)}ms"


def entered(broker, user, lifetime):
    client = broker.client(None)
    client.send_frame({"header": {"authentication": {"token": token(user, lifetime=lifetime)}}, "payload": {"type": "dummy"}})
    status = client.status("auth_special", 30)
    assert is_good(status), status
    return client


def test_those_who_stay_are_looked_after_when_many_of_every_kind_leave_at_once(make_broker, tmp_path):
    chance = random.Random(20261130)
    secret = tmp_path / "secret"
    secret.write_text(SECRET)
    secret.chmod(0o600)
    with make_broker(start=False, handlers={"echo": python_handler()}, log={"level": "info"},
                     limits={"keepalive_idle": milliseconds(1.5), "keepalive_timeout": "60s", "write_timeout": milliseconds(3), "queue_bytes": "8MiB"}) as broker:
        broker.config["tokens"] = {"test": {"algorithms": ["HS256"], "key_file": str(secret), "clock_skew": "0s"}}
        broker.config["listeners"] = [{"name": "v4", "address": "127.0.0.1:0", "authentication": ["jwt"]},
                                      {"name": "web", "transport": "websocket", "address": "127.0.0.1:0", "paths": {"/": {}},
                                       "authentication": ["anonymous"]}]
        broker.config["permissions"] = [{"types": ["*"], "users": ["*"], "anonymous": True}]
        broker.write_config()
        broker.start()
        late = [entered(broker, f"late{i % 50}", LONG) for i in range(300)]
        web = [Raw(broker, open="/") for _ in range(60)]                                       # pinged when they are silent
        for each in web:
            each.send(ws.frame(ws.TEXT, b'{"payload":{"type":"dummy"}}'))
        half = [broker.client(None) for _ in range(60)]                                        # in the middle of a frame
        for each in half:
            each.send_bytes(frames.encode(b'{"payload"')[:9])
        slow = [entered(broker, "slow", LONG) for _ in range(20)]                              # read nothing
        soon = [entered(broker, f"soon{i % 10}", 3 * waiting.slowness) for i in range(40)]     # their tokens end soon
        filler = {"do": [{"command": "sendClients", "users": ["slow"], "data": "x" * 400_000}]}
        for _ in range(15):
            assert is_good(late[-1].request("echo", filler)[1])
        leaving = soon[:30] + late[:270] + web[:50] + half[:50] + slow[:15]
        chance.shuffle(leaving)
        for each in leaving:
            each.close()
        # Each of the others has what is due to it.
        for number, each in enumerate(late[270:]):
            assert each.ask("echo", number) == number
        for each in half[50:]:
            each.send_bytes(frames.encode(b'{"payload"')[9:])
            assert not is_good(each.find(is_status))
        for each in web[50:]:
            kinds = []
            while 0x89 not in kinds:
                kinds.append(each.next()[0])
        for each in soon[30:]:
            came = each.expect_closed(20)
            assert code_of(came[-1]) == "session_expired", came
        eventually(lambda: broker.counters()["write_timeouts"] >= 5, 20, "those who take nothing are cut off")
        assert broker.counters()["sessions_expired"] == 10
        eventually(lambda: broker.status()["sessions"] == 30 + 10, 20, "all others are gone")
        assert [each.ask("echo", 1) for each in late[270:]] == [1] * 30
