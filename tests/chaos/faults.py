"""How each kind of fault of the plan is done, and undone."""
import copy
import os
import signal
import threading
import time

import broker as brokers
import orders
import plan


class NotNow(Exception):
    """What the fault is for is not there: it does not count."""


class Faults:
    """Does the plan's faults, each in a thread of its own. `applied`: those that were done. `broken`: brokers' ends that no
    fault explains."""

    def __init__(self, stage, clients, hostile, journal):
        self.stage = stage
        self.clients = clients
        self.hostile = hostile
        self.journal = journal
        self.applied = []
        self.broken = []
        self.threads = []
        self.lock = threading.Lock()
        self.broker_locks = {name: threading.Lock() for name in orders.SERVERS}
        self.link_locks = {name: threading.Lock() for name in stage.proxies}
        self.changed = {name: set() for name in orders.SERVERS}

    def begin(self, fault):
        thread = threading.Thread(target=self.run, args=[fault], daemon=True)
        self.threads.append(thread)
        thread.start()

    def wait(self, limit=60):
        """Until all that were begun are over."""
        until = time.monotonic() + limit
        for thread in self.threads:
            thread.join(max(0.0, until - time.monotonic()))
        return not any(thread.is_alive() for thread in self.threads)

    def run(self, fault):
        begun = time.monotonic()
        try:
            getattr(self, fault.kind)(fault)
        except (NotNow, OSError, ConnectionError, ProcessLookupError) as error:
            self.journal.write("skipped", n=fault.number, kind=fault.kind, target=fault.target, why=repr(error)[:200])
            return
        except AssertionError as error:   # a broker that does not come back
            self.journal.write("failed", n=fault.number, kind=fault.kind, target=fault.target, why=str(error)[-2000:])
            self.broken.append(fault.target)
            return
        with self.lock:
            self.applied.append(fault)
        self.journal.write("fault", n=fault.number, kind=fault.kind, target=fault.target, begun=begun, ended=time.monotonic())

    def note(self, fault):
        """The moment at which it begins to be felt; whoever it is for may end at once."""
        self.journal.write("strikes", n=fault.number, kind=fault.kind, target=fault.target, seconds=fault.seconds)

    # ---- handlers ----

    def process_of(self, target):
        server, rest = target.split(".")
        handler, number = rest.split("#")
        broker = self.running(server)
        for one in broker.handler(handler)["instances"]:
            if one["number"] == int(number) and one["state"] == "ready":
                return one["pid"]
        raise NotNow("no such instance now")

    def handler_kill(self, fault):
        """After it has stood still for a while, if the plan says so: then it holds messages."""
        pid = self.process_of(fault.target)
        self.note(fault)
        if fault.seconds:
            os.kill(pid, signal.SIGSTOP)
            time.sleep(fault.seconds)
        os.kill(pid, signal.SIGKILL)

    def handler_stop(self, fault):
        pid = self.process_of(fault.target)
        self.note(fault)
        os.kill(pid, signal.SIGSTOP)
        time.sleep(fault.seconds)
        if brokers.is_alive(pid):
            os.kill(pid, signal.SIGCONT)

    handler_freeze = handler_stop

    def handler_restart(self, fault):
        self.order(fault, "restart")

    def handler_drain(self, fault):
        self.order(fault, "drain")
        time.sleep(fault.seconds)
        self.order(fault, "restart")

    def order(self, fault, action):
        server, handler = fault.target.split(".")
        broker = self.running(server)
        self.note(fault)
        answer = broker.control({"request": "handlers", "action": action, "handler": handler})
        if not answer["ok"]:
            self.journal.write("refused order", target=fault.target, action=action, answer=answer)

    # ---- clients ----

    def client_kill(self, fault):
        self.note(fault)
        self.clients.kill(fault.target)

    def client_stop(self, fault):
        pid = self.clients.pid_of(fault.target)
        self.note(fault)
        os.kill(pid, signal.SIGSTOP)
        time.sleep(fault.seconds)
        os.kill(pid, signal.SIGCONT)

    def client_drop(self, fault):
        self.note(fault)
        self.clients.tell(fault.target, do="drop", count=int(fault.detail))

    def client_leave(self, fault):
        self.note(fault)
        self.clients.tell(fault.target, do="leave", count=int(fault.detail))

    def slow_reader(self, fault):
        self.note(fault)
        self.clients.tell(fault.target, do="slow", count=int(fault.detail), seconds=fault.seconds)
        time.sleep(fault.seconds)

    def silence(self, fault):
        self.note(fault)
        until = time.monotonic() + fault.seconds
        self.clients.tell_all(do="silence", until=until)
        if self.hostile:
            self.hostile.be_silent(until)
        time.sleep(fault.seconds)

    # ---- brokers ----

    def running(self, name):
        broker = self.stage.brokers[name]
        if broker.process is None or broker.process.poll() is not None or self.broker_locks[name].locked():
            raise NotNow("the broker is not there")
        return broker

    def broker_kill(self, fault):
        with self.alone(self.broker_locks[fault.target]):
            broker = self.stage.brokers[fault.target]
            self.check(fault.target)
            self.note(fault)
            broker.kill9()
            time.sleep(fault.seconds)
            broker.start(wait_for_handlers=False)

    def broker_restart(self, fault):
        with self.alone(self.broker_locks[fault.target]):
            broker = self.stage.brokers[fault.target]
            self.check(fault.target)
            self.check_counters(broker)
            self.note(fault)
            broker.process.send_signal(signal.SIGTERM)
            code = broker.process.wait(60)
            if code != 0:
                self.died(fault.target, code)
            broker.process = None
            broker.start(wait_for_handlers=False)

    def broker_stop(self, fault):
        with self.alone(self.broker_locks[fault.target]):
            broker = self.stage.brokers[fault.target]
            self.check(fault.target)
            self.note(fault)
            broker.process.send_signal(signal.SIGSTOP)
            time.sleep(fault.seconds)
            broker.process.send_signal(signal.SIGCONT)

    def check(self, name):
        """Is it still running?"""
        process = self.stage.brokers[name].process
        if process is not None and process.poll() is not None:
            self.died(name, process.returncode)
            raise NotNow("the broker ended by itself")

    def check_all(self):
        for name, lock in self.broker_locks.items():
            if lock.acquire(blocking=False):
                try:
                    self.check(name)
                except NotNow:
                    pass
                finally:
                    lock.release()
        return not self.broken

    def check_counters(self, broker):
        counters = broker.counters()
        if counters["internal_errors"]:
            self.journal.write("internal errors", s=broker.name, count=counters["internal_errors"])

    def died(self, name, code):
        if name not in self.broken:
            self.broken.append(name)
            self.journal.write("died", s=name, code=code)

    # ---- links ----

    def alone(self, lock):
        if not lock.acquire(blocking=False):
            raise NotNow("another fault has it")
        return Held(lock)

    def link_cut(self, fault):
        self.note(fault)
        self.stage.proxies[fault.target].cut()

    def link_end(self, fault):
        self.note(fault)
        self.stage.proxies[fault.target].cut(reset=False)

    def for_a_while(self, fault, begin, end):
        with self.alone(self.link_locks[fault.target]):
            proxy = self.stage.proxies[fault.target]
            self.note(fault)
            begin(proxy)
            time.sleep(fault.seconds)
            end(proxy)

    def link_stall(self, fault):
        self.for_a_while(fault, lambda proxy: proxy.hold(), lambda proxy: proxy.release())

    def link_swallow(self, fault):
        def end(proxy):
            proxy.release()
            proxy.cut()   # what was swallowed is gone, and TLS would notice
        self.for_a_while(fault, lambda proxy: proxy.swallow(), end)

    def link_delay(self, fault):
        def end(proxy):
            proxy.delay = 0.0
            proxy.release()
        self.for_a_while(fault, lambda proxy: setattr(proxy, "delay", fault.detail), end)

    def link_bite(self, fault):
        """Each connection is cut after so many bytes, in the middle of whatever passes."""
        def begin(proxy):
            proxy.budget = lambda: int(fault.detail)
            proxy.cut()
        self.for_a_while(fault, begin, lambda proxy: setattr(proxy, "budget", lambda: None) or proxy.cut())

    def peer_drain(self, fault):
        one, other = fault.target.split("-")
        with self.alone(self.link_locks[fault.target]):
            broker = self.running(one)
            self.note(fault)
            broker.control({"request": "peer_drain", "peer": other})
            time.sleep(fault.seconds)
            broker.control({"request": "peer_retry", "peer": other})

    # ---- config ----

    def reload(self, fault):
        name = fault.target
        broker = self.running(name)
        with self.lock:
            changed = self.changed[name]
            changed ^= {int(fault.detail)}
            config = copy.deepcopy(broker.config)
            for i in sorted(changed):
                merge(config, plan.CHANGES[i])
            broker.write_config(config)
        self.note(fault)
        answer = broker.control({"request": "reload"})
        if not answer["ok"] and answer["error"]["code"] != "refused":
            self.journal.write("refused reload", s=name, answer=answer)

    def undo(self):
        """Everything is as it was at the beginning: what stands still goes on, what is cut is whole."""
        for proxy in self.stage.proxies.values():
            proxy.delay, proxy.budget = 0.0, lambda: None
            proxy.release()
        for name, broker in self.stage.brokers.items():
            if self.changed[name]:
                self.changed[name].clear()
                self.journal.write("strikes", n=None, kind="reload", target=name, seconds=0)
                broker.write_config(broker.config)
                answer = broker.control({"request": "reload"})
                if not answer["ok"]:
                    self.journal.write("refused reload", s=name, answer=answer)
            for one, other in plan.LINKS:
                if one == name:
                    broker.control({"request": "peer_retry", "peer": other})
            for handler in orders.INSTANCES:
                states = [one["state"] for h in broker.status()["handlers"] if h["name"] == handler for one in h["instances"]]
                if "stopped" in states:
                    broker.control({"request": "handlers", "action": "restart", "handler": handler})


class Held:
    def __init__(self, lock):
        self.lock = lock

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.lock.release()


def merge(into, changes):
    for key, value in changes.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            merge(into[key], value)
        else:
            into[key] = copy.deepcopy(value)
