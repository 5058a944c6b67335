#!/usr/bin/python3
"""Random faults over three linked brokers, and a ledger of every message. README.md says what is looked at.

    run.py --bin build/dev/bin --seconds 60 [--seed N] [--faults N]"""
import argparse
import dataclasses
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree

SOURCE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(SOURCE))

import stage as stages  # noqa: E402
import faults as faulting  # noqa: E402
import journal as journals  # noqa: E402
import ledger  # noqa: E402
import orders  # noqa: E402
import planted  # noqa: E402
import processes  # noqa: E402
import report  # noqa: E402
import rules  # noqa: E402
from eventually import eventually  # noqa: E402
from plan import Plan  # noqa: E402

FEWEST_KINDS = 10      # of faults, in a run that counts
MORE = 1.5             # how many more messages are sent than the run needs, if the machine can


@dataclasses.dataclass
class Results:
    seed: int
    begun: float = 0.0
    seconds: float = 0.0
    messages: int = 0
    deliveries: int = 0
    faults: list = dataclasses.field(default_factory=list)
    attacks: dict = dataclasses.field(default_factory=dict)
    violations: list = dataclasses.field(default_factory=list)
    too_little: str = ""
    book: ledger.Book | None = None
    planted: str | None = None


class Run:
    """One run in a directory of its own."""

    def __init__(self, options, directory):
        self.options = options
        self.plan = Plan(options.seed, options.seconds, options.faults)
        self.results = Results(options.seed)
        self.stage = stages.Stage(options.bin, directory, options.threads)
        self.journal = journals.Journal(self.stage.journals / "run.jsonl")
        self.counter = journals.Counter(self.stage.journals, "sent")

    def go(self):
        with self.stage as stage:
            self.planter = None
            try:
                stage.start()
                before = {name: (stage.descriptors(name), len(stage.children(name))) for name in orders.SERVERS}
                if self.options.plant:
                    self.planter = planted.Planter(stage.ports["alpha"]["tcp"], self.options.plant)
                pause = processes.pause_for(MORE * max(self.options.messages, 1) / self.options.seconds)
                self.clients = processes.Clients(stage, self.journal, self.plan, pause, self.planter and self.planter.port)
                self.clients.start_all()
                try:
                    self.disturb(stage)
                    if not self.faults.broken:
                        self.calm_down(stage, before)
                finally:
                    self.journal.write("ending")
                    self.clients.end()
            finally:
                self.look_at_logs(stage)
                if self.planter:
                    self.results.planted = self.planter.has_planted
                    self.planter.close()
        return self.look_at_it()

    # ---- faults and traffic ----

    def disturb(self, stage):
        """Until there were enough messages and faults, and the time is over; or something has broken."""
        hostile = processes.Hostile(stage, self.plan) if self.options.hostile else None
        self.faults = faulting.Faults(stage, self.clients, hostile, self.journal)
        self.results.begun = begun = time.monotonic()
        coming = self.plan.faults()
        fault = next(coming, None)
        next_look = begun
        try:
            while True:
                now = time.monotonic() - begun
                while fault is not None and fault.at <= now:
                    self.faults.begin(fault)
                    fault = next(coming)
                if now + begun >= next_look:
                    next_look = now + begun + 0.5
                    is_well = self.faults.check_all()
                    self.results.messages = self.counter.update()
                    kinds = {each.kind for each in self.faults.applied}
                    is_enough = (self.results.messages >= self.options.messages and len(self.faults.applied) >= self.options.faults
                                 and len(kinds) >= min(FEWEST_KINDS, self.options.faults)
                                 and (self.planter is None or self.planter.has_planted))
                    if not is_well or now > self.options.seconds and (is_enough or now > self.options.limit):
                        break
                time.sleep(0.01)
        finally:
            if hostile:
                self.results.attacks = hostile.end()
        self.results.seconds = time.monotonic() - begun
        if not self.faults.wait():
            self.journal.write("left over", what="a fault that did not end")
        self.faults.check_all()
        self.results.faults = self.faults.applied
        if not is_enough and not self.faults.broken:
            self.results.too_little = (f"only {self.results.messages} messages and {len(self.faults.applied)} faults in {self.options.limit} s; "
                                       f"of {len(kinds)} kinds; a run counts with {self.options.messages} and {self.options.faults} of {FEWEST_KINDS} kinds")

    # ---- afterwards ----

    def calm_down(self, stage, before):
        """No more faults: all is whole soon, what is asked goes well, all statuses come, and nothing is left."""
        self.faults.undo()
        try:
            stage.wait_until_whole()
        except AssertionError as error:
            self.journal.write("not whole", what=str(error))
        self.clients.tell_all(do="calm")
        self.ask_for("probe", "probed")
        for name, said in list(self.clients.said.items()):
            if said[-1].get("well") is False:
                self.journal.write("not whole", what=f"{name[0]}: not all of its clients could be served in the end")
        self.ask_for("finish", "finished")
        for name in orders.SERVERS:
            self.look_for_what_is_left(stage, name, before[name])
        self.journal.write("ending")
        for name, broker in stage.brokers.items():
            broker.process.send_signal(signal.SIGTERM)
        for name, broker in stage.brokers.items():
            try:
                code = broker.process.wait(30)
                if code != 0:
                    self.faults.died(name, code)
            except subprocess.TimeoutExpired:
                self.journal.write("left over", what=f"{name} did not end within 30 s")

    def ask_for(self, what, answer, limit=60):
        self.clients.tell_all(do=what)
        late = self.clients.wait_for(answer, limit)
        if late:
            self.journal.write("left over", what=f"{late} did not {what} within {limit} s")

    def look_for_what_is_left(self, stage, name, before):
        broker = stage.brokers[name]
        self.faults.check_counters(broker)

        def connections():
            return sum(shard["connections"] for shard in broker.status()["shards"])
        self.expect(lambda: connections() == 0, lambda: f"{name} has {connections()} connections, and all clients have left")
        self.expect(lambda: broker.status()["sessions"] == 0, lambda: f"{name} has {broker.status()['sessions']} sessions")
        descriptors, children = before
        self.expect(lambda: len(stage.children(name)) == children, lambda: f"{name} has the processes {stage.children(name)}, at the start {children}")
        self.expect(lambda: stage.descriptors(name) == descriptors, lambda: f"{name} has open {stage.descriptors(name)}, at the start {descriptors}")

    def expect(self, condition, what):
        try:
            eventually(condition, 15, "nothing is left")
        except AssertionError:
            self.journal.write("left over", what=what())

    def look_at_logs(self, stage):
        for name, log in stage.keep_logs().items():
            found = stages.brokers.SANITIZER.search(log)
            if found:
                self.journal.write("odd", c=name, what=log[found.start():found.start() + 3000])

    def look_at_it(self):
        results = self.results
        results.book = ledger.open_book(journals.read_all(self.stage.journals))
        results.messages = len(results.book.messages)
        results.deliveries = sum(len(message.got) for message in results.book.messages.values())
        results.violations = rules.check(results.book)
        return results


