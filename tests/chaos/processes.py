"""The processes of clients (traffic.py) and of attackers (hostile.py)."""
import json
import os
import pathlib
import random
import subprocess
import threading
import time

import broker as brokers
import engine
import orders
import plan
import stage as stages
import traffic

SLOTS = 6              # clients of each process
SOURCE = pathlib.Path(__file__).resolve().parent


def pause_for(messages):
    """Seconds between two turns of a client, so that all together send so many messages a second."""
    return plan.WORKERS * (SLOTS - 1) * traffic.PER_TURN / messages


class Clients:
    """Processes "client-0", …; one that is killed is followed by another. `planted`: an address that the first client of
    the first process is to use in place of its server's."""

    def __init__(self, stage, journal, the_plan, pause, planted=None):
        self.stage = stage
        self.journal = journal
        self.plan = the_plan
        self.pause = pause
        self.planted = planted
        self.lives = {}
        self.running = {}
        self.lock = threading.Lock()
        self.said = {}

    def start_all(self):
        for i in range(plan.WORKERS):
            self.start(f"client-{i}")

    def start(self, name):
        index = int(name.split("-")[1])
        life = self.lives[name] = self.lives.get(name, 0) + 1
        shown = f"c{index}{'abcdefghijklmnopqrstuvwxyz'[life % 26]}{life}"
        settings = {"name": shown, "seed": self.plan.seed_of(shown), "journal": str(self.stage.journals / f"client-{shown}.jsonl"),
                    "types": self.stage.types, "window": 40, "slots": self.slots(index),
                    "addresses": {each: self.stage.addresses(each) for each in orders.SERVERS}}
        if self.planted and index == 0:
            settings["addresses"]["alpha"] = {**settings["addresses"]["alpha"], "tcp": self.planted}
        process = subprocess.Popen([brokers.PYTHON, "-S", "-E", str(SOURCE / "traffic.py"), json.dumps(settings)],
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
        process.shown = shown
        self.running[name] = process
        self.journal.write("process", p=shown, pid=process.pid, name=name)
        threading.Thread(target=self.listen, args=[name, process], daemon=True).start()

    def slots(self, index):
        """Fixed by the seed; of each process at least one client at each server, and one that is mostly silent."""
        chance = random.Random(self.plan.seed_of(f"slots {index}"))
        made = []
        for i in range(SLOTS):
            server = orders.SERVERS[i % len(orders.SERVERS)]
            transports = stages.TRANSPORTS[server]
            transport = transports[(index + i // len(orders.SERVERS) * plan.WORKERS) % len(transports)]
            joins = [group for group in orders.GROUPS if chance.random() < 0.5 and transport not in engine.PATHS]
            made.append({"server": server, "user": chance.choice(orders.USERS), "transport": transport, "joins": joins,
                         "pause": self.pause * 40 if i == SLOTS - 1 else self.pause})
        return made

    def listen(self, name, process):
        for line in process.stdout:
            told = json.loads(line)
            self.said.setdefault((name, told["said"]), []).append(told)

    def pid_of(self, name):
        return self.running[name].pid

    def kill(self, name):
        with self.lock:
            process = self.running[name]
            process.kill()
            process.wait()
            self.journal.write("gone", p=process.shown)
            self.start(name)

    def tell(self, name, **what):
        process = self.running[name]
        try:
            os.write(process.stdin.fileno(), json.dumps(what).encode() + b"\n")
        except BrokenPipeError:
            self.journal.write("left over", what=f"the process {name} ended by itself: {process.poll()}")

    def tell_all(self, **what):
        for name in self.running:
            self.tell(name, **what)

    def wait_for(self, what, limit):
        """Until all have said it; returns the names of those that have not."""
        until = time.monotonic() + limit
        while True:
            late = [name for name in self.running if (name, what) not in self.said]
            if not late or time.monotonic() > until or any(p.poll() not in (None, 0) for p in self.running.values()):
                return late
            time.sleep(0.05)

    def end(self):
        for process in self.running.values():
            if process.poll() is None:
                process.kill()
            process.wait()


class Hostile:
    """The attackers' process."""

    def __init__(self, stage, the_plan):
        settings = {"seed": the_plan.seed_of("hostile"), "servers": [stage.addresses(each) for each in orders.SERVERS]}
        self.log = open(stage.directory / "hostile.log", "wb")
        self.process = subprocess.Popen([brokers.PYTHON, "-S", "-E", str(SOURCE / "hostile.py"), json.dumps(settings)],
                                        stdin=subprocess.PIPE, stdout=self.log, stderr=self.log)

    def be_silent(self, until):
        self.process.stdin.write(json.dumps({"until": until}).encode() + b"\n")
        self.process.stdin.flush()

    def end(self):
        """It leaves when its input ends, and is asked how much it did."""
        self.process.stdin.close()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()
        lines = pathlib.Path(self.log.name).read_text(errors="replace").splitlines()
        assert self.process.returncode == 0, "\n".join(["the attackers' program failed:", *lines[-20:]])
        return json.loads(lines[-1]) if lines else {}
