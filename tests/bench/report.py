"""What the numbers are held against, and the tables made from them."""

import operator
import statistics
from dataclasses import dataclass

COMPARISONS = {"≤": operator.le, "≥": operator.ge, "<": operator.lt}


@dataclass(frozen=True)
class Reach:
    """A bound on `metric` of `target`: as a ratio to that of `other`, or absolute without one. With
    bases, what is compared is how much more each has than its base."""

    workload: str
    label: str
    metric: str
    target: str
    other: str
    comparison: str
    bound: float
    unit: str = "×"
    target_base: str = ""
    other_base: str = ""


def latency_reaches(workload, label):
    return [
        Reach(workload, f"{label}, p50", "p50_ns", "bester", "relay", "≤", 1.15),
        Reach(workload, f"{label}, p99", "p99_ns", "bester", "relay", "≤", 1.3),
        Reach(workload, f"{label}, p50", "p50_ns", "bester", "nats", "<", 1),
        Reach(workload, f"{label}, p99", "p99_ns", "bester", "nats", "<", 1),
    ]


def added_latency(workload, label):
    """What the link adds to delivery on one server, held against what a bare hop adds to the relay."""
    return [
        Reach(workload, f"{label}: added by {link}, p50", "p50_ns", target, "relay-hop", "≤", 1.3,
              target_base="bester-local", other_base="relay-pairs")
        for link, target in (("a link", "bester-link"), ("a plain link", "bester-link-plain"))
    ] + [
        Reach(workload, f"{label}: added by a link, p50", "p50_ns", "bester-link", "nats-route", "<", 1,
              target_base="bester-local", other_base="nats-local"),
        Reach(workload, f"{label}: TLS, p50", "p50_ns", "bester-link", "bester-link-plain", "≤", 1.25),
    ]


REACHES = [
    Reach("batched", "batched, CPU per round trip", "cpu_us", "bester", "relay", "≤", 2.5),
    Reach("batched", "batched, CPU per round trip", "cpu_us", "bester", "nats", "≤", 0.5),
    Reach("batched", "batched, throughput", "throughput", "bester", "nats", "≥", 1.5),
    Reach("unbatched", "unbatched, CPU per round trip", "cpu_us", "bester", "relay", "≤", 1.2),
    Reach("unbatched", "unbatched, CPU per round trip", "cpu_us", "bester", "nats", "≤", 0.5),
    *latency_reaches("latency-pinned", "latency, pinned"),
    *latency_reaches("latency", "latency, unpinned"),
    Reach("fanout", "fan-out, CPU per delivery", "cpu_us", "bester", "nats", "≤", 1),
    Reach("fanout", "fan-out, CPU per delivery", "cpu_us", "bester", "redis", "≤", 1),
    Reach("idle", "idle, memory per session", "rss_per_session", "bester", "", "≤", 1024, " B"),
    Reach("shards", "2 shards instead of 1, CPU per round trip", "cpu_us", "bester-2", "bester", "≤", 1.1),
    # Of all CPU that the brokers take together: what a message costs on one and the same machine. Per
    # CPU-second of the busier broker the bound is easier, since two share the work.
    Reach("pairs", "pairs, messages per CPU-second of both brokers", "per_cpu_s", "bester-link", "bester-local", "≥", 0.7),
    Reach("pairs", "pairs, messages per CPU-second of the busier broker", "per_busier_cpu_s", "bester-link", "bester-local",
          "≥", 0.7),
    Reach("pairs", "pairs without statuses, messages per CPU-second of both", "per_cpu_s", "bester-link-quiet",
          "bester-local-quiet", "≥", 0.7),
    Reach("pairs", "pairs, CPU of both per message", "cpu_us", "bester-link", "nats-route", "<", 1),
    Reach("pairs", "pairs, TLS, CPU of both per message", "cpu_us", "bester-link", "bester-link-plain", "≤", 1.25),
    *added_latency("pairs-latency-pinned", "pairs, latency, pinned"),
    *added_latency("pairs-latency", "pairs, latency, unpinned"),
    Reach("batched-ws", "WebSocket, batched, messages per CPU-second", "per_cpu_s", "bester-ws", "bester", "≥", 0.8),
    Reach("batched-ws", "WebSocket, batched, CPU per round trip", "cpu_us", "bester-ws", "nats-ws", "<", 1),
    Reach("unbatched-ws", "WebSocket, unbatched, messages per CPU-second", "per_cpu_s", "bester-ws", "bester", "≥", 0.8),
    Reach("unbatched-ws", "WebSocket, unbatched, CPU per round trip", "cpu_us", "bester-ws", "nats-ws", "<", 1),
    Reach("fanout-ws", "WebSocket, fan-out, deliveries per CPU-second", "per_cpu_s", "bester-ws", "bester", "≥", 0.8),
    Reach("fanout-ws", "WebSocket, fan-out, CPU per delivery", "cpu_us", "bester-ws", "nats-ws", "<", 1),
    Reach("fanout-ws", "WebSocket, fan-out, CPU per delivery", "cpu_us", "bester-ws", "pushpin", "<", 1),
    Reach("idle-ws", "WebSocket, idle, memory per session", "rss_per_session", "bester-ws", "", "≤", 4096, " B"),
    Reach("idle-ws", "WebSocket, idle, memory per session", "rss_per_session", "bester-ws", "nats-ws", "<", 1),
    Reach("socketio", "Socket.IO, 8 in flight, round trips per CPU-second", "per_cpu_s", "bester-sio", "socket.io", "≥", 3),
    Reach("socketio-single", "Socket.IO, 1 in flight, round trips per CPU-second", "per_cpu_s", "bester-sio", "socket.io", "≥", 3),
    Reach("socketio-idle", "Socket.IO, memory per idle connection", "rss_per_session", "bester-sio", "socket.io", "≤", 0.2),
    *(Reach("spectators", f"spectators, broker's CPU, {produced:,}/s produced instead of 1,000/s", "cpu_ms_per_s",
            f"produced-{produced}", "produced-1000", "≤", 1.25) for produced in (10_000, 20_000)),
    Reach("batched-counts", "batched, allocations per round trip", "allocations", "bester", "", "≤", 0.01, ""),
    Reach("batched-ws-counts", "WebSocket, batched, allocations per round trip", "allocations", "bester-ws", "", "≤", 0.01, ""),
    Reach("unbatched-counts", "unbatched, allocations per round trip", "allocations", "bester", "", "≤", 0.01, ""),
]

