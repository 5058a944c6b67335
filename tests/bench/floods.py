#!/usr/bin/python3
"""Measures what a well-behaved client notices while strangers, a handler or another server flood the broker, and prints a
Markdown table.

The broker and its handlers have the first processor; the attackers, a connected client that sends a message every 10 ms
and one that logs in anew each half second share the second. How long that client itself waits for its processor is told
apart: that is no fault of the broker. Memory is what is resident: before, at most, and some time after the last attacker
has gone, of each flood and of all in a row.
"""
import argparse
import json
import os
import pathlib
import random
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time

from attacked_broker import AttackedBroker
import client as clients   # after the one that says where it is
import flood_attackers as strangers
import flood_partners as partners

GOALS = {"p99_ms": 100, "log_in_ms": 2000}
MOST_KEPT_MIB = 32
# With --quick: little is held for all clients together, so that these must be ended for it.
QUICK_LIMITS = {"held_input": "2MiB"}
QUICK_SECONDS = 0.2   # of a partner, which needs few connections
ENDED = {kind: "input_evictions" for kind in strangers.KINDS if kind.startswith("half ")}
KINDS = (*strangers.KINDS, *partners.KINDS)
# What says who was ended, and how.
COUNTERS = ("input_evictions", "frame_timeouts", "slow_consumers", "write_timeouts", "connections_refused", "messages_bad",
            "messages_limited", "busy", "protocol_errors", "commands_refused", "authentications_failed", "log_lines_left_out", "internal_errors")


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    root = pathlib.Path(__file__).resolve().parents[2]
    parser.add_argument("--bin", type=pathlib.Path, default=root / "build/bench/bin",
                        help="folder with the executables of a release build (default: build/bench/bin)")
    parser.add_argument("--seconds", type=float, default=15, help="that each flood lasts")
    parser.add_argument("--pause", type=float, default=10, help="seconds after it, before memory is looked at")
    parser.add_argument("--rest", type=float, default=60, help="seconds after the last one, before memory is looked at")
    parser.add_argument("--connections", type=int, default=4000, help="of the attackers, at a time")
    parser.add_argument("--only", help="floods whose name contains this")
    parser.add_argument("--quick", action="store_true", help="few and short: says only whether somebody lost something, and whether those were ended who held too much")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32), help="of what is random")
    parser.add_argument("--strict", action="store_true", help="exit with 1 if a goal is missed")
    options = parser.parse_args()
    if options.quick:
        options.seconds, options.pause, options.rest, options.connections = 0.5, 0, 0, 200
    return options


def pin(pid, core):
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        os.sched_setaffinity(int(task.name), {core})


def children_of(pid):
    return [int(each) for task in pathlib.Path(f"/proc/{pid}/task").iterdir() for each in (task / "children").read_text().split()]


def waited_seconds():
    """How long this thread was ready to run and had no processor, in its life."""
    with open("/proc/thread-self/schedstat", "rb", buffering=0) as file:
        return int(file.read(100).split()[1]) / 1e9


class Control(threading.Thread):
    """The clients whose patience is measured. `problems`: what a client must never see."""

    def __init__(self, stage):
        super().__init__(daemon=True)
        self.stage = stage
        self.is_over = threading.Event()
        self.latencies, self.at_the_broker, self.log_ins, self.problems = [], [], [], []
        self.client = clients.Client(("127.0.0.1", stage.port("open")))
        self.client.log_in_anonymously()

    def run(self):
        others = threading.Thread(target=self.log_in_again, daemon=True)
        others.start()
        while not self.is_over.is_set():
            began, waited = time.monotonic(), waited_seconds()
            try:
                assert self.client.ask("echo", 1, 60) == 1
            except (AssertionError, OSError) as error:
                self.problems.append(repr(error)[:200])
                return
            took = time.monotonic() - began
            self.latencies.append(took)
            self.at_the_broker.append(took - (waited_seconds() - waited))
            time.sleep(max(0.0, 0.01 - took))
        others.join()

    def log_in_again(self):
        while not self.is_over.is_set():
            began = time.monotonic()
            try:
                with clients.Client(("127.0.0.1", self.stage.port("open"))) as made:
                    made.log_in_anonymously()
                self.log_ins.append(time.monotonic() - began)
            except (AssertionError, OSError) as error:
                self.problems.append(f"log-in: {error!r}"[:200])
            self.is_over.wait(0.5)

    def end(self):
        self.is_over.set()
        self.join()
        self.client.close()


def percentile(values, part):
    return sorted(values)[min(len(values) - 1, int(len(values) * part))] * 1e3 if values else float("nan")


