"""What is printed when the ledger does not hold."""
import collections

MOST_TOLD = 12         # violations of which the whole story is told
AROUND = 6.0           # seconds of faults that are shown


def title(results):
    kinds = collections.Counter(fault.kind for fault in results.faults)
    return (f"seed {results.seed}: {results.messages} messages, {results.deliveries} deliveries, {len(results.faults)} faults of {len(kinds)} kinds, "
            f"{sum(results.attacks.values())} attacks, {results.seconds:.0f} s")


def details(results, book):
    """What happened in numbers, a line each."""
    statuses = collections.Counter((m.code or "good") if m.statuses else "none" for m in book.messages.values() if m.sent["id"])
    yield "statuses: " + counted(statuses)
    yield "faults:   " + counted(collections.Counter(fault.kind for fault in results.faults))
    yield "attacks:  " + counted(results.attacks)


def counted(counter):
    return ", ".join(f"{name} {count}" for name, count in sorted(counter.items(), key=lambda each: -each[1]))


def violations(found, book, origin):
    """Lines: how many of each rule, then the stories of the first ones of each."""
    by_rule = collections.defaultdict(list)
    for each in found:
        by_rule[each.rule].append(each)
    yield f"{len(found)} violations:"
    for rule, each in by_rule.items():
        yield f"  {rule}: {len(each)}"
    shown = max(1, MOST_TOLD // len(by_rule))
    for each in (one for of_rule in by_rule.values() for one in of_rule[:shown]):
        yield ""
        yield f"{each.at - origin:9.3f}  {each}"
        yield from (f"    {line}" for line in story(each, book, origin))


def story(violation, book, origin):
    """All that the journals say of the message, and the faults around it."""
    events = []
    message = violation.message
    begin = end = violation.at
    if message is not None:
        events = [event for event in book.events if event.get("m") == message.number or event.get("tag") == message.number]
        begin = min(begin, message.sent["t"])
    if violation.connection in book.connections:
        events += [event for event in book.events if event.get("c") == violation.connection and event["e"] in ("dial", "open", "ready", "end")]
    faults = [{"t": fault["begun"], "e": "fault", **{k: v for k, v in fault.items() if k not in ("begun", "ended")}}
              for fault in book.faults_between(begin - AROUND, end + 0.5)]
    for event in sorted(events + faults, key=lambda event: event["t"]):
        said = " ".join(f"{name}={value}" for name, value in event.items() if name not in ("t", "e", "m") and value is not None)
        yield f"{event['t'] - origin:9.3f}  {event['e']:7} {said[:220]}"
