"""What must be true of a ledger. Each rule is a function that takes the book and yields violations; RULES lists them."""
import collections

import orders
from ledger import FOREVER, Violation

# Statuses that promise that no handler got the message (of its last part, if it was passed on).
NOT_EXECUTED = {"no_handler", "handler_unknown", "handler_unavailable", "busy", "forbidden", "rate_limited", "bad_message", "too_large",
                "peer_unknown", "peer_refused", "shutting_down"}
# Statuses after which nothing of the handler's answer is executed.
NOT_ANSWERED = {"handler_timeout", "handler_failed", "handler_unavailable", "no_handler", "busy"}
BEFORE = 15.0      # seconds for which a fault may be felt
TURN = 0.3         # seconds: the longest that a broker's clock may be old because the machine is busy
KINDS_OF_BROKERS = ("broker_kill", "broker_restart", "broker_stop", "died")


def one_status(book):
    """Exactly one status for each id on a connection that stood; none without an id."""
    for message in book.messages.values():
        if len(message.statuses) > 1:
            yield Violation("one status", f"{message.number} was told {len(message.statuses)} statuses", message.statuses[1]["t"], message)
    for connection in book.connections.values():
        end = connection.end
        if end and end["why"] == "left" and end["missing"]:
            if any_fault_of(book, connection.server, end["t"]):
                continue   # the broker went away while it left
            for number in end["missing"]:
                yield Violation("one status", f"{number} was never told its status, and its connection stood", end["t"], book.messages[number])


def nothing_stray(book):
    for event, why in book.strays:
        yield Violation("nothing stray", f"{why}: {event}", event["t"], connection=event.get("c"))
    for event in book.single["odd"]:
        yield Violation("nothing stray", f"{event['c']}: {event['what']}", event["t"], connection=event["c"])
    for event in book.single["error"]:
        yield Violation("nothing stray", f"{event['h']} of {event['s']} was told {event['frame']}", event["t"])


def bytes_as_sent(book):
    for message in book.messages.values():
        for event in message.taken + message.got:
            if not event["whole"]:
                yield Violation("bytes as sent", f"{message.number} arrived with other data", event["t"], message)


def sender_as_it_is(book):
    """A handler is told the sender of the message, and a time that is not before it was sent."""
    for message in book.messages.values():
        sender = message.connection
        for took in message.taken:
            if (took["user"], took["home"]) != (sender.user, sender.server) or took["session"] not in (None, sender.session):
                yield Violation("sender as it is", f"{message.number} of {sender.user}@{sender.server} came from "
                                f"{took['user']}@{took['home']} ({took['session']})", took["t"], message)
            is_first = (took["s"], took["h"]) == (sender.server, message.sent["h"])
            if is_first and took["key"] != message.sent["key"]:
                yield Violation("sender as it is", f"{message.number} with the key {message.sent['key']} came with {took['key']}", took["t"], message)
            if ("inner" not in message.order and took["time"] < message.sent["wall"] - 1000 * TURN
                    and not was_stopped(book, message.sent["s"], message.sent["t"], took["t"])):
                yield Violation("time as it is", f"{message.number} was read {message.sent['wall'] - took['time']} ms before it was sent",
                                took["t"], message)


def right_recipient(book):
    """Nothing to a wrong session, and a reply's id is that of the message."""
    for message in book.messages.values():
        for got in message.got:
            connection = book.connections[got["c"]]
            address = message.address
            if address is None or not book.is_for(address, connection) and not (address[0] == "group" and asked_to_join(book, connection, address[2])):
                yield Violation("right recipient", f"{message.number} for {address} came to {got['c']}, {connection.user}@{connection.server}",
                                got["t"], message)
            if got["id"] is not None and got["id"] != message.number:
                yield Violation("right recipient", f"a delivery of {message.number} has the id {got['id']}", got["t"], message)


def asked_to_join(book, connection, group):
    if not hasattr(book, "join_orders"):
        book.join_orders = {(m.connection.name, m.order["to"]) for m in book.messages.values() if m.order["op"] == "join"}
    return (connection.name, group) in book.join_orders


def nothing_twice(book):
    """A handler gets a message once, or once more if it is idempotent and its instance was lost; each recipient gets a
    delivery once for each time."""
    for message in book.messages.values():
        by_place = collections.Counter((took["s"], took["h"]) for took in message.taken)
        for (server, handler), count in by_place.items():
            most = 2 if handler in orders.IDEMPOTENT else 1
            if count > most:
                yield Violation("nothing twice", f"{message.number} was handed to {handler} of {server} {count} times",
                                message.taken[-1]["t"], message)
        times = collections.Counter(got["c"] for got in message.got)
        server, handler, _ = message.place
        executed = 1 if handler == "echo" else len(message.takes_at(server, handler))
        for connection, count in times.items():
            if count > executed:
                yield Violation("nothing twice", f"{message.number} was delivered to {connection} {count} times, and executed {executed}",
                                message.got[-1]["t"], message, connection)
        stamps = collections.Counter((got["c"], got["by"], got["x"]) for got in message.got if got["by"])
        for (connection, _, _), count in stamps.items():
            if count > 1:
                yield Violation("nothing twice", f"one delivery of {message.number} came to {connection} {count} times",
                                message.got[-1]["t"], message, connection)


