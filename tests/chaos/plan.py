"""What a seed stands for: which faults come when, and the seeds of everything else that is random."""
import dataclasses
import itertools
import random

import orders

LINKS = (("alpha", "beta"), ("alpha", "gamma"), ("beta", "gamma"))   # the first one dials
WORKERS = 4

# Kind: how often it is in each round.
KINDS = {
    "handler_kill": 3, "handler_stop": 2, "handler_freeze": 1, "handler_restart": 2, "handler_drain": 1,
    "client_kill": 1, "client_stop": 2, "client_drop": 2, "client_leave": 1, "slow_reader": 2,
    "broker_kill": 1, "broker_restart": 1, "broker_stop": 1,
    "link_cut": 2, "link_end": 1, "link_stall": 2, "link_swallow": 1, "link_delay": 1, "link_bite": 2, "peer_drain": 1,
    "reload": 3, "silence": 1,
}

# Each is merged into the config of a server, or taken back if it is there already.
CHANGES = (
    {"handlers": {"plain": {"deadline": "3s"}}},
    {"handlers": {"twin": {"environment": {"CHANGED": "yes"}}}},     # other processes
    {"handlers": {"twin": {"window": 64}}},
    {"handlers": {"twin": {"instances": 3}}},
    {"handlers": {"news": {"config": {"changed": True}}}},
    {"limits": {"unanswered": 64}},
    {"limits": {"queue_messages": 2000}},
    {"log": {"level": "info"}},
    {"peering": {"heartbeat": "1s"}},
    {"peers": {"elsewhere": {"types": ["plain"]}}},
    {"permissions": [{"types": ["nothing"], "users": ["nobody"]}, {"types": ["*"], "users": ["*"], "anonymous": True}]},
)


@dataclasses.dataclass(frozen=True)
class Fault:
    number: int
    at: float            # seconds after the start
    kind: str
    target: str          # a server, "server.handler#instance", "a-b" of a link, "client-N", or "all"
    seconds: float       # how long it lasts; 0: it is a moment
    detail: float | int = 0

    def __str__(self):
        lasting = f" for {self.seconds:.1f} s" if self.seconds else ""
        return f"{self.at:6.1f} {self.kind} {self.target}{lasting}" + (f" ({self.detail:g})" if self.detail else "")


class Plan:
    def __init__(self, seed, seconds, faults):
        self.seed = seed
        self.gap = seconds / faults if faults else 0

    def seed_of(self, part):
        """Of one process or of another part that throws dice."""
        return f"{self.seed}/{part}"

    def faults(self):
        """All faults, without end, as long as there is a gap between them."""
        if not self.gap:
            return
        chance = random.Random(self.seed_of("faults"))
        at = 2.0
        numbers = itertools.count(1)
        while True:
            bag = [kind for kind, count in KINDS.items() for _ in range(count)]
            chance.shuffle(bag)
            for kind in bag:
                yield self.fault(chance, next(numbers), at, kind)
                at += self.gap * chance.uniform(0.5, 1.4)
                if kind == "silence":
                    at += 5.0

    @staticmethod
    def fault(chance, number, at, kind):
        server = chance.choice(orders.SERVERS)
        link = "-".join(chance.choice(LINKS))
        client = f"client-{chance.randrange(WORKERS)}"
        handler = chance.choice(["plain", "twin", "twin", "news", "next"])
        instance = f"{server}.{handler}#{chance.randrange(orders.INSTANCES[handler])}"
        short, long = chance.uniform(0.2, 1.0), chance.uniform(3.0, 5.0)
        some = chance.uniform(0.5, 4.0)
        target, seconds, detail = {
            "handler_kill": (instance, chance.choice([0, 0.15, 0.5]), 0),
            "handler_stop": (instance, short, 0),
            "handler_freeze": (instance, long, 0),
            "handler_restart": (f"{server}.{handler}", 0, 0),
            "handler_drain": (f"{server}.{handler}", short, 0),
            "client_kill": (client, 0, 0),
            "client_stop": (client, some, 0),
            "client_drop": (client, 0, chance.randint(1, 3)),
            "client_leave": (client, 0, chance.randint(1, 2)),
            "slow_reader": (client, some, chance.randint(1, 2)),
            "broker_kill": (server, short, 0),
            "broker_restart": (server, 0, 0),
            "broker_stop": (server, some, 0),
            "link_cut": (link, 0, 0),
            "link_end": (link, 0, 0),
            "link_stall": (link, chance.choice([short, orders.PEER_DEADLINE + short]), 0),
            "link_swallow": (link, chance.uniform(1.5, 4.0), 0),
            "link_delay": (link, some, round(chance.uniform(0.02, 0.3), 3)),
            "link_bite": (link, short, int(2 ** chance.uniform(9, 15))),
            "peer_drain": (link, short, 0),
            "reload": (server, 0, chance.randrange(len(CHANGES))),
            "silence": ("all", 0.5 + max(orders.DEADLINE, orders.PEER_DEADLINE), 0),
        }[kind]
        return Fault(number, round(at, 3), kind, target, round(seconds, 3), detail)
