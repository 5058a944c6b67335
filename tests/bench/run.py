#!/usr/bin/python3
"""Runs the benchmarks of bester, alone and as two servers, over TCP and over WebSocket, beside a bare relay,
nats-server, redis-server, pushpin and socket.io.

The targets take turns, round by round, so that whatever else the machine does hits all of them
alike. Prints Markdown tables, and writes every single result to a JSON file.
"""

import argparse
import json
import os
import pathlib
import platform
import resource
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass

import report
from pair_targets import PAIR_TARGETS
from socketio_targets import SOCKETIO_TARGETS, run_socketio_load
from targets import TARGETS as ONE_SERVER_TARGETS
from spectator_targets import SPECTATOR_TARGETS, run_spectators
from targets import BenchError
from websocket_targets import WEBSOCKET_TARGETS

TARGETS = {**ONE_SERVER_TARGETS, **PAIR_TARGETS, **WEBSOCKET_TARGETS, **SOCKETIO_TARGETS, **SPECTATOR_TARGETS}
LOAD_LIMIT = 180.0  # seconds that one run may take


@dataclass(frozen=True)
class Workload:
    name: str
    load: str                 # name of the workload in bench_load
    targets: tuple
    is_pinned: bool = False   # the target's servers on core 0, everything else on core 1
    counts: bool = False      # system calls and allocations instead of time, one round only
    is_quick: bool = True     # part of --quick, unless others are named


LINKED = ("nats-local", "nats-route", "bester-local", "bester-link", "bester-link-plain")
WORKLOADS = [
    Workload("batched", "batched", ("relay", "nats", "bester")),
    Workload("unbatched", "unbatched", ("relay", "nats", "bester")),
    Workload("latency-pinned", "latency", ("relay", "nats", "bester"), is_pinned=True),
    Workload("latency", "latency", ("relay", "nats", "bester"), is_quick=False),
    Workload("fanout", "fanout", ("nats", "redis", "bester")),
    Workload("idle", "idle", ("nats", "bester")),
    Workload("shards", "batched", ("bester", "bester-2")),
    Workload("pairs", "pairs", LINKED + ("bester-local-quiet", "bester-link-quiet")),
    Workload("pairs-latency-pinned", "pairs-latency", ("relay-pairs", "relay-hop") + LINKED, is_pinned=True),
    Workload("pairs-latency", "pairs-latency", ("relay-pairs", "relay-hop") + LINKED, is_quick=False),
    Workload("batched-ws", "batched", ("relay", "nats", "nats-ws", "bester", "bester-ws")),
    Workload("unbatched-ws", "unbatched", ("relay", "nats", "nats-ws", "bester", "bester-ws"), is_quick=False),
    Workload("fanout-ws", "fanout", ("nats-ws", "pushpin", "bester", "bester-ws"), is_quick=False),
    Workload("idle-ws", "idle", ("nats-ws", "bester", "bester-ws"), is_quick=False),
    Workload("socketio", "socketio-100x8x10", ("socket.io", "bester-sio")),
    Workload("socketio-single", "socketio-100x1x10", ("socket.io", "bester-sio"), is_quick=False),
    Workload("socketio-idle", "socketio-2000", ("socket.io", "bester-sio"), is_quick=False),
    Workload("spectators", "spectators", tuple(SPECTATOR_TARGETS)),
    Workload("batched-counts", "batched", ("relay", "nats", "bester"), counts=True),
    Workload("unbatched-counts", "unbatched", ("relay", "nats", "bester"), counts=True),
    Workload("fanout-counts", "fanout", ("nats", "redis", "bester"), counts=True),
    Workload("batched-ws-counts", "batched", ("nats-ws", "bester", "bester-ws"), counts=True, is_quick=False),
    Workload("pairs-counts", "pairs", ("bester-local", "bester-link", "bester-local-quiet", "bester-link-quiet"), counts=True),
]


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    root = pathlib.Path(__file__).resolve().parents[2]
    parser.add_argument("--bin", type=pathlib.Path, default=root / "build/bench/bin",
                        help="folder with the executables of a release build (default: build/bench/bin)")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--warmup-ms", type=int, default=1000)
    parser.add_argument("--measure-ms", type=int, default=3000)
    parser.add_argument("--quick", action="store_true", help="one short round: to see that it works, not to quote")
    parser.add_argument("--workload", action="append", choices=[each.name for each in WORKLOADS],
                        help="only this one (may be repeated)")
    parser.add_argument("--target", action="append", choices=list(TARGETS), help="only this one (may be repeated)")
    parser.add_argument("--output", type=pathlib.Path, help="JSON file (default: bench-results.json beside --bin)")
    parser.add_argument("--strict", action="store_true", help="exit with 1 if a reach is missed")
    options = parser.parse_args()
    if options.quick:
        options.rounds, options.warmup_ms, options.measure_ms = 1, 100, 300
    options.bin = options.bin.resolve()
    options.output = options.output or options.bin.parent / "bench-results.json"
    return options