def executed_as_told(book):
    """What is good was executed; what was said not to be executed was not."""
    for message in book.messages.values():
        if not message.statuses:
            continue
        server, handler, _ = message.place
        taken = message.takes_at(server, handler)
        if message.is_good and handler != "echo" and not taken:
            yield Violation("executed as told", f"{message.number} is good, and {handler} of {server} never got it", message.status["t"], message)
        if message.code in NOT_EXECUTED:
            lost = [took for took in taken if handler in orders.IDEMPOTENT and is_lost(book, took)]
            if len(taken) > len(lost):
                yield Violation("executed as told", f"{message.number} was told {message.code}, and {handler} of {server} got it",
                                message.status["t"], message)
        if message.code in NOT_ANSWERED and message.is_direct and message.order["op"] != "push" and message.got:
            yield Violation("executed as told", f"{message.number} was told {message.code}, and its answer was executed",
                            message.status["t"], message)
        if message.order["op"] == "refuse" and message.is_good:
            yield Violation("executed as told", f"{message.number} was refused by its handler and told good", message.status["t"], message)


def is_lost(book, took):
    """Has the process that took it ended since?"""
    process = book.processes.get(took["pid"])
    return process is not None and (process.down is not None or any(
        other.server == process.server and other.handler == process.handler and other.up > took["t"] for other in book.processes.values()))


def delivered_as_told(book):
    """Who was there all the time, and has read on since, has it; and the number in the status is that of the deliveries."""
    for message in book.messages.values():
        told = delivered_by(message)
        if told is None or message.address is None:
            continue
        number, at = told
        begin, address = message.sent["t"], message.address
        got = collections.Counter(event["c"] for event in message.got)
        unknown = 0
        for connection in book.candidates(address):
            if got[connection.name] or connection.dialled > at:
                continue
            if address[0] == "group" and not asked_to_join(book, connection, address[2]):
                continue
            was_there = connection.opened < begin and connection.ended > at and book.is_for(address, connection, begin)
            if was_there and connection.proved > at:
                yield Violation("delivered as told", f"{message.number} was told good, and {connection.name} did not get it", at, message, connection.name)
            elif connection.ended > begin - BEFORE and connection.proved <= at:
                unknown += 1
            elif not was_there and connection.ended > begin - BEFORE:
                unknown += 1
        if number is None:
            continue
        seen = sum(got.values())
        if len(message.takes_at(*message.place[:2])) == 1 and seen > number:
            yield Violation("delivered as told", f"{message.number} was told {number} deliveries, and there were {seen}", at, message)
        if number > seen + unknown:
            yield Violation("delivered as told", f"{message.number} was told {number} deliveries, and there were {seen}, at most {seen + unknown}",
                            at, message)


def one_report(book):
    """Exactly one for each push, as long as its process lives on."""
    last_told = {}
    for event in book.events:
        if event["e"] == "told":
            last_told[event["pid"]] = event["t"]
    for message in book.messages.values():
        pushes = [told for told in message.told if told["op"] == "push" and told["push"]]
        for told in pushes:
            count = sum(report["pid"] == told["pid"] for report in message.reports)
            same = sum(other["pid"] == told["pid"] for other in pushes)
            if count > same:
                yield Violation("one report", f"{message.number} was reported {count} times to {told['pid']}", message.reports[-1]["t"], message)
            if count < same and last_told[told["pid"]] > told["t"] + 2 * orders.PEER_DEADLINE + 2:
                yield Violation("one report", f"{message.number} was never reported to {told['pid']}, which lived on", told["t"], message)


def delivered_by(message):
    """(number of sessions or None, when this was told), if anybody was told that it is done."""
    op = message.place[2]["op"]
    if op == "push":
        report = message.reports[0] if message.reports else None
        if report and not report["failed"]:
            return report["delivered"], report["t"]
        return None
    if not message.is_good:
        return None
    return (message.status["delivered"] if op in ("user", "session", "group") else None), message.status["t"]


