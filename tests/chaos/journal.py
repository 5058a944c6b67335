"""What happened, as lines of JSON: each process appends to a file of its own, and all share the machine's monotonic clock."""
import json
import os
import pathlib
import time


class Journal:
    """Appends events. Each line is one system call, so that a process that is killed leaves whole lines only."""

    def __init__(self, path):
        self.file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)

    def write(self, event, **fields):
        os.write(self.file, json.dumps({"t": time.monotonic(), "e": event, **fields}, separators=(",", ":")).encode() + b"\n")

    def close(self):
        os.close(self.file)


def read_all(directory):
    """The events of all journals in a directory, in the order of their times."""
    events = []
    texts = {}    # each that is there often is kept once
    for path in sorted(pathlib.Path(directory).glob("*.jsonl")):
        whole = path.read_bytes()
        lines = whole[:whole.rfind(b"\n") + 1].splitlines()
        for event in json.loads(b"[" + b",".join(lines) + b"]"):
            events.append({key: texts.setdefault(value, value) if isinstance(value, str) else value for key, value in event.items()})
    events.sort(key=lambda event: event["t"])
    return events


class Counter:
    """How many lines of one kind of event the journals of a directory have so far."""

    def __init__(self, directory, event):
        self.directory = pathlib.Path(directory)
        self.mark = f'"e":"{event}"'.encode()
        self.offsets = {}
        self.count = 0

    def update(self):
        for path in self.directory.glob("client-*.jsonl"):
            with open(path, "rb") as file:
                file.seek(self.offsets.get(path, 0))
                data = file.read()
            whole = data.rfind(b"\n") + 1
            self.offsets[path] = self.offsets.get(path, 0) + whole
            self.count += data[:whole].count(self.mark)
        return self.count