def run_load(options, workload, target, syscalls=False, allocations=False):
    if workload.load.startswith("socketio-"):
        return run_socketio_load(options, workload, target)
    if workload.load == "spectators":
        return run_spectators(options, target)
    command = [
        options.bin / "bench_load", "--target", target.protocol, "--workload", workload.load,
        "--port", target.port, "--target-pid", target.pid,
        "--warmup-ms", options.warmup_ms, "--measure-ms", options.measure_ms]
    if target.receiver_port:
        command += ["--receiver-port", target.receiver_port]
    if target.second_pid:
        command += ["--second-pid", target.second_pid]
    if target.helper_pid and workload.load not in ("fanout", "idle"):
        command += ["--handler-pid", target.helper_pid]
    for pid in target.also_pids:
        command += ["--also-pid", pid]
    if syscalls:
        command += ["--syscalls"]
    if allocations:
        command += ["--alloc-file", target.allocation_file(target.pid)]
        if target.second_pid:
            command += ["--second-alloc-file", target.allocation_file(target.second_pid)]
    if workload.is_pinned:
        command = ["taskset", "-c", 1, *command]
    process = subprocess.Popen([str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        output, errors = process.communicate(timeout=LOAD_LIMIT)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    if process.returncode != 0:
        raise BenchError(f"{errors.strip()}\n{target.log_tail()}")
    return json.loads(output)


def start(options, workload, name, directory, preload=None):
    cores = {"cores": {0}, "helper_cores": {1}} if workload.is_pinned else {}
    return TARGETS[name](options.bin, directory, preload=preload, **cores)


def run_counting_syscalls(options, workload, target):
    """Where the kernel does not let us count them, the rest is measured."""
    try:
        return run_load(options, workload, target, syscalls=True)
    except BenchError as error:
        if "cannot count system calls" not in str(error):
            raise
        print(f"{workload.name}: {str(error).splitlines()[0]}", file=sys.stderr)
        return run_load(options, workload, target)


def run_once(options, workload, name):
    """One result of one target, which is started for it and stopped after it."""
    with tempfile.TemporaryDirectory(prefix="bench-") as directory:
        with start(options, workload, name, directory) as target:
            result = (run_counting_syscalls if workload.counts else run_load)(options, workload, target)
    if workload.counts and TARGETS[name].allocates_with_malloc:
        with tempfile.TemporaryDirectory(prefix="bench-") as directory:
            library = options.bin / "libbench_alloc_counter.so"
            with start(options, workload, name, directory, preload=library) as target:
                counted = run_load(options, workload, target, allocations=True)
        result.update({key: counted[key] for key in ("allocations", "releases", "allocated_bytes")})
    return result


def conditions():
    model = next((line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "?")
    return {
        "cpu": model, "cores": os.cpu_count(), "kernel": platform.release(), "load": os.getloadavg(),
        "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }


def measure(options):
    results = {}
    chosen = [each for each in WORKLOADS
              if (each.name in options.workload if options.workload else each.is_quick or not options.quick)]
    for workload in chosen:
        names = [name for name in workload.targets if not options.target or name in options.target]
        results[workload.name] = {name: [] for name in names}
        for number in range(1 if workload.counts else options.rounds):
            for name in names:
                result = run_once(options, workload, name)
                results[workload.name][name].append(result)
                print(f"{workload.name} round {number + 1} {name}: {brief(result)}", file=sys.stderr, flush=True)
    return results


def brief(result):
    if "rss_per_session" in result:
        return f"{result['rss_per_session']:,.0f} bytes a session, log-in of all took {result['login_seconds']:.1f} s"
    if "produced" in result:
        return (f"{result['produced']:,}/s produced, {result['throughput']:,.0f}/s delivered, CPU ms/s: broker "
                f"{result['cpu_ms_per_s']:.1f}, feed {result['feed_cpu_ms_per_s']:.1f}, gateway {result['gateway_cpu_ms_per_s']:.1f}")
    text = f"{result['throughput']:,.0f}/s, {result['cpu_us']:.3f} µs CPU, p50 {result['p50_ns'] / 1e3:,.1f} µs"
    for key in ("syscalls", "allocations"):
        if key in result:
            text += f", {result[key]:.4f} {key}"
    return text


def main():
    options = parse_arguments()
    # SIGTERM shall clean up like Ctrl-C does.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    where = conditions()
    try:
        results = measure(options)
    except BenchError as error:
        print(f"run.py: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("run.py: stopped; everything that was started is stopped too", file=sys.stderr)
        return 130
    outcomes = report.evaluate(results)
    options.output.write_text(json.dumps({"conditions": where, "reaches": outcomes, "results": results}, indent=1))
    print(f"{where['cores']} cores ({where['cpu']}), Linux {where['kernel']}; rounds: {options.rounds}, "
          f"{options.measure_ms / 1000:g} s each after {options.warmup_ms / 1000:g} s of warm-up; "
          f"medians, with the lowest and the highest.\n")
    if outcomes:
        print(report.reach_table(outcomes), end="\n\n")
    print(report.median_table(results))
    return 1 if options.strict and not all(one["met"] for one in outcomes) else 0


if __name__ == "__main__":
    sys.exit(main())