def order_of_messages(book):
    """A session's messages with one key, or none, come to a handler's process in the order sent; what another handler passed on, in the order in
    which that one took it."""
    last = {}
    for event in book.events:
        if event["e"] != "took" or event["m"] not in book.messages:
            continue
        message = book.messages[event["m"]]
        if (event["s"], event["h"]) == (message.sent["s"], message.sent["h"]):
            key, place = (message.connection.name, event["pid"], message.sent["key"]), message.index
        else:
            passed = [took for took in message.takes_at(message.sent["s"], message.sent["h"]) if took["t"] <= event["t"]]
            if len(passed) != 1:
                continue   # it was taken again, and nobody knows which of them passed it on
            key, place = (message.connection.name, event["pid"], passed[0]["ch"]), passed[0]["t"]
        before = last.get(key)
        if before is not None and before[0] > place:
            yield Violation("order of messages", f"{message.number} came to {event['h']} of {event['s']} after {before[1].number}", event["t"], message)
        else:
            last[key] = (place, message)


def not_beside_newer(book):
    """What a process still holds of a session and key is not overtaken by newer messages of them at another process of the
    same handler before their deadlines, unless the first one stood still or was lost, so that it was given up."""
    held = collections.defaultdict(dict)     # (connection, server, handler) -> number -> event
    for event in book.events:
        message = book.messages.get(event.get("m"))
        if message is None or event["e"] not in ("took", "told") or event.get("push") or (event["s"], event["h"]) != (message.sent["s"], message.sent["h"]):
            continue
        mine = held[(message.connection.name, event["s"], event["h"], message.sent["key"])]
        if event["e"] == "told":
            overtaken = mine.pop((message.number, event["pid"]), {}).get("by")
            if overtaken and not stood_still(book, event, overtaken):
                yield Violation("not beside newer", f"{message.number} was still held by {event['pid']} of {event['h']} of {event['s']} when "
                                f"process {overtaken['pid']} got {overtaken['m']}", overtaken["t"], message)
            continue
        for (number, pid), before in mine.items():
            if pid != event["pid"] and book.messages[number].index < message.index and event["t"] < before["until"]:
                before.setdefault("by", event)
        mine[(message.number, event["pid"])] = {"until": event["t"] + event["deadline"] / 1000 - TURN}


def stood_still(book, told, overtaken):
    name = f"{told['s']}.{told['h']}"
    return book.faults_between(overtaken["t"] - BEFORE, told["t"], lambda fault: fault["kind"] in ("handler_stop", "handler_freeze", "handler_kill", *KINDS_OF_BROKERS)
                               and fault["target"].split("#")[0] in (name, told["s"]))


def order_of_deliveries(book):
    """What one channel sent comes to each recipient in that order."""
    last = {}
    for event in book.events:
        if event["e"] != "got" or not event["by"]:
            continue
        key = (event["c"], event["by"])
        before = last.get(key)
        if before is not None and before["x"] > event["x"]:
            yield Violation("order of deliveries", f"{event['c']} got number {event['x']} of {event['by']} after number {before['x']}: "
                            f"{event['m']} after {before['m']}", event["t"], book.messages.get(event["m"]), event["c"])
        last[key] = event if before is None or before["x"] < event["x"] else before


def replies_before_status(book):
    for message in book.messages.values():
        for got in message.got:
            if got["id"] == message.number and got["c"] == message.connection.name and message.statuses and got["t"] > message.status["t"]:
                yield Violation("replies before status", f"{message.number} was told {message.code or 'good'}, and its reply came after it", got["t"], message)
    for message in book.messages.values():
        if message.is_good and message.address == ("connection", message.connection.name) and not message.got:
            yield Violation("replies before status", f"{message.number} is good, and its reply never came", message.status["t"], message)


def not_too_early(book):
    """Nobody is told that time is over before it is."""
    for message in book.messages.values():
        least = {"handler_timeout": orders.DEADLINE if "inner" not in message.order else 0,
                 "peer_expired": min(orders.PEER_DEADLINE, orders.DEADLINE)}.get(message.code, 0)
        if (message.statuses and message.status["t"] - message.sent["t"] < least - TURN
                and not any(was_stopped(book, server, message.sent["t"], message.status["t"]) for server in orders.servers_of(message.order, message.sent["s"]))):
            yield Violation("deadline told, deadline kept", f"{message.number} was told {message.code} {message.status['t'] - message.sent['t']:.3f} s "
                            f"after it was sent; it had {least:g} s", message.status["t"], message)


def was_stopped(book, server, begin, end):
    """Did the broker stand still? Then what it did next may have begun before."""
    return book.faults_between(begin - 0.5, end, lambda fault: fault["kind"] == "broker_stop" and fault["target"] == server)


def any_fault_of(book, server, at, kinds=KINDS_OF_BROKERS, before=BEFORE):
    return book.faults_between(at - before, at + 1, lambda fault: fault["kind"] in kinds and fault["target"].split(".")[0] == server)