def command_for(options, stage, kind):
    """The program that is the flood, and what it is told."""
    if kind in strangers.KINDS:
        program, settings = "flood_attackers.py", {"connections": options.connections, "seed": options.seed,
                                                   "ports": {name: stage.port(name) for name in ("tcp", "open", "web", "tls")}}
    else:
        program, settings = "flood_partners.py", {"handler_socket": stage.handler_socket, "peer_port": stage.port("peers"),
                                                  "files": stage.authority.files("friend")}
    return pathlib.Path(__file__).with_name(program), json.dumps({"kind": kind, **settings})


def flood(options, stage, kind):
    """What the flood did, as a row."""
    stage.until_idle()
    before, counters = stage.broker.resident_bytes(), stage.broker.counters()
    control = Control(stage)
    control.start()
    attackers = subprocess.Popen([sys.executable, *command_for(options, stage, kind)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    peak = before
    try:
        attackers.stdout.readline()
        until = time.monotonic() + (min(options.seconds, QUICK_SECONDS) if options.quick and kind in partners.KINDS else options.seconds)
        while time.monotonic() < until:
            peak = max(peak, stage.broker.resident_bytes())
            time.sleep(0.1)
        control.end()
        said = json.loads(attackers.communicate("", timeout=120)[0].splitlines()[-1])
    finally:
        attackers.kill()
        attackers.wait()
    stage.until_idle()
    time.sleep(options.pause)
    after = stage.broker.counters()
    mib = 1 << 20
    return {"kind": kind, "p50_ms": percentile(control.latencies, 0.5), "p99_ms": percentile(control.latencies, 0.99),
            "broker_p99_ms": percentile(control.at_the_broker, 0.99),
            "log_in_ms": percentile(control.log_ins, 1), "before_mib": before / mib, "peak_mib": peak / mib,
            "after_mib": stage.broker.resident_bytes() / mib,
            "attackers": said, "ended": {name: after[name] - counters[name] for name in COUNTERS if after[name] > counters[name]},
            "problems": control.problems}


def shown(row):
    ended = ", ".join(f"{name} {count:,}" for name, count in row["ended"].items()) or "nobody"
    problems = f" **{row['problems']}**" if row["problems"] else ""
    return (f"| {row['kind']} | {row['attackers']['opened']:,} | {row['attackers']['bytes sent'] / 1e6:,.0f} | {row['p50_ms']:.1f} | {row['p99_ms']:.1f} | "
            f"{row['broker_p99_ms']:.1f} | {row['log_in_ms']:.0f} | {row['before_mib']:.0f} / {row['peak_mib']:.0f} / {row['after_mib']:.0f} | {ended}{problems} |")


def main():
    options = parse_arguments()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    missed = []
    with tempfile.TemporaryDirectory(prefix="floods-") as directory:
        with AttackedBroker(options.bin, directory, limits=QUICK_LIMITS if options.quick else None) as stage:
            stage.is_quick = options.quick
            cores = sorted(os.sched_getaffinity(0))
            for pid in (stage.pid, *children_of(stage.pid)):
                pin(pid, cores[0])
            os.sched_setaffinity(0, {cores[-1]})
            print(f"seed {options.seed}", file=sys.stderr)
            print("| flood | connections | MB sent | p50 ms | p99 ms | p99 ms, without waits for the client's processor | log-in ms, the longest | MiB before / at most / after | what was ended |\n"
                  "|---|---:|---:|---:|---:|---:|---:|---:|---|", flush=True)
            before = stage.broker.resident_bytes()
            for kind in KINDS:
                if options.only and options.only not in kind:
                    continue
                row = flood(options, stage, kind)
                print(shown(row), flush=True)
                if options.quick and kind in ENDED and ENDED[kind] not in row["ended"]:
                    missed.append(f"{kind}: nobody was ended ({ENDED[kind]})")
                if not row["attackers"]["opened"]:
                    missed.append(f"{kind}: nobody attacked")
                if not options.quick:
                    missed += [f"{kind}: {name} is {row[name]:.0f}, more than {most}" for name, most in GOALS.items() if not row[name] <= most]
                missed += [f"{kind}: {problem}" for problem in row["problems"]]
            time.sleep(options.rest)
            kept = (stage.broker.resident_bytes() - before) / (1 << 20)
            print(f"\n{options.rest:g} s after all of them: {kept:.0f} MiB more than before the first.", flush=True)
            if kept > MOST_KEPT_MIB and not options.quick:
                missed.append(f"{kept:.0f} MiB are kept, more than {MOST_KEPT_MIB}")
            stage.broker.check_counters()
    print("\n".join(missed) or "all goals are reached", file=sys.stderr)
    return 1 if options.strict and missed else 0


if __name__ == "__main__":
    sys.exit(main())