def parse(words):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", default=str(SOURCE.parents[1] / "build" / "dev" / "bin"), help="folder of the executables")
    parser.add_argument("--seconds", type=float, default=60, help="at least so long (60)")
    parser.add_argument("--seed", type=int, help="fixes the plan; printed if it is not given")
    parser.add_argument("--faults", type=int, help="at least so many (one a second)")
    parser.add_argument("--messages", type=int, help="at least so many (10,000 in 60 s, then 60 a second)")
    parser.add_argument("--limit", type=float, help="seconds after which a run with too little fails (four times --seconds)")
    parser.add_argument("--threads", type=int, default=2, help="shards of each broker (2)")
    parser.add_argument("--plant", choices=planted.KINDS, help="plants a fault, which is to be found")
    parser.add_argument("--no-hostile", dest="hostile", action="store_false", help="without attackers")
    parser.add_argument("--keep", help="a folder for the run's own folder of journals and logs, kept also when all is well")
    parser.add_argument("--junit", help="a file for the result as JUnit XML")
    parser.add_argument("--show-plan", action="store_true", help="prints the faults of the seed, and runs nothing")
    options = parser.parse_args(words)
    if options.seed is None:
        options.seed = random.SystemRandom().randrange(1 << 32)
    if options.faults is None:
        options.faults = int(options.seconds)
    if options.messages is None:
        # The ledger of a long run is to fit into memory.
        options.messages = int(min(options.seconds, 60) * 10_000 / 60 + max(options.seconds - 60, 0) * 60)
    if options.limit is None:
        options.limit = 4 * options.seconds
    return options


def show_plan(options):
    for fault in Plan(options.seed, options.seconds, options.faults).faults():
        if fault.at > options.seconds:
            return
        print(fault)


def write_junit(path, options, results, lines):
    suite = ElementTree.Element("testsuite", name="chaos")
    case = ElementTree.SubElement(suite, "testcase", classname="chaos", name=f"every message accounted for, seed {options.seed}",
                                  time=f"{results.seconds:.1f}")
    if results.violations or results.too_little:
        failure = ElementTree.SubElement(case, "failure", message=report.title(results))
        failure.text = "\n".join(lines)
    ElementTree.ElementTree(suite).write(path)


def main(words=None):
    options = parse(words)
    if options.show_plan:
        return show_plan(options)
    print(f"seed {options.seed}", flush=True)
    directory = pathlib.Path(tempfile.mkdtemp(prefix=f"bester-chaos-{options.seed}-", dir=options.keep))
    run = Run(options, directory)
    results = run.go()
    lines = [report.title(results), *report.details(results, results.book)]
    if results.too_little:
        lines.append(results.too_little)
    if results.violations:
        lines += report.violations(results.violations, results.book, results.begun)
        lines += ["", f"again: {sys.argv[0]} --seed {options.seed} --seconds {options.seconds:g} --faults {options.faults}",
                  f"journals and logs: {directory}"]
    print("\n".join(lines), flush=True)
    if options.junit:
        write_junit(options.junit, options, results, lines)
    if not results.violations and not options.keep:
        shutil.rmtree(directory)
    return 1 if results.violations or results.too_little else 0


if __name__ == "__main__":
    os.environ.setdefault("PYTHONDONTWRITEBYTECODE", "1")
    sys.exit(main())