# Columns of the table of raw medians: heading, metric, factor, format.
COLUMNS = [
    ("messages/s", "throughput", 1, "{:,.0f}"),
    ("CPU µs/message", "cpu_us", 1, "{:.3f}"),
    ("of the busier server", "busier_cpu_us", 1, "{:.3f}"),
    ("handler CPU µs", "handler_cpu_us", 1, "{:.3f}"),
    ("broker CPU ms/s", "cpu_ms_per_s", 1, "{:.1f}"),
    ("source CPU ms/s", "feed_cpu_ms_per_s", 1, "{:.1f}"),
    ("p50 µs", "p50_ns", 1e-3, "{:,.1f}"),
    ("p99 µs", "p99_ns", 1e-3, "{:,.1f}"),
    ("system calls/message", "syscalls", 1, "{:.3f}"),
    ("allocations/message", "allocations", 1, "{:.4f}"),
    ("bytes/session", "rss_per_session", 1, "{:,.0f}"),
]


DERIVED = {
    "per_cpu_s": lambda run: 1e6 / run["cpu_us"],
    "per_busier_cpu_s": lambda run: 1e6 / run.get("busier_cpu_us", run["cpu_us"]),
}


def values(results, workload, target, metric):
    runs = results.get(workload, {}).get(target, [])
    if metric in DERIVED:
        return [DERIVED[metric](run) for run in runs]
    return [run[metric] for run in runs if metric in run]


def above_base(results, reach, target, base):
    """The metric by round, less that of the base in the same round."""
    measured = values(results, reach.workload, target, reach.metric)
    if not base:
        return measured
    return [mine - theirs for mine, theirs in zip(measured, values(results, reach.workload, base, reach.metric))]


def evaluate(results):
    """For each reach that was measured: its value by round (ratios are taken within a round)."""
    outcomes = []
    for reach in REACHES:
        measured = above_base(results, reach, reach.target, reach.target_base)
        if reach.other:
            others = above_base(results, reach, reach.other, reach.other_base)
            measured = [mine / theirs for mine, theirs in zip(measured, others)]
        if not measured:
            continue
        middle = statistics.median(measured)
        outcomes.append({
            "workload": reach.workload, "label": reach.label, "metric": reach.metric, "other": reach.other,
            "reach": f"{reach.comparison} {reach.bound:g}{reach.unit}", "unit": reach.unit,
            "median": middle, "lowest": min(measured), "highest": max(measured),
            "met": COMPARISONS[reach.comparison](middle, reach.bound),
        })
    return outcomes


def reach_table(outcomes):
    lines = ["| workload | against | reach | measured (lowest to highest of all rounds) | met |", "|---|---|---|---|---|"]
    for one in outcomes:
        digits = "{:,.0f}" if one["unit"] == " B" else "{:.3g}" if one["unit"] else "{:.4f}"
        middle, low, high = (digits.format(one[key]) for key in ("median", "lowest", "highest"))
        lines.append(
            f"| {one['label']} | {one['other'] or '–'} | {one['reach']} | "
            f"**{middle}{one['unit']}** ({low} to {high}) | {'yes' if one['met'] else 'no'} |")
    return "\n".join(lines)


def cell(measured, factor, pattern):
    if not measured:
        return ""
    scaled = [value * factor for value in measured]
    text = pattern.format(statistics.median(scaled))
    if len(scaled) > 1:
        text += f" ({pattern.format(min(scaled))} to {pattern.format(max(scaled))})"
    return text


def median_table(results):
    """All medians with their spread; columns that nobody filled are left out."""
    rows = [(workload, target) for workload, targets in results.items() for target, runs in targets.items() if runs]
    used = [column for column in COLUMNS if any(values(results, *row, column[1]) for row in rows)]
    lines = ["| workload | target | " + " | ".join(column[0] for column in used) + " |", "|---" * (2 + len(used)) + "|"]
    for workload, target in rows:
        cells = [cell(values(results, workload, target, metric), factor, pattern) for _, metric, factor, pattern in used]
        lines.append(f"| {workload} | {target} | " + " | ".join(cells) + " |")
    return "\n".join(lines)
