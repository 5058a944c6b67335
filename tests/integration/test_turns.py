"""Nothing runs inside something else: what is read while a frame waits, or is executed, changes nothing of that frame."""
import json
import threading

import eventually as waiting
from broker import FAST, now, python_handler
from eventually import eventually
from raw_websocket import Raw
from socketio import PATH, listener

# Both names have escapes, so that they are unescaped somewhere.
PUSH = (r'{"kind":"push","after":{"0":0,"1":0,"2":0},"commands":[{"command":"sendClients","type":"escaped","report":"r",'
        r'"users":["g\u0075stav","n\u006fbody_of_this_rather_long_name"],"data":1}]}')
EVENT = r'42["scr\u0069pt",{"act":"none","note":"m\u0061llory_is_a_name_of_some_length"}]'


class Poster(threading.Thread):
    """A Socket.IO client that posts events with escapes, on connections of all shards, until it is told to stop."""

    def __init__(self, broker, shards):
        super().__init__(daemon=True)
        self.connections = [Raw(broker, "edge") for _ in range(shards)]
        self.is_over = threading.Event()
        self.posted = 0
        self.error = None

    def request(self, connection, method, query, body=b""):
        connection.send(f"{method} {PATH}?EIO=4&transport=polling{query} HTTP/1.1\r\nHost: localhost\r\n"
                        f"Content-Type: text/plain;charset=UTF-8\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
        head = connection.read_head()
        size = next(int(line.split(":")[1]) for line in head.splitlines() if line.lower().startswith("content-length"))
        body = connection.read_exactly(size)
        assert head.split()[1] == "200", (head, body)
        return body

    def run(self):
        try:
            sid = json.loads(self.request(self.connections[0], "GET", "")[1:])["sid"]
            self.request(self.connections[0], "POST", f"&sid={sid}", b"40")
            while not self.is_over.is_set():
                for connection in self.connections:
                    self.request(connection, "POST", f"&sid={sid}", EVENT.encode())
                    self.posted += 1
        except Exception as error:   # told by the test's own thread
            self.error = error


def test_commands_that_come_after_others_reach_whom_they_name_while_others_post_escaped_text(make_broker, threads):
    shards = max(threads, 3)
    edge = listener("edge", namespaces={"/": "echo"}, authentication=["anonymous"])
    with make_broker(threads=shards, handlers={"echo": python_handler(window=10_000)}, start=False,
                     permissions=[{"types": ["*"], "users": ["*"], "anonymous": True}]) as broker:
        broker.config["listeners"].append(edge)
        broker.write_config()
        broker.start()
        gustav = broker.client("gustav")
        clients = [broker.client("tina") for _ in range(shards)]   # one on each shard
        posters = [Poster(broker, shards) for _ in range(3)]
        for poster in posters:
            poster.start()
        at_once, pushed, until = 50, 0, now() + 60 * waiting.slowness
        while pushed < 6000 or any(poster.posted < 100 and poster.is_alive() for poster in posters):
            assert now() < until, [poster.posted for poster in posters]
            for client in clients:
                client.send("echo", {"act": "push_text", "text": PUSH, "times": at_once}, id=str(pushed))
                pushed += at_once
            for _ in range(at_once * shards):
                assert gustav.data("escaped") == 1
            for client in clients:
                assert client.data("echo") == "pushed"
        for poster in posters:
            poster.is_over.set()
        for poster in posters:
            poster.join(20 * waiting.slowness)
            assert poster.error is None and poster.posted >= 100, (poster.error, poster.posted)
        expected = [[1, ["nobody_of_this_rather_long_name"], pushed]]
        eventually(lambda: sum(count for _, _, count in clients[0].ask("echo", {"act": "reached"})) == pushed,
                   20, "every push was reported")
        assert clients[0].ask("echo", {"act": "reached"}) == expected
        gustav.expect_nothing_before_ping()


def test_an_instance_that_dies_while_its_frames_wait_for_one_another_has_them_all_executed_in_order(make_broker, threads):
    """Its channels end in the turns in which they wait for each other; what others send meanwhile is served."""
    shards, numbers = max(threads, 3), 300
    with make_broker(threads=shards, handlers={"mortal": python_handler(restart=FAST), "echo": python_handler()}) as broker:
        gustav = broker.client("gustav")
        senders = [broker.client("tina") for _ in range(shards)]   # one on each shard
        others = [broker.client("ann") for _ in range(shards)]
        for round in range(6):
            sender = senders[round % shards]
            pid = broker.pid_of("mortal")
            sender.send("mortal", {"act": "count", "to": numbers, "users": ["gustav"], "die": True}, id="last")
            for each in others:
                assert each.ask("echo", round) == round
            sender.bad("last", "handler_failed")
            assert [gustav.data("number") for _ in range(numbers)] == list(range(numbers))
            broker.wait_for_other_pid("mortal", pid)
            for each in senders:
                assert each.ask("mortal", round) == round
        gustav.expect_nothing_before_ping()