def failures_have_causes(book):
    """A message fails only where something is wrong: at its handlers, its servers, or between them."""
    for message in book.messages.values():
        if not message.statuses or message.is_good or message.code == orders.REFUSAL:
            continue
        begin, end = message.sent["t"], message.status["t"]
        servers = orders.servers_of(message.order, message.sent["s"])
        handlers = {f"{server}.{message.sent['h']}" for server in servers} | {f"{server}.next" for server in servers}

        def concerns(fault, servers=servers, handlers=handlers):
            target = fault["target"]
            if fault["kind"].startswith("handler_"):
                return target.split("#")[0] in handlers
            if fault["kind"].startswith(("link_", "peer_")):
                return len(servers) > 1 and bool(servers & set(target.split("-")))
            return target in servers and fault["kind"] in (*KINDS_OF_BROKERS, "reload")
        is_late = message.order["op"] == "late" and message.order["after"] >= 1000 * orders.DEADLINE
        if not is_late and not book.faults_between(begin - BEFORE, end, concerns):
            yield Violation("failures have causes", f"{message.number} was told {message.code}, and nothing was wrong", end, message)
        if message.code == "handler_timeout" and message.is_direct and not is_late:
            answered = [told for told in message.told if told["t"] < begin + orders.DEADLINE / 2]
            stopped = book.faults_between(begin - 1, end, lambda f, m=message: f["kind"] == "broker_stop" and f["target"] == m.sent["s"]
                                          or f["kind"] == "client_stop" or f["kind"] in ("handler_stop", "handler_freeze"))
            if answered and not stopped:
                yield Violation("failures have causes", f"{message.number} was told handler_timeout, and its handler had answered in time", end, message)


def instances_end_for_a_reason(book):
    """A handler's process is ended only by what was done to it, to its entry or to its broker; a broker that was stopped
    is no reason."""
    for process in book.processes.values():
        if process.down is None:
            continue
        at = process.down["t"]
        mine = f"{process.server}.{process.handler}"
        causes = book.faults_between(at - BEFORE, at, lambda fault, mine=mine, process=process: (
            fault["target"].split("#")[0] == mine or fault["target"] == process.server and fault["kind"] != "broker_stop"))
        is_end = any(event["t"] < at for event in book.single["ending"])
        if not causes and not is_end:
            yield Violation("instances end for a reason", f"process {process.pid} of {mine} was ended ({process.down['why']}), and nothing was wrong with it", at)


def connections_end_for_a_reason(book):
    """The broker closes nobody's connection but for what was done to it or to the broker."""
    for connection in book.connections.values():
        for end in [*connection.losses, *([connection.end] if connection.end else [])]:
            if end["why"] == "stuck":
                yield Violation("one status", f"{connection.name} could not be ended in the orderly way", end["t"], connection=connection.name)
            if end["state"] != "ready" or end["why"] in ("left", "dropped", "stuck"):
                continue
            causes = book.faults_between(end["t"] - BEFORE, end["t"], lambda fault, c=connection: (
                fault["target"] == c.server or fault["kind"] in ("client_stop", "slow_reader") and fault["target"][7:] == c.process[1:2]))
            if not causes:
                yield Violation("connections end for a reason", f"{connection.name} ({connection.transport}) was closed by {connection.server}: "
                                f"{end['why']}, {end['code']}", end["t"], connection=connection.name)


def brokers_stay(book):
    for event in book.single["died"]:
        yield Violation("brokers stay", f"{event['s']} ended by itself with {event['code']}", event["t"])
    for event in book.single["failed"]:
        yield Violation("brokers stay", f"{event['kind']} of {event['target']}: {event['why']}", event["t"])
    for event in book.single["internal errors"]:
        yield Violation("brokers stay", f"{event['s']} counted {event['count']} internal errors", event["t"])
    for event in book.single["refused reload"]:
        yield Violation("brokers stay", f"{event['s']} refused a good config: {event['answer']}", event["t"])
    for event in book.single["left over"]:
        yield Violation("nothing left over", event["what"], event["t"])


def good_after_the_last_fault(book):
    """When everything is whole again, what is asked goes well."""
    for message in book.messages.values():
        if message.sent["probe"] and not message.is_good and (message.statuses or message.connection.ended == FOREVER):
            yield Violation("good after the last fault", f"{message.number} was told {message.code}", message.sent["t"], message)
    for event in book.single["not whole"]:
        yield Violation("good after the last fault", event["what"], event["t"])


RULES = (one_status, nothing_stray, bytes_as_sent, sender_as_it_is, right_recipient, nothing_twice, executed_as_told, delivered_as_told, one_report,
         order_of_messages, not_beside_newer, order_of_deliveries, replies_before_status, not_too_early, failures_have_causes, instances_end_for_a_reason,
         connections_end_for_a_reason, brokers_stay, good_after_the_last_fault)


def check(book):
    """All violations, in the order of time."""
    return sorted((violation for rule in RULES for violation in rule(book)), key=lambda violation: violation.at)
