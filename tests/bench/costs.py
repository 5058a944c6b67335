#!/usr/bin/python3
"""Measures the broker's processor time for everything that a stranger, a client, a handler, another server or an administrator
may send, and prints a Markdown table.

Each row is one thing that is done many times, or many bytes of one kind; what the broker's process used meanwhile, all
threads, is divided by their number. The client's own time does not count.
"""
import argparse
import json
import pathlib
import resource
import signal
import sys
import tempfile
from dataclasses import dataclass
from typing import Callable

import cost_rows
import cost_rows_partners
from attacked_broker import AttackedBroker
from targets import BenchError

MOST_US_PER_CONNECTION = 3_000   # before log-in
MOST_US_PER_BYTE = 0.1           # before log-in


@dataclass(frozen=True)
class Row:
    name: str
    unit: str            # "connection", "byte", "session", …
    is_stranger: bool    # before log-in
    run: Callable        # (stage, n): does it, and returns how many units that were
    count: int           # n
    is_pooled: bool = False   # verifies a password on the pool for that


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    root = pathlib.Path(__file__).resolve().parents[2]
    parser.add_argument("--bin", type=pathlib.Path, default=root / "build/bench/bin",
                        help="folder with the executables of a release build (default: build/bench/bin)")
    parser.add_argument("--rounds", type=int, default=3, help="of which the least is taken")
    parser.add_argument("--only", help="rows whose name contains this")
    parser.add_argument("--quick", action="store_true", help="one round of few: to see that each row can be measured")
    parser.add_argument("--strict", action="store_true", help="exit with 1 if a stranger may cost more than he should")
    options = parser.parse_args()
    if options.quick:
        options.rounds = 1
    return options


def measure(options, stage, row):
    """Microseconds of the broker's processor time per unit, the least of all rounds: what else the machine does only adds to it."""
    found = []
    count = max(1, row.count // 50) if options.quick else row.count
    if not options.quick:
        row.run(stage, max(1, count // 20))   # warms up
    for _ in range(options.rounds):
        stage.until_idle()
        before = stage.cpu_seconds()
        units = row.run(stage, count)
        if isinstance(units, tuple):
            units, seconds = units
        else:
            stage.until_idle()   # the end of a connection belongs to it
            seconds = stage.cpu_seconds() - before
        found.append(seconds * 1e6 / units)
    return min(found)


def limit_of(row):
    if not row.is_stranger or row.is_pooled:
        return None
    return {"connection": MOST_US_PER_CONNECTION, "byte": MOST_US_PER_BYTE}.get(row.unit)


def shown(value):
    return f"{value:,.4f}" if value < 1 else f"{value:,.1f}" if value < 100 else f"{value:,.0f}"


def main():
    options = parse_arguments()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    rows = [Row(*each) for each in cost_rows.ROWS + cost_rows_partners.ROWS if not options.only or options.only in each[0]]
    rows.sort(key=lambda row: not row.is_stranger)
    missed = []
    try:
        with tempfile.TemporaryDirectory(prefix="costs-") as directory:
            with AttackedBroker(options.bin, directory, limits={"authentication_timeout": "5m"}) as stage:
                stage.is_quick = options.quick
                print("| what is sent | | µs of the broker's processor time | per |\n|---|---|---:|---|")
                for row in rows:
                    value = measure(options, stage, row)
                    limit = limit_of(row)
                    if limit is not None and value > limit:
                        missed.append(f"{row.name}: {value:g} µs a {row.unit}, more than {limit:g}")
                    print(f"| {row.name} | {'before' if row.is_stranger else 'after'} log-in | {shown(value)} | {row.unit} |", flush=True)
                errors = stage.broker.counters()["internal_errors"]
    except (BenchError, AssertionError, OSError) as error:
        print(f"costs.py: {error}", file=sys.stderr)
        return 2
    if options.quick:
        missed = []
    print(json.dumps({"internal errors": errors, "missed": missed}, ensure_ascii=False), file=sys.stderr)
    return 1 if errors or (options.strict and missed) else 0


if __name__ == "__main__":
    sys.exit(main())
